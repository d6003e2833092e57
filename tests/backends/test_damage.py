"""Damaged model files end as an EdgeError or run; they never end the process."""

import subprocess
import sys

import pytest

from tests.backends import models

FILES = {
    "float.tflite": models.tflite_conv,
    "int8.tflite": lambda path: models.tflite_conv(path, int8=True),
    "pair.tflite": models.tflite_pair,
    "conv.onnx": models.onnx_conv,
    "pair.onnx": models.onnx_pair,
    "bands.fake": models.fake,
}


FAST = ("float.tflite", "conv.onnx")


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in FILES]
)
def test_damaged_files_never_end_the_process(tmp_path, name):
    pytest.importorskip({"tflite": "ai_edge_litert", "onnx": "onnxruntime"}.get(name.partition(".")[2], "json"))
    _survives(FILES[name](tmp_path / name))


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        ("opencv_dnn", "conv.onnx"),
        ("openvino", "conv.onnx"),
        pytest.param("openvino", "float.tflite", marks=pytest.mark.slow),
        pytest.param("openvino", "pair.onnx", marks=pytest.mark.slow),
        pytest.param("opencv_dnn", "pair.onnx", marks=pytest.mark.slow),
    ],
)
def test_nor_do_they_in_other_backends(tmp_path, backend, name):
    pytest.importorskip({"openvino": "openvino", "opencv_dnn": "cv2"}[backend])
    pytest.importorskip({"tflite": "ai_edge_litert", "onnx": "onnx"}[name.partition(".")[2]])
    _survives(FILES[name](tmp_path / name), backend)


def _survives(path, *backend):
    command = [sys.executable, "-m", "tests.backends.mutate", str(path), "200", *backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    ran, refused = (int(word) for word in done.stdout.replace(",", "").split() if word.isdigit())
    assert ran + refused == 200
    assert refused >= 60
