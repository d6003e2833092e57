"""Does a runtime work on this machine? Load a network of one addition and compare it with the sum.

    python -m edge.backends.selfcheck litert

An interpreter built for another processor ends the whole process (illegal instruction), so ``check`` asks
a process of its own.
"""

import base64
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

from edge.backends import BACKENDS, backend
from edge.errors import EdgeError, GateFailed

# Files of 556, 165 and 132 bytes, deflated. Inputs a, b (1, 3) float32, outputs a + b and a - b;
# the fake one has input a and gives it back.
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


def check(name: str, timeout: float = 60.0) -> None:
    """Run the self-check of ``name`` in a process of its own. Raises GateFailed with the reason."""
    command = [sys.executable, "-m", "edge.backends.selfcheck", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise GateFailed(f"{name} did not finish a network of one addition in {timeout:g} s") from error
    if done.returncode < 0:
        raise GateFailed(f"{name} crashed with signal {-done.returncode}: it is built for another processor")
    if done.returncode:
        raise GateFailed((done.stderr.strip().splitlines() or ["no reason given"])[-1])


def run_here(name: str) -> None:
    """Open and run the packed network in this process. Raises GateFailed for a wrong sum."""
    runtime = backend(name)
    suffix = runtime.formats[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sum{suffix}"
        path.write_bytes(zlib.decompress(base64.b64decode(_PACKED[suffix])))
        with runtime.open(path) as model:
            arrays = [np.array([[1, 2, 3]], np.float32), np.array([[10, 20, 30]], np.float32)]
            total = model.run(arrays[: len(model.inputs)])[0]
    expected = [[11, 22, 33]] if len(model.inputs) == 2 else [[1, 2, 3]]
    if total.tolist() != expected:
        raise GateFailed(f"{name} must compute {expected}, got {total.tolist()}; install it again")


def main(name: str) -> int:
    """Run the check and return the exit code: 0, or 1 with the reason on stderr."""
    try:
        run_here(name)
    except (EdgeError, ImportError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in BACKENDS:
        raise SystemExit(main(sys.argv[1]))
    raise SystemExit("usage: python -m edge.backends.selfcheck " + "|".join(BACKENDS))
