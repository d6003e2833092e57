"""What is particular to TFLite files: custom operations, open shapes, the published files, a quiet stderr."""

import os
import threading

import numpy as np
import pytest

from edge.backends import open_model
from edge.errors import InputError
from tests.backends import models
from tests.shared import SHARED, needs_shared, shared

pytest.importorskip("ai_edge_litert")


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        pytest.param("edgetpu-custom-op", "compiled for a Coral Edge TPU.*without _edgetpu", id="Edge TPU"),
        pytest.param("FlexAdd", r"needs TensorFlow operations \(Flex\); convert it with TFLite", id="Flex"),
        pytest.param(
            "MyOp",
            r"custom operation MyOp, which .* --outputs NAME.* maker's option",
            id="custom",
        ),
    ],
)
def test_operations_that_are_not_here(tmp_path, operation, words):
    with pytest.raises(InputError, match=words):
        open_model(models.tflite_pair(tmp_path / "x.tflite", custom=operation), "litert")


def test_an_open_image_size_is_refused(tmp_path):
    path = models.tflite_conv(tmp_path / "x.tflite", signature=(1, -1, -1, 3))
    with pytest.raises(InputError, match=r"'image' must have a fixed shape except for its batch, got \(1, \?, \?, 3\)"):
        open_model(path)


EDGETPU = sorted(p.name for p in (SHARED / "models" / "coral").glob("*_edgetpu.tflite")) if SHARED else ["any"]


@needs_shared
@pytest.mark.parametrize("name", EDGETPU)
def test_published_edgetpu_files_are_refused(name):
    with pytest.raises(InputError, match="compiled for a Coral Edge TPU"):
        open_model(shared("models", "coral", name), "litert")


@needs_shared
def test_a_published_file_with_three_inputs_and_five_outputs():
    with open_model(shared("models", "coral", "split_concat.tflite")) as model:
        assert [spec.shape for spec in model.inputs] == [(1, 8, 8, 3), (1, 8, 8, 1), (1, 8, 8, 2)]
        draw = np.random.default_rng(0)
        arrays = [draw.integers(0, 256, spec.shape).astype(np.uint8) for spec in model.inputs]
        outputs = model.run(arrays)
        assert [array.shape for array in outputs] == [spec.shape for spec in model.outputs]


@needs_shared
def test_a_published_int8_file_has_its_scales():
    with open_model(shared("models", "mlperf_tiny", "kws_ref_model.tflite")) as model:
        (source,), (target,) = model.inputs, model.outputs
    assert (source.shape, source.dtype) == ((1, 49, 10, 1), np.int8)
    assert source.quantization.zero_point == 83
    assert source.quantization.scale == pytest.approx(0.58470, abs=1e-5)
    assert (target.quantization.scale, target.quantization.zero_point) == (1 / 256, -128)


def test_models_opened_by_many_threads_leave_stderr_alone(tmp_path, capfd):
    path = models.tflite_conv(tmp_path / "x.tflite")
    threads = [threading.Thread(target=lambda: open_model(path, threads=1).close()) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"
