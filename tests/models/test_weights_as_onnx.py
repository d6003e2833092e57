"""The released classifiers' int8 files, converted to ONNX, on pictures of the data that they were trained on."""

import zipfile

import cv2
import numpy as np
import pytest

from edge.backends import open_model
from edge.bundle import open_bundle
from edge.deploy.conversion.onnx import from_tflite
from edge.imaging import Preprocessor
from edge.models import weights
from tests.shared import needs_shared, shared

PICTURES = 1000


def pictures():
    """Yield pictures of CIFAR-10's test split, BGR, as many of each class."""
    with zipfile.ZipFile(shared("data", "cifar10-jpeg.zip")) as archive:
        names = sorted(name for name in archive.namelist() if "/test/" in name and name.endswith(".jpg"))
        for name in names[:: len(names) // PICTURES][:PICTURES]:
            yield cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2_cifar10", "shufflenet_v2_cifar10"])
def test_the_onnx_file_gives_the_answers_of_the_tflite_file(tmp_path, name):
    bundle = weights.FOLDER / f"{name}_int8.edge"
    form = open_bundle(bundle).manifest.signature.inputs[0].format
    with zipfile.ZipFile(bundle) as archive:
        archive.extract("model_int8.tflite", tmp_path)
    from_tflite(tmp_path / "model_int8.tflite", tmp_path / "model_int8.onnx")
    answers, steps = {}, {}
    for suffix in ("tflite", "onnx"):
        with open_model(tmp_path / f"model_int8.{suffix}") as model:
            prepare = Preprocessor(model.inputs[0], form)
            scores = np.array([model.run([prepare(picture).tensor])[0].ravel() for picture in pictures()], int)
            answers[suffix] = scores.argmax(1)
            steps[suffix] = scores - model.outputs[0].quantization.zero_point
    assert len(answers["onnx"]) == PICTURES
    assert np.mean(answers["onnx"] == answers["tflite"]) >= 0.995
    assert np.mean(np.abs(steps["onnx"] - steps["tflite"]) <= 1) >= 0.99
