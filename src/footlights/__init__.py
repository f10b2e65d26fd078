"""Footlights: restores filmed stage performances, from an interlaced SD tape to a faithful 4K master and a stream."""

from __future__ import annotations

import ctypes
import os
import sys

__version__ = "0.1.0"


def _keep_big_blocks() -> None:
    """Let glibc reuse blocks above 32 MB instead of mapping them anew: a 4K float plane is 25 MB and page faults
    cost up to half of the arithmetic. Must run before the first large allocation."""
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library; only speed is lost
    m_trim_threshold, m_mmap_threshold = -1, -3
    mallopt(m_mmap_threshold, 2**31 - 1)
    mallopt(m_trim_threshold, 2**31 - 1)


def _one_thread_for_blas() -> None:
    """Let OpenBLAS compute with the thread that asks. Its others wait in a loop: with as many threads as cores and any
    other work beside them, a product of (35, 160000) with its transpose took 3.2 s instead of 12 ms. What is large here
    runs elsewhere (nets, encoders, OpenCV). Must run before NumPy is imported; a number that is set already stays."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


_keep_big_blocks()
_one_thread_for_blas()
