"""How the tests share the machine when pytest-xdist runs them in several workers."""

import gc
import os

import pytest

# Tracing makes millions of objects that stay. Looking for garbage after every 700 of them, as Python does, cost about a
# twentieth of making, training and converting one network (three runs each way, on a machine that varies as much).
gc.set_threshold(50_000, 20, 20)

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before TensorFlow and numpy are imported: their pools would have as many threads as cores, in each of the workers.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_collection_finish():
    """What the imports made stays to the end: no collection needs to look at it again."""
    gc.collect()
    gc.freeze()


def pytest_itemcollected(item):
    """Keep the tests of a file together, whose fixtures would be made in each worker, unless they name a group."""
    if item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(item.path.name))
