"""A backend for tests of worker processes: it opens ``.faulty`` files and fails on request, as native code does."""

import ctypes
import json
import os
import signal
import time
from pathlib import Path

import numpy as np

from edge.backends import _opening
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.errors import BrokenOutput, DeviceError, InputError
from edge.tensors import TensorSpec

GOOD, KILL, SEGFAULT, HANG, EXIT, REFUSE, UNPLUG, GROW = range(8)
"""What the first number of the input makes the model do. Other inputs are added up."""


class Faulty(Backend):
    """A file holds JSON: ``{"open": "fine"}``, or ``die`` or ``refuse``; with ``once`` the first opening is fine."""

    name = "faulty"
    formats = (".faulty",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        _opening.readable(path)
        said = json.loads(path.read_text())
        mark = path.with_suffix(".opened")
        fine = said["open"] == "fine" or (said.get("once") and not mark.exists())
        mark.write_text(f"{mark.read_text() if mark.exists() else ''}x")
        if not fine and said["open"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if not fine:
            raise InputError(f"model {path} is refused")
        return FaultyModel(said.get("delay", 0.0))

    def version(self) -> str:
        return "faulty 1"


class FaultyModel(Model):
    """It returns the sum of four numbers, and their double; the second output grows on request."""

    inputs = (TensorSpec("x", (1, 4), np.dtype("float32")),)
    outputs = (TensorSpec("sum", (1,), np.dtype("float64")), TensorSpec("rows", (1, 4), np.dtype("float32")))

    def __init__(self, delay: float) -> None:
        self._delay = delay

    def run(self, arrays):
        time.sleep(self._delay)
        (x,), first = arrays, int(arrays[0][0, 0])
        if first == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if first == SEGFAULT:
            ctypes.string_at(0)
        if first == HANG:
            ctypes.PyDLL(None).sleep(60)  # it keeps the interpreter's lock, as some native code does
        if first == EXIT:
            os._exit(7)
        if first == REFUSE:
            raise BrokenOutput("no result: NaN")
        if first == UNPLUG:
            raise DeviceError("the stick is gone")
        rows = np.repeat(x * 2, 100_000 if first == GROW else 1, axis=0)
        return [x.sum(axis=1, dtype=np.float64), rows]

    def close(self) -> None:
        pass
