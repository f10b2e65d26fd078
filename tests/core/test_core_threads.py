"""What importing the package asks of the libraries that come after it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from footlights.config import child_environment

_COUNT = """
import os
import footlights
import numpy as np
wide = np.ones((35, 20000))
wide @ wide.T
print(len(os.listdir("/proc/self/task")), os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_matrix_product_wakes_no_thread_that_waits_in_a_loop() -> None:
    environment = child_environment()
    environment.pop("OPENBLAS_NUM_THREADS", None)
    assert _run(environment) == "1 1"


def test_a_number_of_threads_that_the_user_set_stays() -> None:
    assert _run(child_environment(OPENBLAS_NUM_THREADS="3")).endswith(" 3")


def _run(environment: dict[str, str]) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", _COUNT], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout.strip()
