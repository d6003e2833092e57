"""Six files of MobileNetV2 1.0 (224) by edge-convert, beside one of TFLite's converter, as whole processes.

    python -m tests.performance.six_files

edge-convert reads a Keras file and 100 pictures, and writes a bundle of float32, float16, dynamic and int8 TFLite and
float32 and int8 ONNX. The other process reads the same Keras file and calls ``from_keras_model(...).convert()`` once.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edge.models import build
from edge.scenes import moving
from tests import zoo

ROUNDS = 3
SAMPLES = 100
SIDE = 224

STOCK = """
import sys
import tensorflow as tf
import tf_keras
model = tf_keras.models.load_model(sys.argv[1], compile=False)
open(sys.argv[2], "wb").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
"""


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Return median seconds of both processes, which take turns, and the median of their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, data = _inputs(folder)
        ours = ["-m", "edge.cli.convert", str(model), "--tflite", "float32,float16,dynamic,int8", "--onnx"]
        ours += ["float32,int8", "--calibrate", str(data), "--samples", str(SAMPLES), "--out"]
        pairs = []
        for number in range(rounds):
            seconds = _timed([sys.executable, *ours, str(folder / f"net{number}")])
            pairs.append((seconds, _timed([sys.executable, "-c", STOCK, str(model), str(folder / "stock.tflite")])))
        made = sorted(path.name for path in (folder / "net0").iterdir() if path.suffix in (".tflite", ".onnx"))
        assert len(made) == 6, made
    return {
        "six_files_s": round(statistics.median(a for a, _ in pairs), 1),
        "stock_s": round(statistics.median(b for _, b in pairs), 1),
        "ratio": round(statistics.median(a / b for a, b in pairs), 2),
    }


def _inputs(folder: Path) -> tuple[Path, Path]:
    """Write the network, whose batch normalization is settled on pictures, and the pictures."""
    frames = moving((SIDE, SIDE), 30.0, 0)
    pictures = np.stack([next(frames).image.copy() for _ in range(SAMPLES)])
    model = build("mobilenet_v2")
    zoo.settle(model, pictures[:16].astype(np.float32) / 127.5 - 1)
    model.save(folder / "net.keras")
    np.savez(folder / "data.npz", images=pictures)
    return folder / "net.keras", folder / "data.npz"


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(measure())
