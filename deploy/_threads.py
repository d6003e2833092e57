"""Threads of calibration: layers at once, each with one thread of the linear algebra library.

The matrices are small, and two threads of OpenBLAS on one of them wait for each other more than they compute; beside
other programs they take several times as long as one.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from edge.deploy._tensorflow import need

MOST = 4
"""The most layers at once, as each needs memory of its own: 0.6 GB for a convolution of 3x3 with 512 channels."""

Result = TypeVar("Result")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let the linear algebra of numpy run in the thread that calls it, in the whole process, during the body."""
    with need("threadpoolctl").threadpool_limits(limits=1, user_api="blas"):
        yield


def at_once(jobs: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """Run functions in as many threads as there are processors, and yield their results in order.

    No function is kept once it has run, nor a result once it is yielded.
    """
    with ThreadPoolExecutor(min(MOST, os.cpu_count() or 1)) as pool:
        waiting = deque(pool.submit(job) for job in jobs)
        while waiting:
            yield waiting.popleft().result()
