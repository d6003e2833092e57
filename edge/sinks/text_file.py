"""``TextFile`` is the output of sinks that write lines of text: a file, stdout, or a pipe or device."""

import io
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from edge.closing import Closing
from edge.files import replaced
from edge.sinks.target import check_writable, naming

ERRORS = "backslashreplace"
"""How lone surrogates are written, which UTF-8 cannot hold: as ``\\udce9``, which JSON reads back."""


class TextFile(Closing):
    """Writes and flushes text to a file, to ``-`` (stdout), or to a pipe or device.

    A file is begun at the first write under a temporary name, and renamed by ``close``. Use ``-`` to follow the lines
    while the loop runs. After an error no file remains.
    """

    def __init__(self, target: str) -> None:
        """Check the target. Raises FileError when it cannot be written."""
        self._target, self._path = target, Path(target)
        self._special = self._path.exists() and not self._path.is_file() and not self._path.is_dir()
        if target != "-" and not self._special:
            check_writable(self._path)
        self._open = ExitStack()
        self._file: TextIO | None = None

    @property
    def begun(self) -> bool:
        """Whether something was written."""
        return self._file is not None

    def write(self, text: str) -> None:
        """Write and flush text.

        Raises:
            FileError: it cannot be written.
            BrokenPipeError: the reader has closed the pipe.
        """
        try:
            with naming("stdout" if self._target == "-" else self._target):
                self._file = self._file or self._begin()
                self._file.write(text)
                self._file.flush()
        except OSError as error:
            self._abandon(error)
            raise

    def close(self) -> None:
        """Complete the file. See ``Closing``."""
        self._open.close()

    def _begin(self) -> TextIO:
        if self._target == "-":
            return self._open.enter_context(_stdout())
        path = self._path if self._special else self._open.enter_context(replaced(self._path))
        return self._open.enter_context(path.open("w", encoding="utf-8", errors=ERRORS, newline=""))

    def _abandon(self, error: OSError) -> None:
        """Close and remove the file. An error in close is ignored, because it only repeats the first one."""
        stack, self._open = self._open, ExitStack()
        try:
            stack.__exit__(type(error), error, error.__traceback__)
        except OSError:
            return


def _stdout() -> TextIO:
    """Return stdout with a separate buffer, so that lines a full disk refused are not written again at exit."""
    try:
        descriptor = os.dup(sys.stdout.fileno())
    except io.UnsupportedOperation:
        return _Borrowed(sys.stdout)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors=ERRORS, newline="")


class _Borrowed(io.StringIO):
    """Writes to a stream without closing it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.encode("utf-8", ERRORS).decode())

    def flush(self) -> None:
        self._stream.flush()
