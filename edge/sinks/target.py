"""Files that sinks write: found to be writable before the loop begins, and named when they are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import FileError


@contextmanager
def naming(target: str | Path) -> Iterator[None]:
    """Turn an OSError of the body into a FileError that names ``target``; BrokenPipeError (the reader left) stays."""
    try:
        yield
    except (FileError, BrokenPipeError):
        raise
    except OSError as error:
        raise FileError(f"cannot write {target}: {error.strerror or error}") from error


def check_writable(path: Path) -> None:
    """Raise FileError unless a file can be made at ``path``; what is there stays as it is."""
    import tempfile  # a terminal needs none

    with naming(path):
        if path.is_dir():
            raise FileError(f"cannot write {path}: it is a folder; give a file's name in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            return
