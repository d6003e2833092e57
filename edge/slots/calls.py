"""What the workstation writes to the agent: one line of JSON, or a stream of files, that may stall but not for ever."""

import io
import json
import os
import select
from collections.abc import Mapping
from typing import Any, BinaryIO

from edge.errors import InputError

SILENCE_S = 60.0
"""How long the workstation may be silent. sshd keeps a lost connection for hours, and the agent may hold the lock."""


class _Patient(io.RawIOBase):
    """A pipe that is read as long as something comes."""

    def __init__(self, descriptor: int, longest_s: float) -> None:
        super().__init__()
        self._descriptor, self._longest_s = descriptor, longest_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not select.select([self._descriptor], [], [], self._longest_s)[0]:
            raise InputError(f"nothing came from the workstation for {self._longest_s:g} s; deploy again to go on")
        return os.readv(self._descriptor, [buffer])


def given(descriptor: int = 0, longest_s: float = SILENCE_S) -> BinaryIO:
    """Return what the workstation sends, the standard input. Reading raises InputError when it is silent for long."""
    return io.BufferedReader(_Patient(descriptor, longest_s))


def line(stream: BinaryIO) -> Mapping[str, Any]:
    """Return the object in the first line of a stream. Raises InputError when it is none."""
    content = stream.readline()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"a command must be given by a line with a JSON object, got {content[:60]!r}")
    return found
