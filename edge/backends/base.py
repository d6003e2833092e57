"""The interface of every runtime: open a file, run arrays through it, close it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.closing import Closing
from edge.tensors import Array, TensorSpec


@dataclass(frozen=True)
class OpenOptions:
    """How a model file is opened.

    Attributes:
        threads: that one run may use, at least 1.
        device: which device of its kind a backend opens, such as ``usb:0`` for an Edge TPU; None takes the first.
        delegate: the shared library that a TFLite interpreter hands operations to; None for the built-in ones.
    """

    threads: int = 1
    device: str | None = None
    delegate: Path | None = None


DEFAULT = OpenOptions()


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
    """A runtime.

    Attributes:
        name: the row in ``edge.backends.BACKENDS``.
        formats: the file suffixes that it opens, with the dot.
        targets: the targets of a bundle's artifacts that it drives; a CPU backend is never handed another's file.
    """

    name: str
    formats: tuple[str, ...]
    targets: tuple[str, ...] = ("cpu",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """Load ``path``.

        Raises:
            FileError: the file is missing or unreadable.
            InputError: it is no model, or an option is not one that this backend has.
        """
        ...

    def version(self) -> str:
        """Return the runtime's package and version, as reports print them."""
        ...
