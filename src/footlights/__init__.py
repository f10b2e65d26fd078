"""Footlights: restores filmed stage performances, from an interlaced SD tape to a faithful 4K master and a stream."""

from __future__ import annotations

import ctypes
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


_keep_big_blocks()
