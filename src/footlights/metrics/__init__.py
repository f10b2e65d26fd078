"""Measures: fidelity of a picture against its reference, and signatures of defects."""
