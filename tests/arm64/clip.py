"""A drawn clip, and what released bundles name in it. ``python -m tests.arm64.clip FILE.json`` writes the names.

The names in ``expected.json`` were written so on x86; a device of another processor must say the same.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

EXPECTED = Path(__file__).with_name("expected.json")
WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "weights"
BUNDLES = ("shufflenet_v2_cifar10_int8", "mobilenet_v2_cifar10_int8")
FRAMES = ((4, 9), (6, 9), (42, 4), (52, 9), (45, 9), (70, 6))
"""A seed and a number of coloured fields for each frame. Their best scores lead by 0.2 to 0.9."""


def write(path: Path) -> Path:
    """Write the clip: frames of 64 x 64 pixels with blended colours, as Motion JPEG."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 64))
    for seed, fields in FRAMES:
        colours = np.random.default_rng(seed).integers(0, 256, (fields, fields, 3), np.uint8)
        writer.write(cv2.resize(colours, (64, 64), interpolation=cv2.INTER_LINEAR))
    writer.release()
    return path


def camera(bundle: str, clip: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``edge-camera`` on a clip as a user would, with its results in ``out``."""
    command = [str(Path(sys.executable).with_name("edge-camera")), "--model", str(WEIGHTS / f"{bundle}.edge")]
    command += ["--source", str(clip), "--jsonl", str(out), "--quiet", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def named(out: Path) -> list[tuple[str, float]]:
    """Return the best label of each frame with its score, from the results of ``edge-camera``."""
    best = (json.loads(line)["results"][0] for line in out.read_text(encoding="utf-8").splitlines())
    return [(one["label"], round(one["score"], 4)) for one in best]


def main(path: Path) -> None:
    """Write what this machine names in the clip."""
    with tempfile.TemporaryDirectory() as scratch:
        clip, out, found = write(Path(scratch, "clip.avi")), Path(scratch, "out.jsonl"), {}
        for bundle in BUNDLES:
            camera(bundle, clip, out).check_returncode()
            found[bundle] = named(out)
            out.unlink()
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
