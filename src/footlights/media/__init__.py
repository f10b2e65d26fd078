"""The only package that touches PyAV and starts ffmpeg: opening, decoding, filtering, encoding, muxing."""
