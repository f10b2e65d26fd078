"""The tape simulator: clean progressive pictures in, an interlaced SD tape with known damage out."""
