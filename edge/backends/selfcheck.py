"""A self-check of a runtime: it loads a network of one addition and compares the output with the sum.

The backend of an accelerator opens its device instead: only the accelerator's own compiler could make such a network.

    python -m edge.backends.selfcheck litert

An interpreter that was built for another processor ends the whole process (illegal instruction), so ``check`` uses a
process of its own.
"""

import base64
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from edge.backends import BACKENDS, backend
from edge.errors import EdgeError, GateFailed

# Files of 556, 165 and 132 bytes, deflated. They have inputs a and b (1, 3) float32 and outputs a + b and a - b. The
# fake one has input a and returns it.
_PACKED = {
    ".tflite": (
        "eNqTYGBgCHHzMWZg4GOQYBBhEGDgYeBgYAHyGIA8BgYbIPYB4jOMDAzMQJoViFWAWAYqzwPELEDs8P//fxcg9gBiHyAOAGKQXEZiXopueVFm"
        "SUlqHpDLADQGaAdIH8IuHqjYDCBeAMQrgJgJiCOgdiC7jRvJbSBnCEDZIHOPAO0E0cxQ/TD7QPpFwHZg6OeG6WcBQ4h6JjT9MD66uSD1E4A4"
        "BohNoPweqL9ZoOZyAXFKZlpaalFqXnIqRD/MjTugapmh4Qiii0tzUdTcgaphgqoBiScxoJrDA/YZAzwsYepgdCKaehBbBx4PfAy8SHo1oWoY"
        "NLmAYgxgn3BBxQA2HTTu"
    ),
    ".onnx": (
        "eNrj4LCaxcglxMWYyMWYJMRcXJqrxOyYkmLFwCUOFeNKyUxLSy1KzUtOVWIOLk0S4slIzEuJLy/KLClJzYsSBioT4uPi4WAU4uBi4mAEYmaQ"
        "YBK6YJIoF8h4DGEZLiQb0GWdWLgYBHgBClUa7A=="
    ),
    ".fake": ("eNqrVsrMKygtKVayUoiuVspLzE0FspQSlXQUlIozEgtAvGhDHQXjWKBASkklWEApLSc/scTYSKkWJJpfWoJpQDGIJtKMWgArlScZ"),
}


def check(name: str, timeout: float = 60.0) -> str:
    """Run the self-check of a backend in a process of its own.

    Args:
        name: a backend that is installed.
        timeout: seconds after which it counts as failed.

    Returns:
        What was found besides, such as the delegate of the CPU; often empty.

    Raises:
        GateFailed: it computed something else, crashed or did not finish; the message has the reason.
    """
    command = [sys.executable, "-m", "edge.backends.selfcheck", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise GateFailed(f"{name} did not finish a network of one addition in {timeout:g} s") from error
    if done.returncode < 0:
        raise GateFailed(f"{name} crashed with signal {-done.returncode}: it is built for another processor or runtime")
    if not done.returncode:
        return done.stdout.strip()
    raise GateFailed((done.stderr.strip().splitlines() or ["no reason given"])[-1])


def run_here(name: str) -> str:
    """Open and run the packed network in this process, or let an accelerator's backend make its own check.

    Returns:
        What was found besides, see ``check``.

    Raises:
        GateFailed: the sum is wrong.
        DeviceError: the accelerator cannot be used.
    """
    runtime = backend(name)
    if own := getattr(runtime, "check", None):
        own()
        return ""
    suffix = runtime.formats[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sum{suffix}"
        path.write_bytes(zlib.decompress(base64.b64decode(_PACKED[suffix])))
        with runtime.open(path) as model:
            arrays = [np.array([[1, 2, 3]], np.float32), np.array([[10, 20, 30]], np.float32)]
            total = model.run(arrays[: len(model.inputs)])[0]
            delegate = _delegate(model)
    expected = [[11, 22, 33]] if len(model.inputs) == 2 else [[1, 2, 3]]
    if total.tolist() != expected:
        raise GateFailed(f"{name} must compute {expected}, got {total.tolist()}; install it again")
    return delegate


def _delegate(model: Any) -> str:
    """Say whether a TFLite interpreter hands the additions to XNNPACK, its fast kernels. Other runtimes have none."""
    if not hasattr(model, "operations"):
        return ""
    taken = any(operation["op_name"] == "DELEGATE" for operation in model.operations())
    return "XNNPACK works" if taken else "without XNNPACK, which makes it slow"


def main(name: str) -> int:
    """Run the self-check and return the exit code: 0, or 1 with the reason on stderr."""
    try:
        found = run_here(name)
    except (EdgeError, ImportError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in BACKENDS:
        raise SystemExit(main(sys.argv[1]))
    raise SystemExit("usage: python -m edge.backends.selfcheck " + "|".join(BACKENDS))
