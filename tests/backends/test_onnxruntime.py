import numpy as np
import pytest

from edge.backends import onnxruntime as backend
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
            lambda p: models.onnx_pair(p, "Zork"),
            "lacks: No Op .* Zork .*; export the network again",
            id="operation",
        ),
        pytest.param(lambda p: models.onnx_pair(p, "Zork", "my.ops"), "lacks: No opset import .*my.ops", id="domain"),
        pytest.param(lambda p: edited(models.onnx_pair(p), ir=99), "newer than this .* IR version: 99", id="IR"),
        pytest.param(
            lambda p: edited(models.onnx_pair(p), opset=99),
            r"newer .*Opset 99 .* limited\. Current .* opset \d+;",
            id="opset",
        ),
        pytest.param(lambda p: edited(models.onnx_pair(p), type=8), "not an ONNX file that can be loaded", id="types"),
        pytest.param(
            lambda p: models.onnx_conv(p, ("batch", 3, "height", "width"), ("batch", 2, "h", "w")),
            r"'image' must have a fixed shape .*, got \(\?, 3, \?, \?\); give its sizes to edge-convert with --input",
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


SUMS = {"x": (1, 64, 5, 5), "w": (8, 64, 1, 1)}


def saturating(path, form):
    """Write a convolution of uint8 by int8 whose sums of two products do not fit 16 bits. Return weights and scale.

    ``form``: ``qdq``, ``qoperator``, or ``shared``: two of them whose weights share their zero points.
    """
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).choice([127, 127, -90], SUMS["w"]).astype(np.int8)
    constants = {
        "w": weights, "v": weights[:, :8].copy(), "one": np.float32(1), "zero": np.uint8(0), "half": np.uint8(128),
        "ws": np.ones(8, np.float32), "wz": np.zeros(8, np.int8), "s": np.float32(64 * 255), "vs": np.float32(1),
    }  # fmt: skip
    node = helper.make_node
    if form == "qoperator":
        nodes = [node("QLinearConv", ["x", "one", "zero", "w", "ws", "wz", "s", "half"], ["y"])]
    else:
        nodes = [
            node("DequantizeLinear", ["x", "one", "zero"], ["xr"]),
            node("DequantizeLinear", ["w", "ws", "wz"], ["wr"], axis=0),
            node("Conv", ["xr", "wr"], ["c"]),
            node("QuantizeLinear", ["c", "s", "half"], ["y"]),
        ]
    if form == "shared":
        nodes += [
            node("DequantizeLinear", ["y", "vs", "half"], ["yr"]),
            node("DequantizeLinear", ["v", "ws", "wz"], ["vr"], axis=0),
            node("Conv", ["yr", "vr"], ["d"]),
            node("QuantizeLinear", ["d", "s", "half"], ["z"]),
        ]
    read = {name for one in nodes for name in one.input}
    entry = [helper.make_tensor_value_info("x", TensorProto.UINT8, SUMS["x"])]
    last = "z" if form == "shared" else "y"
    names = ["y"] if last == "y" else ["y", "z"]
    results = [helper.make_tensor_value_info(name, TensorProto.UINT8, (1, 8, 5, 5)) for name in names]
    values = [numpy_helper.from_array(value, name) for name, value in constants.items() if name in read]
    models._write_onnx(path, nodes, entry, results, values)
    return weights


@pytest.mark.parametrize("form", ["qdq", "qoperator", "shared"])
def test_sums_of_products_do_not_saturate(tmp_path, form):
    """On x86 without VNNI, ONNX Runtime as it comes saturates each sum of two products at 16 bits."""
    weights = saturating(tmp_path / "x.onnx", form)
    x = np.random.default_rng(1).integers(200, 256, SUMS["x"]).astype(np.uint8)
    sums = np.einsum("nchw,oc->nohw", x.astype(np.int64), weights[:, :, 0, 0].astype(np.int64))
    expected = np.clip(np.rint(sums / (64 * 255)) + 128, 0, 255)
    with open_model(tmp_path / "x.onnx") as model:
        np.testing.assert_array_equal(model.run([x])[0], expected)
    assert len(np.unique(expected)) > 10


def test_a_processor_that_does_not_saturate_runs_int8_weights_as_they_are(tmp_path, monkeypatch):
    asked = []
    session = backend._session
    monkeypatch.setattr(backend.device, "saturates_int8", lambda: False)
    monkeypatch.setattr(backend, "_session", lambda *given: asked.append(given) or session(*given))
    saturating(tmp_path / "x.onnx", "qdq")
    with open_model(tmp_path / "x.onnx"):
        pass
    ((_, _, left_out, entries),) = asked
    assert (left_out, entries) == (["WeightBiasQuantization", "Pad_Fusion"], {})
