import numpy as np
import pytest

from edge.backends import open_model
from edge.errors import InputError
from tests.backends import models

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def edited(path, **changes):
    model = onnx.load(path)
    if "opset" in changes:
        model.opset_import[0].version = changes["opset"]
    if "ir" in changes:
        model.ir_version = changes["ir"]
    if "type" in changes:
        model.graph.input[0].type.tensor_type.elem_type = changes["type"]
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(
            lambda p: models.onnx_pair(p, "Zork"), "lacks: No Op registered for Zork .*; convert it", id="operation"
        ),
        pytest.param(lambda p: models.onnx_pair(p, "Zork", "my.ops"), "lacks: No opset import .*my.ops", id="domain"),
        pytest.param(lambda p: edited(models.onnx_pair(p), ir=99), "newer than this .* IR version: 99", id="IR"),
        pytest.param(lambda p: edited(models.onnx_pair(p), opset=99), "newer than this .*Opset 99", id="opset"),
        pytest.param(lambda p: edited(models.onnx_pair(p), type=8), "not an ONNX file that can be loaded", id="types"),
        pytest.param(
            lambda p: models.onnx_conv(p, ("batch", 3, "height", "width"), ("batch", 2, "h", "w")),
            r"'image' must have a fixed shape except for its batch, got \(\?, 3, \?, \?\)",
            id="open image size",
        ),
    ],
)
def test_files_it_cannot_run(tmp_path, make, words):
    with pytest.raises(InputError, match=words) as caught:
        open_model(make(tmp_path / "x.onnx"))
    assert "\n" not in str(caught.value)
    assert "onnxruntime_src" not in str(caught.value)


def test_a_tensor_of_text_is_refused(tmp_path):
    from onnx import TensorProto, helper

    row = [helper.make_tensor_value_info("text", TensorProto.STRING, (1,))]
    out = [helper.make_tensor_value_info("same", TensorProto.STRING, (1,))]
    models._write_onnx(tmp_path / "x.onnx", [helper.make_node("Identity", ["text"], ["same"])], row, out, [])
    with pytest.raises(InputError, match=r"'text' must be a tensor of numbers, it is tensor\(string\)"):
        open_model(tmp_path / "x.onnx")


def test_values_that_the_kernels_refuse_are_one_line(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    rows = [helper.make_tensor_value_info("row", TensorProto.INT64, (1,))]
    out = [helper.make_tensor_value_info("value", TensorProto.FLOAT, (1,))]
    table = numpy_helper.from_array(np.arange(3, dtype=np.float32), "table")
    gather = helper.make_node("Gather", ["table", "row"], ["value"])
    models._write_onnx(tmp_path / "x.onnx", [gather], rows, out, [table])
    with open_model(tmp_path / "x.onnx") as model:
        assert model.run([np.array([2])])[0].tolist() == [2.0]
        with pytest.raises(InputError, match=r"failed while running: .*indices element out of data bounds"):
            model.run([np.array([7])])
