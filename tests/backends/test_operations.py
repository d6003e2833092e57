"""OpenVINO and OpenCV against ONNX Runtime, operation by operation and on published networks."""

from dataclasses import replace

import numpy as np
import pytest

from edge import backends
from edge.errors import InputError
from tests.backends import models, operation_grid, operations
from tests.backends.operation_grid import GRID
from tests.shared import needs_shared, shared

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

OTHERS = ("openvino", "opencv_dnn")


def compare(path, name, arrays=None):
    """Run the file in both runtimes; what they declare and compute is the same."""
    if missing := backends.BACKENDS[name].missing():
        pytest.skip(f"backend {name} needs {', '.join(missing)}")
    with backends.open_model(path, threads=1) as known, backends.open_model(path, name, threads=1) as model:
        assert (model.inputs, model.outputs) == (known.inputs, known.outputs)
        draw = np.random.default_rng(5)
        arrays = arrays or [draw.uniform(-1, 1, spec.shape).astype(spec.dtype) for spec in known.inputs]
        for got, wanted in zip(model.run(arrays), known.run(arrays), strict=True):
            # float32 sums of a thousand products in another order, relative to the largest value
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("row", operations.ROWS, ids=str)
def test_an_operation_is_what_onnx_runtime_computes(tmp_path, name, row):
    compare(operations.write(tmp_path / "x.onnx", row), name, [operations.values(row)])


@pytest.mark.parametrize("row", operations.MORE, ids=str)
def test_openvino_computes_the_ones_too_that_opencv_does_not(tmp_path, row):
    compare(operations.write(tmp_path / "x.onnx", row), "openvino", [operations.values(row)])


_LACKING = r"is not known to compute right: {}\b.*; run it with --backend onnxruntime$"


@pytest.mark.parametrize("row", operations.MORE, ids=str)
def test_opencv_refuses_what_it_computes_otherwise(tmp_path, row):
    path = operations.write(tmp_path / "x.onnx", row)
    with pytest.raises(InputError, match="OpenCV " + _LACKING.format(row.name)):
        backends.open_model(path, "opencv_dnn")


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("row", operations.WRONG, ids=str)
def test_both_refuse_what_they_compute_otherwise(tmp_path, name, row):
    path = operations.write(tmp_path / "x.onnx", row)
    with pytest.raises(InputError, match=rf"{row.name}\b.*; run it with --backend onnxruntime$") as caught:
        backends.open_model(path, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        pytest.param((1, 10), {}, id="a row of scores"),
        pytest.param((2, 3, 4), {"axis": -1}, id="last dimension"),
        pytest.param((1, 5, 1, 1), {"axis": 1}, id="sizes of 1 after it"),
    ],
)
def test_softmax_of_version_11_over_one_dimension(tmp_path, name, shape, attributes):
    row = operations.Row("Softmax", shape, (), attributes, 11)
    compare(operations.write(tmp_path / "x.onnx", row), name, [operations.values(row)])


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_refused(tmp_path, name, value):
    row = operations.Row("Relu")
    image = operations.values(row)
    image[0, 1, 2, 3] = value
    with (
        backends.open_model(operations.write(tmp_path / "x.onnx", row), name) as model,
        pytest.raises(InputError, match=r"input 'x' must be finite for Open.*, it holds NaN or infinity; .*--backend"),
    ):
        model.run([image])


@pytest.mark.parametrize("name", OTHERS)
def test_a_constant_with_nan_is_refused(tmp_path, name):
    row = operations.Row("Max", operations.IMAGE, (np.array([0, np.nan] * 5, np.float32),))
    with pytest.raises(InputError, match=r"constant 'c0' holds NaN, .* run it with --backend onnxruntime"):
        backends.open_model(operations.write(tmp_path / "x.onnx", row), name)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("opset", [6, 22])
def test_a_version_that_is_not_checked_is_refused(tmp_path, name, opset):
    path = operations.write(tmp_path / "x.onnx", operations.Row("Relu", opset=opset))
    with pytest.raises(InputError, match=rf"version 7 to 21 for Open.*, it has version {opset}; run it with --backend"):
        backends.open_model(path, name)


def test_constants_and_shapes_of_a_file(tmp_path):
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Constant", [], ["two"], value=helper.make_tensor("t", TensorProto.FLOAT, (1,), [2.0])),
        helper.make_node("Shape", ["b"], ["shape"]),
        helper.make_node("Mul", ["a", "two"], ["twice"]),
        helper.make_node("Reshape", ["twice", "shape"], ["y"]),
    ]
    rows = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("a", (1, 6)), ("b", (2, 3)))]
    out = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 3))]
    path = models._write_onnx(tmp_path / "x.onnx", nodes, rows, out, [])
    for name in OTHERS:
        compare(path, name)


@needs_shared
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    "file",
    ["FastestDet.onnx", "SINet_Softmax.onnx", "version-RFB-320.onnx", "version-RFB-320_without_postprocessing.onnx"],
)
def test_a_published_network_is_what_onnx_runtime_computes(name, file):
    compare(shared("models", "wild", file), name)


@needs_shared
@pytest.mark.parametrize(
    "file",
    [
        "face_detection_front.tflite",
        "face_mask_detection.tflite",
        "iris_landmark.tflite",
        "portrait_segmentation.tflite",
        "version-RFB-320_without_postprocessing.tflite",
    ],
)
def test_a_published_network_is_what_litert_computes(file):
    compare(shared("models", "wild", file), "openvino")


CONSTANTS = {"Constant", "Shape"}
"""Operations of constants; test_constants_and_shapes_of_a_file has them."""


def _checked(name):
    from edge.backends import opencv_dnn, openvino

    return {"openvino": openvino, "opencv_dnn": opencv_dnn}[name].CHECKED


@pytest.mark.parametrize("name", OTHERS)
def test_every_operation_and_attribute_that_is_accepted_has_a_row(name):
    accepted = {one: set(words.split()) for one, words in _checked(name).attributes.items() if one not in CONSTANTS}
    rows = {}
    for row in GRID:
        rows.setdefault(row.name, set()).update(row.attributes)
    assert {one: words - rows[one] for one, words in accepted.items() if words - rows[one]} == {}


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted({row.name for row in GRID}))
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_accepted_is_what_onnx_runtime_computes_in_every_version(tmp_path, name, operation):
    compared = 0
    for row in GRID:
        for opset in operation_grid.opsets(row) if row.name == operation else ():
            path = operations.write(tmp_path / "x.onnx", replace(row, opset=opset))
            try:
                compare(path, name, [operations.values(row)])
            except InputError:  # it is refused, by ONNX Runtime where that lacks a variant
                continue
            compared += 1
    assert bool(compared) == (operation in _checked(name).attributes)
