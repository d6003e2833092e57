"""Files that sinks write: found to be writable before the loop begins, and named when they are not."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import FileProblem


@contextmanager
def naming(target: str | Path) -> Iterator[None]:
    """Turn an OSError of the body into a FileProblem that names ``target``; BrokenPipeError (the reader left) stays."""
    try:
        yield
    except (FileProblem, BrokenPipeError):
        raise
    except OSError as error:
        raise FileProblem(f"cannot write {target}: {error.strerror or error}") from error


def check_writable(path: Path) -> None:
    """Raise FileProblem unless a file can be made at ``path``; what is there stays as it is."""
    with naming(path):
        if path.is_dir():
            raise FileProblem(f"cannot write {path}: it is a folder; give a file's name in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            return
