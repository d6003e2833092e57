"""The interface of every runtime: open a file, run arrays through it, close it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from edge.closing import Closing
from edge.tensors import Array, TensorSpec


class Model(Closing, Protocol):
    """A loaded model. A context manager; not thread-safe: one thread runs it at a time."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run once. arrays: one per input, exactly its shape and dtype. Returns new arrays, one per output.

        Raises InputError for a wrong count, shape or dtype.
        """
        ...

    def close(self) -> None:
        """Release the interpreter; running afterwards is an error."""
        ...


class Backend(Protocol):
    """A runtime. formats: the file suffixes it opens, with the dot."""

    name: str
    formats: tuple[str, ...]

    def open(self, path: Path, threads: int = 1) -> Model:
        """Load ``path``. Raises FileError when missing or unreadable, InputError when not a model."""
        ...

    def version(self) -> str:
        """Return the runtime's package and version, as reports print them."""
        ...
