"""The interface of every runtime: open a file, run arrays through it, close it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from edge.closing import Closing
from edge.tensors import Array, TensorSpec


class OpenOptions(NamedTuple):
    """How a model file is opened.

    Attributes:
        threads: the number of threads that one run may use, at least 1.
        device: which device of its kind a backend opens, such as ``usb:0`` for an Edge TPU; None takes the first.
        delegate: the shared library that a TFLite interpreter hands operations to; None for the built-in ones.
    """

    threads: int = 1
    device: str | None = None
    delegate: Path | None = None


DEFAULT = OpenOptions()


class Model(Closing, Protocol):
    """A loaded model, which is a context manager. It is not thread-safe: one thread at a time may run it.

    Attributes:
        inputs: what ``run`` takes, in the file's order.
        outputs: what ``run`` returns, in the file's order.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run the network once and return new arrays, one for each output.

        Args:
            arrays: one for each input, with exactly its shape and dtype.

        Raises:
            InputError: the number of arrays, a shape or a dtype is wrong.
        """
        ...

    def close(self) -> None:
        """Release the interpreter. To run the model afterwards is an error."""
        ...


class Backend(Protocol):
    """A runtime.

    Attributes:
        name: the name of its row in ``edge.backends.BACKENDS``.
        formats: the suffixes of the files that it opens, with the dot.
        targets: the targets of a bundle's artifacts that it runs. A backend for "cpu" never gets an Edge TPU file.
    """

    name: str
    formats: tuple[str, ...]
    targets: tuple[str, ...] = ("cpu",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """Load a model file.

        Args:
            path: the model file.
            options: threads, device and delegate.

        Raises:
            FileError: the file is missing or unreadable.
            InputError: it is not a model, or an option is not one that this backend has.
        """
        ...

    def version(self) -> str:
        """Return the name and version of the runtime's package, as reports print them."""
        ...
