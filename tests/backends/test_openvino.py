import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge.backends import open_model
from edge.errors import InputError
from tests.backends import models
from tests.shared import needs_shared, shared

openvino = pytest.importorskip("openvino")

RELEASED = Path(__file__).parents[1] / "released" / "shufflenet_v2_cifar10_int8.edge"


@pytest.fixture
def int8(tmp_path):
    """Return the files of a released int8 network."""
    with zipfile.ZipFile(RELEASED) as archive:
        archive.extractall(tmp_path)
    return {path.suffix: path for path in tmp_path.iterdir()}


@pytest.mark.parametrize(("suffix", "other"), [(".tflite", "litert"), (".onnx", "onnxruntime")])
def test_a_quantized_network_is_refused(int8, suffix, other):
    with pytest.raises(InputError, match=f"is quantized, and OpenVINO .* run it with --backend {other}") as caught:
        open_model(int8[suffix], "openvino")
    assert "\n" not in str(caught.value)


def test_the_int8_convolution_is_refused(tmp_path):
    with pytest.raises(InputError, match="is quantized"):
        open_model(models.tflite_conv(tmp_path / "q.tflite", int8=True), "openvino")


def test_a_custom_operation_of_tflite_is_named(tmp_path):
    with pytest.raises(InputError, match="needs the custom operation Zork"):
        open_model(models.tflite_pair(tmp_path / "x.tflite", "Zork"), "openvino")


@pytest.mark.parametrize(("operation", "domain"), [("Zork", ""), ("Zork", "my.ops")])
def test_an_operation_that_it_lacks_is_named(tmp_path, operation, domain):
    pytest.importorskip("onnx")
    with pytest.raises(InputError, match=r"OpenVINO lacks: .*Zork.*; run it with --backend onnxruntime") as caught:
        open_model(models.onnx_pair(tmp_path / "x.onnx", operation, domain), "openvino")
    assert "\n" not in str(caught.value)
    assert "src/" not in str(caught.value)


@needs_shared
def test_a_network_that_keeps_values_is_refused():
    with pytest.raises(InputError, match=r"cannot be run by OpenVINO.*; run it with --backend litert"):
        open_model(shared("models", "wild", "okay_nabu.tflite"), "openvino")


def test_an_open_size_is_refused(tmp_path):
    pytest.importorskip("onnx")
    path = models.onnx_conv(tmp_path / "x.onnx", ("batch", 3, "height", "width"), ("batch", 2, "h", "w"))
    with pytest.raises(InputError, match=r"'image' must have a fixed shape .*, got \(\?, 3, \?, \?\)"):
        open_model(path, "openvino")


@pytest.fixture
def ir(tmp_path):
    """Return the convolution in OpenVINO's own format."""
    pytest.importorskip("onnx")
    source = models.onnx_conv(tmp_path / "x.onnx")
    openvino.save_model(openvino.Core().read_model(str(source)), str(tmp_path / "x.xml"), compress_to_fp16=False)
    return tmp_path / "x.xml"


def test_its_own_format(ir):
    image = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)
    expected = models.float_features(image.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    with open_model(ir) as model:
        assert [(spec.name, spec.shape) for spec in model.inputs] == [("image", (1, 3, 4, 5))]
        np.testing.assert_allclose(model.run([image])[0], expected, atol=1e-4)


def test_its_own_format_without_its_weights_or_damaged(ir):
    ir.with_suffix(".bin").unlink()
    with pytest.raises(InputError, match=r"x.xml is not a file that OpenVINO can load: .*") as caught:
        open_model(ir)
    assert "\n" not in str(caught.value)
    ir.write_text("<net")
    with pytest.raises(InputError, match="not a file that OpenVINO can load"):
        open_model(ir)


def test_no_telemetry_is_loaded_and_nothing_is_written(tmp_path):
    pytest.importorskip("onnx")
    home, path = tmp_path / "home", models.onnx_conv(tmp_path / "x.onnx")
    home.mkdir()
    code = (
        "import sys, json; from pathlib import Path; from edge.backends import open_model\n"
        f"open_model(Path({str(path)!r}), 'openvino').close()\n"
        "print(json.dumps([[name for name in sys.modules if 'telemetry' in name], [*map(str, Path().iterdir())]]))\n"
        "import openvino.tools.ovc\n"  # a person's own code may import the converter afterwards
    )
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=home, env=environment, timeout=60
    )
    assert json.loads(done.stdout) == [[], []]
