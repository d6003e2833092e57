"""What edge-camera costs on one frame, from a cold process to its result, beside a bare interpreter script.

    python -m tests.performance.cold_start MODEL.tflite

Both read the same picture, resize it, run the same file on one thread and print the best class. The two take turns, so
that what else runs on the machine slows both; peak memory is the operating system's figure of the finished process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

from edge.scenes import moving

TIME, MEMORY = 1.3, 1.2
RUNS = 9

BARE = """
import sys
import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
entry, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
image = cv2.imread(sys.argv[2])
height, width = entry["shape"][1:3]
pixels = cv2.cvtColor(cv2.resize(image, (int(width), int(height))), cv2.COLOR_BGR2RGB)
interpreter.set_tensor(entry["index"], (pixels ^ np.uint8(128)).view(np.int8)[None])
interpreter.invoke()
print(interpreter.get_tensor(out["index"])[0].argmax())
"""


def measure(model: Path, runs: int = RUNS) -> dict[str, float | bool]:
    """Return seconds and MiB of both, and the two ratios. model: an int8 file with one image input."""
    with tempfile.TemporaryDirectory() as folder:
        picture, script = Path(folder) / "picture.png", Path(folder) / "bare.py"
        cv2.imwrite(str(picture), next(iter(moving((1280, 720), 30.0, 0))).image)
        script.write_text(BARE)
        camera = ["-m", "edge.cli.camera", "--model", str(model), "--source", str(picture), "--threads", "1"]
        commands = {
            "camera": [sys.executable, *camera],
            "bare": [sys.executable, str(script), str(model), str(picture)],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, argv in commands.items():
                found[name].append(_run(argv))
    return _summary({name: rows[1:] for name, rows in found.items()})  # the first fills the caches


def _summary(found: dict[str, list[tuple[float, float]]]) -> dict[str, float | bool]:
    out: dict[str, float | bool] = {}
    for name, rows in found.items():
        seconds, memory = zip(*rows, strict=True)
        out |= {f"{name}_s": round(statistics.median(seconds), 3), f"{name}_mib": round(statistics.median(memory), 1)}
    pairs = zip(found["camera"], found["bare"], strict=True)
    out["time_ratio"] = round(statistics.median(a[0] / b[0] for a, b in pairs), 3)
    out["memory_ratio"] = round(out["camera_mib"] / out["bare_mib"], 3)
    out["passed"] = out["time_ratio"] <= TIME and out["memory_ratio"] <= MEMORY
    return out


LAUNCHER = """
import os, sys, time
started = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - started, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""Starts a command from a small process: the peak that the system reports of a child is at least its parent's."""


def _run(argv: list[str]) -> tuple[float, float]:
    """Return wall-clock seconds and peak MiB of a process. Raises when it fails."""
    launched = [sys.executable, "-S", "-E", "-c", LAUNCHER, *argv]
    # A device keeps the modules compiled; without that, most of both figures would be Python's compiler.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(launched, check=True, capture_output=True, text=True, env=environment)
    seconds, kib, code = done.stdout.split()
    if code != "0":
        raise RuntimeError(f"{argv} ended with {code}")
    return float(seconds), int(kib) / 1024


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    print(json.dumps(measure(parser.parse_args().model), indent=2))


if __name__ == "__main__":
    main()
