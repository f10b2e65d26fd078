"""From a tape file to a hashed lossless copy: probe, assume, continuity, ingest."""
