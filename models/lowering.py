"""How a layer is written for a target: the same function, in the form that the target's compiler or delegate takes.

A layer that has more than one form reads ``target()`` while it is traced, and names the targets in ``lowers``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FLOAT, INT8 = "float", "int8"
"""FLOAT: training, and files that compute in floating point. INT8: files quantized after training."""

_target: ContextVar[str] = ContextVar("target", default=FLOAT)


def target() -> str:
    """Return the target that the graph is being traced for."""
    return _target.get()


@contextmanager
def lowered_for(name: str) -> Iterator[None]:
    """Trace what is called inside for the target ``name``."""
    token = _target.set(name)
    try:
        yield
    finally:
        _target.reset(token)
