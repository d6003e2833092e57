"""``Worker`` is the parent's side of a process that runs a model file (``edge.worker_main``)."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge import errors
from edge.errors import DeviceError, EdgeError
from edge.shared_arrays import Kind, SharedArrays, anonymous_file, padded_size
from edge.tensors import Array, Quantization, TensorSpec

OPEN_SECONDS = 60.0
"""How long a worker may take to open its file and run it once. A board opens a large file in ten seconds."""

CLOSE_SECONDS = 1.0
"""How long a worker may take to end by itself."""


class WorkerLost(Exception):
    """A worker has died or hangs. The message is the reason, without a subject: ``was killed by signal 9 (KILL)``."""


@dataclass(frozen=True)
class Request:
    """What a worker opens.

    Attributes:
        path: the model file.
        backend: the runtime's name; None lets ``edge.backends.for_file`` choose.
        threads: of the model.
        device: which device of its kind, see ``OpenOptions``.
    """

    path: Path
    backend: str | None
    threads: int
    device: str | None = None


class Worker:
    """A process with an opened model. One thread at a time may use it.

    Attributes:
        inputs: what the model takes.
        outputs: what the model gives.
        backend: the name of the runtime that opened the file.
        refusals: what the runtimes before it said of the file.
        seconds: how long the first run took, on zeros.
    """

    def __init__(self, request: Request, open_seconds: float = OPEN_SECONDS) -> None:
        """Start the process, and wait until it has opened the file and run it once.

        Args:
            request: what it opens.
            open_seconds: how long that may take.

        Raises:
            EdgeError: what the runtime says of the file.
            WorkerLost: the process died or took too long.
        """
        self._memory_file = anonymous_file()
        self._memory = SharedArrays(self._memory_file)
        commands, self._commands = os.pipe()
        self._replies, replies = os.pipe()
        lifeline, self._lifeline = os.pipe()
        theirs = {"commands": commands, "replies": replies, "lifeline": lifeline, "memory": self._memory_file}
        try:
            self._process = _start(request, theirs)
        except OSError as error:
            self._close_pipes()
            raise WorkerLost(f"cannot be started: {error.strerror or error}") from error
        finally:
            for descriptor in (commands, replies, lifeline):
                os.close(descriptor)
        self._rest = b""
        self._inputs: list[Array] = []
        try:
            hello = self._reply(open_seconds)
        except BaseException:
            self.kill()
            self.end()
            raise
        self.inputs, self.outputs = (tuple(map(_spec, hello[name])) for name in ("inputs", "outputs"))
        self.backend, self.refusals, self.seconds = hello["backend"], hello["refusals"], float(hello["seconds"])
        kinds: list[Kind] = [(spec.shape, spec.dtype.str) for spec in self.inputs]
        self._inputs = self._memory.arrays(kinds)
        self._start = padded_size(kinds)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def run(self, arrays: Sequence[Array], limit: float) -> list[Array]:
        """Run the model once and return new arrays.

        Args:
            arrays: that fit ``inputs``.
            limit: the longest time that the run may take, in seconds.

        Raises:
            EdgeError: what the runtime says of the run.
            WorkerLost: the process died or took too long.
        """
        for place, array in zip(self._inputs, arrays, strict=True):
            place[...] = array
        try:
            os.write(self._commands, b"\n")
        except BrokenPipeError:
            raise WorkerLost(self._cause()) from None
        kinds: list[Kind] = [(tuple(shape), dtype) for shape, dtype in self._reply(limit)["outputs"]]
        return [array.copy() for array in self._memory.arrays(kinds, self._start)]

    def end(self) -> None:
        """End the process, at once when it does not end by itself. A second call does nothing."""
        if self._commands >= 0:
            os.close(self._commands)
            self._commands = -1
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSE_SECONDS)
            self.kill()
            self._process.wait()
            self._close_pipes()
            self._inputs = []  # an error that somebody keeps holds this object, but no memory
            del self._memory

    def kill(self) -> None:
        """Let the system end the process at once. ``end`` waits for that."""
        self._process.kill()

    def _reply(self, limit: float) -> dict[str, Any]:
        """Return the worker's next message. Raises the error that it states."""
        line, deadline = self._rest, time.monotonic() + limit
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        while b"\n" not in line:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1e3):
                raise WorkerLost(f"did not answer in {limit:.1f} s")
            got = os.read(self._replies, 1 << 16)
            if not got:
                raise WorkerLost(self._cause())
            line += got
        line, _, self._rest = line.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise _stated(found["error"], found["message"])
        return found

    def _cause(self) -> str:
        """Return why the process has ended."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(CLOSE_SECONDS)
            if code >= 0:
                return f"ended with exit code {code}"
            name = signal.Signals(-code).name.removeprefix("SIG")
            memory = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
            return f"was killed by signal {-code} ({name}{memory})"
        return "closed its pipe"

    def _close_pipes(self) -> None:
        for descriptor in (self._replies, self._lifeline, self._memory_file):
            os.close(descriptor)


def _start(request: Request, theirs: dict[str, int]) -> "subprocess.Popen[bytes]":
    """Start the process. It keeps ``theirs`` open, by their numbers, and nothing else."""
    words = {"path": str(request.path.resolve()), "backend": request.backend, "threads": request.threads}
    content = json.dumps({**words, "device": request.device, **theirs})
    return subprocess.Popen(
        [sys.executable, "-m", "edge.worker_main", content],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # results may go to ours
        pass_fds=tuple(theirs.values()),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # Ctrl-C is for us
    )


def _spec(row: dict[str, Any]) -> TensorSpec:
    scale = row["quantization"]
    quantization = None if scale is None else Quantization(float(scale[0]), int(scale[1]))
    return TensorSpec(row["name"], tuple(row["shape"]), np.dtype(row["dtype"]), quantization)


def _stated(name: str, message: str) -> EdgeError:
    """Return the error that a worker states."""
    kind = getattr(errors, name, None)
    known = isinstance(kind, type) and issubclass(kind, EdgeError)
    return kind(message) if known and kind is not None else DeviceError(message)
