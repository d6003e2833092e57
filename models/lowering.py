"""Lowering: the form in which a layer is traced, so that a compiler or delegate takes it. The function is the same.

A layer that has more than one form reads ``current()`` while it is traced, and names its other forms in ``lowers``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FLOAT, INT8 = "float", "int8"
"""FLOAT is for training and for files that compute in floating point, INT8 for files quantized after training."""

_current: ContextVar[str] = ContextVar("lowering", default=FLOAT)


def current() -> str:
    """Return the lowering for which layers are being traced: FLOAT or INT8."""
    return _current.get()


@contextmanager
def lowered_for(name: str) -> Iterator[None]:
    """Trace the layers that are called inside in the form for ``name``, which is FLOAT or INT8."""
    token = _current.set(name)
    try:
        yield
    finally:
        _current.reset(token)
