"""The loop beside MediaPipe Tasks in VIDEO mode, on the same clip and classifier.

    python -m tests.performance.mediapipe_video

MediaPipe runs in an environment of its own, which is made once in ~/.cache/edgekit/mediapipe or in the folder that
MEDIAPIPE_ENVIRONMENT names. Where it cannot be installed, the row says so and is left out.
"""

import json
import os
import subprocess
import tempfile
import venv
from pathlib import Path

import numpy as np

from edge.cli import convert
from edge.opening import open_session
from edge.scenes import write_clip
from edge.session import SessionOptions
from tests.performance import loop

MEDIAPIPE = "mediapipe==1.2.2"
SCRIPT = Path(__file__).with_name("mediapipe_script.py")
OVER_MEDIAPIPE = 2.0
ROUNDS, FRAMES, INSTALL_SECONDS = 3, 240, 300


def measure(frames: int = FRAMES) -> dict[str, float | str | bool]:
    """Return milliseconds per frame of both, and their ratio; or why MediaPipe is not there."""
    try:
        python = environment()
    except (OSError, subprocess.SubprocessError) as error:
        return {"skipped": f"MediaPipe cannot be installed: {type(error).__name__}"}
    with tempfile.TemporaryDirectory() as scratch:
        clip, model = Path(scratch) / "clip.avi", converted(Path(scratch))
        write_clip(clip, frames)
        done = subprocess.run(
            [python, SCRIPT, model, clip, str(ROUNDS)], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            return {"skipped": f"MediaPipe failed: {done.stderr.strip().splitlines()[-1][:200]}"}
        theirs = float(done.stdout.split()[-1])
        with open_session(model, SessionOptions(threads=loop.THREADS)) as session:
            ours = min(loop.loop_ms(clip, session) for _ in range(ROUNDS))
    return {
        "mediapipe_ms": round(theirs, 3),
        "loop_ms": round(ours, 3),
        "ratio": round(theirs / ours, 3),
        "passed": theirs >= OVER_MEDIAPIPE * ours,
    }


def environment() -> Path:
    """Return the interpreter of an environment with MediaPipe, which is made at the first use."""
    folder = Path(os.environ.get("MEDIAPIPE_ENVIRONMENT", Path.home() / ".cache/edgekit/mediapipe"))
    python, done = folder / "bin/python", folder / ".installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", MEDIAPIPE]
        subprocess.run(install, capture_output=True, timeout=INSTALL_SECONDS, check=True)
        done.touch()
    return python


def converted(folder: Path) -> Path:
    """Return an int8 file of an untrained MobileNetV2 with metadata and the uint8 pixels that MediaPipe takes."""
    samples = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3)).astype(np.float32) / 127.5 - 1
    np.savez(folder / "samples.npz", image=samples)
    labels = folder / "labels.txt"
    labels.write_text("".join(f"class {number}\n" for number in range(1000)))
    options = ["--tflite", "int8", "--io", "uint8", "--calibrate", folder / "samples.npz"]
    bundle = folder / "bundle"
    if code := convert.main(["zoo:mobilenet_v2", "--out", str(bundle), "--labels", str(labels), *map(str, options)]):
        raise RuntimeError(f"edge-convert ended with {code}")
    return next(bundle.glob("*.tflite"))


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
