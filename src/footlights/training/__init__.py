"""Training of Footlights' own nets: scenes, tapes, shards, losses, the training script and its export.

Not part of the installed program; needs the extra `train` where it computes, and PyAV where it renders.
"""
