"""What every backend does around its interpreter: read checks, static shapes, a quiet stderr."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edge.errors import FileProblem, InvalidInput
from edge.tensors import Array, TensorSpec

_one_at_a_time = threading.Lock()


def readable(path: Path) -> None:
    """Raise FileProblem unless ``path`` is a file that can be read, InvalidInput when it is empty."""
    if not path.exists():
        raise FileProblem(f"model {path} does not exist")
    if not path.is_file():
        raise FileProblem(f"model {path} must be a file, it is a folder; a bundle's folder holds a manifest.json")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise FileProblem(f"model {path} cannot be read: {error.strerror or error}") from error
    if empty:
        raise InvalidInput(f"model {path} is empty; get or convert it again")


def batch_of_one(path: Path, name: str, shape: Sequence[int | None]) -> tuple[int, ...]:
    """Return an input's shape with an open batch (None in front) set to 1.

    Any other open dimension raises InvalidInput: buffers are allocated once, when the model is opened.
    """
    dimensions = [1 if i == 0 and size is None else size for i, size in enumerate(shape)]
    if None in dimensions:
        shown = ", ".join("?" if size is None else str(size) for size in shape)
        raise InvalidInput(
            f"model {path}: input {name!r} must have a fixed shape except for its batch, got ({shown}); "
            "convert it with a fixed input size"
        )
    return tuple(size for size in dimensions if size is not None)


def check_inputs(specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> None:
    """Raise InvalidInput unless there is one array for each input, of its shape and dtype."""
    if len(arrays) != len(specs):
        wanted = ", ".join(f"{spec.name!r} {spec.describe()}" for spec in specs)
        raise InvalidInput(f"the model takes {len(specs)} input(s) ({wanted}), got {len(arrays)}")
    for spec, array in zip(specs, arrays, strict=True):
        spec.check(array)


def closed() -> InvalidInput:
    """Return the error for running a model after ``close``."""
    return InvalidInput("this model is closed; open it again to run it")


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the INFO lines that TFLite prints to stderr while it loads; all other lines still appear.

    No setting reaches that logger from Python (https://github.com/google-ai-edge/LiteRT/issues/7420), so
    file descriptor 2 is caught for the few milliseconds of loading. EDGE_DEBUG=1 leaves it alone.
    """
    if os.environ.get("EDGE_DEBUG") == "1":
        yield
        return
    with _one_at_a_time, _scratch() as caught:
        kept = _redirect(caught.fileno())
        try:
            yield
        finally:
            if kept is not None:
                _restore(kept)
            caught.seek(0)
            _replay(caught.read())


def _scratch() -> IO[bytes]:
    """Return a file to catch the lines in: in memory where the system can, as a device's disk may be read-only."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("edge-stderr"), "w+b")
    return tempfile.TemporaryFile()


def _redirect(target: int) -> int | None:
    """Point descriptor 2 at ``target`` and return what it was; None when it is closed, as in some services."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        return None
    os.dup2(target, 2)
    return kept


def _restore(kept: int) -> None:
    os.dup2(kept, 2)
    os.close(kept)


def _replay(text: bytes) -> None:
    rest = b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"INFO: "))
    if rest:
        os.write(2, rest)
