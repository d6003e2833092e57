"""Helpers for sinks that write files: a check before the loop begins, and errors that name the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import FileError


@contextmanager
def naming(target: str | Path) -> Iterator[None]:
    """Turn an OSError of the body into a FileError that names ``target``. BrokenPipeError is not changed."""
    try:
        yield
    except (FileError, BrokenPipeError):
        raise
    except OSError as error:
        raise FileError(f"cannot write {target}: {error.strerror or error}") from error


def check_writable(path: Path) -> None:
    """Raise FileError unless a file can be written at ``path``. An existing file is not changed."""
    import tempfile  # the terminal sink does not need it

    with naming(path):
        if path.is_dir():
            raise FileError(f"cannot write {path}: it is a folder; give a file's name in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            return
