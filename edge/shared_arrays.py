"""Arrays in memory that two processes share. Nothing is serialized, and nothing of it is left behind by a crash."""

import mmap
import os
import tempfile
from collections.abc import Sequence

import numpy as np

from edge.tensors import Array

ALIGNMENT = 64
"""Each array begins at a multiple of so many bytes: a line of a processor's cache."""

Shape = tuple[int, ...]
Kind = tuple[Shape, str]
"""Shape and dtype of an array."""


def anonymous_file() -> int:
    """Return the descriptor of a new file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("edge-arrays")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedArrays:
    """Arrays side by side in a file that both processes map."""

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor of the file, which stays the caller's."""
        self._descriptor = descriptor
        self._memory: memoryview | None = None
        self._size = 0

    def arrays(self, kinds: Sequence[Kind], start: int = 0) -> list[Array]:
        """Return arrays that lie in the file one after the other; writing to them is seen by the other process.

        Args:
            kinds: shape and dtype of each.
            start: where the first begins, in bytes.
        """
        ends = np.cumsum([start, *(_padded(kind) for kind in kinds)]).tolist()
        memory = self._mapped(ends[-1])
        return [_array(memory, at, *kind) for at, kind in zip(ends, kinds, strict=False)]

    def _mapped(self, size: int) -> memoryview:
        """Return the file's memory, which is made larger when it has not ``size`` bytes."""
        if self._memory is None or self._size < size:
            self._size = max(size, os.fstat(self._descriptor).st_size, mmap.PAGESIZE)
            if os.fstat(self._descriptor).st_size < self._size:
                os.ftruncate(self._descriptor, self._size)
            # The map lives as long as the arrays in it.
            self._memory = memoryview(mmap.mmap(self._descriptor, self._size))
        return self._memory


def padded_size(kinds: Sequence[Kind]) -> int:
    """Return how many bytes arrays take side by side."""
    return sum(map(_padded, kinds))


def kind_of(array: Array) -> Kind:
    """Return shape and dtype of an array."""
    return array.shape, array.dtype.str


def _padded(kind: Kind) -> int:
    size = int(np.prod(kind[0], dtype=np.int64)) * np.dtype(kind[1]).itemsize
    return -(-size // ALIGNMENT) * ALIGNMENT


def _array(memory: memoryview, at: int, shape: Shape, dtype: str) -> Array:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(memory, dtype, count, at).reshape(shape) if count else np.empty(shape, dtype)
