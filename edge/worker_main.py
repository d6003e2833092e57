"""The worker process of ``edge.isolated``: it opens a model file and runs it on arrays in shared memory.

    python -m edge.worker_main REQUEST    (JSON; edge.worker writes it and reads the replies)

It reads a line for each run and answers with a line of JSON, which has the shapes of the outputs or an error.
"""

import fcntl
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from edge import backends
from edge.backends.base import Model, OpenOptions
from edge.errors import EdgeError
from edge.shared_arrays import SharedArrays, kind_of, padded_size
from edge.tensors import Array, TensorSpec

_F_SETSIG = 10
"""Linux's number; Python 3.10 has no name for it."""


def main(request: dict[str, Any]) -> int:
    """Serve until the command pipe is closed, which is when the parent ends or closes the model."""
    for ignored in (signal.SIGINT, signal.SIGTERM):  # the parent decides when the worker ends
        signal.signal(ignored, signal.SIG_IGN)
    _die_with(request["lifeline"])
    with os.fdopen(request["commands"], "rb") as commands, os.fdopen(request["replies"], "wb", 0) as replies:
        try:
            _serve(request, commands, replies)
        except EdgeError as error:
            _send(replies, {"error": type(error).__name__, "message": str(error)})
        except (ImportError, MemoryError) as error:
            _send(replies, {"error": "DeviceError", "message": " ".join(f"{type(error).__name__}: {error}".split())})
    return 0


def _die_with(lifeline: int) -> None:
    """Let the kernel end this process when the parent's end of a pipe is closed, even inside a run that hangs."""
    with suppress(OSError):  # not Linux; then a worker that hangs outlives a killed parent
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, _F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if _ended(lifeline):  # before the kernel was told
        os._exit(0)


def _ended(pipe: int) -> bool:
    os.set_blocking(pipe, False)
    try:
        return os.read(pipe, 1) == b""
    except BlockingIOError:
        return False


def _serve(request: dict[str, Any], commands: Any, replies: Any) -> None:
    path, options = Path(request["path"]), OpenOptions(request["threads"], request["device"])
    backend = backends.first_that_opens(path, request["backend"])
    memory = SharedArrays(request["memory"])
    with backend.open(path, options) as model:
        kinds = [(spec.shape, spec.dtype.str) for spec in model.inputs]
        start = time.perf_counter()
        model.run([np.zeros(spec.shape, spec.dtype) for spec in model.inputs])
        hello = {
            "backend": backend.name,
            "refusals": dict(getattr(backend, "refusals", {})),
            "inputs": [described(spec) for spec in model.inputs],
            "outputs": [described(spec) for spec in model.outputs],
            "seconds": time.perf_counter() - start,
        }
        inputs = memory.arrays(kinds)
        _send(replies, hello)
        for _ in iter(commands.readline, b""):
            _send(replies, _run(model, inputs, memory, padded_size(kinds)))


def _run(model: Model, inputs: list[Array], memory: SharedArrays, start: int) -> dict[str, Any]:
    try:
        found = model.run(inputs)
    except EdgeError as error:
        return {"error": type(error).__name__, "message": str(error)}
    kinds = [kind_of(array) for array in found]
    for place, array in zip(memory.arrays(kinds, start), found, strict=True):
        place[...] = array
    return {"outputs": kinds}


def described(spec: TensorSpec) -> dict[str, Any]:
    """Return the JSON object of a tensor."""
    scale = None if spec.quantization is None else [spec.quantization.scale, spec.quantization.zero_point]
    return {"name": spec.name, "shape": spec.shape, "dtype": spec.dtype.str, "quantization": scale}


def _send(replies: Any, message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        replies.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1])))
