"""The last operations of small files written field by field, of published ones, and of damaged ones."""

import contextlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import file_metadata, graph_end
from edge.flatbuffer import Damaged, root
from edge.protobuf import Message
from tests.backends import models
from tests.shared import needs_shared, shared


def chain(path: Path, *operations: str, activation: int = 0) -> Path:
    """Write a TFLite file of (1, 4) tensors: each operation takes what the one before gave."""
    from ai_edge_litert import schema_py_generated as schema

    rows = [(f"t{k}", (1, 4), schema.TensorType.FLOAT32, None, None, None) for k in range(len(operations) + 1)]
    made = []
    for k, name in enumerate(operations):
        options, kind = None, 0
        if name == "FULLY_CONNECTED":
            options, kind = schema.FullyConnectedOptionsT(), schema.BuiltinOptions.FullyConnectedOptions
            options.fusedActivationFunction = activation
        made.append((getattr(schema.BuiltinOperator, name), None, [k], [k + 1], kind, options))
    return models._write(path, rows, made, [0], [len(operations)])


def onnx_graph(path: Path, nodes, outputs) -> Path:
    """Write an ONNX file of the nodes (operation, inputs, output); only the graph is of interest, it need not run."""
    from onnx import TensorProto, helper

    made = [helper.make_node(operation, list(inputs), [output]) for operation, inputs, output in nodes]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4)) for name in ("x", *outputs)]
    return models._write_onnx(path, made, values[:1], values[1:], [])


@pytest.mark.parametrize(
    ("operations", "end"),
    [
        (("SOFTMAX",), "softmax"),
        (("FULLY_CONNECTED", "SOFTMAX", "RESHAPE"), "softmax"),
        (("LOGISTIC", "QUANTIZE", "DEQUANTIZE"), "sigmoid"),
        (("SOFTMAX", "FULLY_CONNECTED"), "linear"),
        (("FULLY_CONNECTED", "LOG_SOFTMAX"), "linear"),
        (("TANH", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "CAST"), "tanh"),
        (("CONV_2D", "RESIZE_BILINEAR", "ARG_MAX"), "argmax"),
        (("L2_NORMALIZATION",), "l2_norm"),
        (("SOFTMAX", "RELU"), "other"),
        (("RESHAPE",), "other"),
    ],
)
def test_tflite(tmp_path, operations, end):
    pytest.importorskip("ai_edge_litert")
    assert graph_end.ends(chain(tmp_path / "f.tflite", *operations), 1) == (end,)


@pytest.mark.parametrize(("activation", "end"), [(0, "linear"), (1, "other"), (3, "other")])
def test_a_relu_inside_a_dense_layer_counts(tmp_path, activation, end):
    pytest.importorskip("ai_edge_litert")
    path = chain(tmp_path / "f.tflite", "FULLY_CONNECTED", activation=activation)
    assert graph_end.ends(path, 1) == (end,)


def test_tflite_with_several_outputs_and_a_transposed_convolution(tmp_path):
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    assert graph_end.ends(models.tflite_pair(tmp_path / "pair.tflite"), 2) == ("linear", "other")  # a sum, a difference
    rows = [(name, (1, 4), schema.TensorType.FLOAT32, None, None, None) for name in "abcde"]
    code = schema.BuiltinOperator
    made = [
        (code.SOFTMAX, None, [0], [1], 0, None),
        (code.LOGISTIC, None, [0], [2], 0, None),
        (code.CONCATENATION, None, [1, 2], [3], 0, None),
        (code.CONCATENATION, None, [2, 2], [4], 0, None),
    ]
    path = models._write(tmp_path / "joined.tflite", rows, made, [0], [4, 3])
    assert graph_end.ends(path, 2) == ("sigmoid", "mixed")


def test_a_softmax_that_is_written_out_in_tflite(tmp_path):
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    rows = [(name, (1, 4), schema.TensorType.FLOAT32, None, None, None) for name in "xesz"]
    code = schema.BuiltinOperator
    made = [(code.EXP, None, [0], [1], 0, None), (code.SUM, None, [1], [2], 0, None)]
    made += [(code.DIV, None, [1, 2], [3], 0, None)]
    path = models._write(tmp_path / "written.tflite", rows, made, [0], [3, 2])
    assert graph_end.ends(path, 2) == ("softmax", "other")


@pytest.mark.parametrize(
    ("nodes", "ends"),
    [
        ([("Gemm", "xw", "y"), ("Softmax", "y", "z")], {"z": "softmax", "y": "linear"}),
        ([("Sigmoid", "x", "y"), ("Identity", "y", "z"), ("Reshape", "zs", "w")], {"w": "sigmoid"}),
        ([("Conv", "xw", "y"), ("Resize", "y", "z")], {"z": "linear"}),
        ([("Softmax", "x", "y"), ("Conv", "xw", "z"), ("Concat", "yz", "w")], {"w": "mixed"}),
        ([("Sigmoid", "x", "y"), ("Sigmoid", "x", "z"), ("Concat", "yz", "w")], {"w": "sigmoid"}),
        ([("Sigmoid", "x", "y"), ("Mul", "xy", "z")], {"z": "other"}),
        ([("LpNormalization", "x", "y")], {"y": "l2_norm"}),
        ([("Tanh", "x", "y"), ("ArgMax", "x", "z")], {"z": "argmax", "y": "tanh"}),
        ([("QLinearSoftmax", "x", "y"), ("DequantizeLinear", "yst", "z")], {"z": "softmax"}),
        (
            [("Exp", "x", "e"), ("ReduceSum", "ea", "s"), ("Expand", "sa", "t"), ("Div", "et", "z")],
            {"z": "softmax", "s": "other", "e": "other"},
        ),
        ([("Exp", "x", "e"), ("Exp", "w", "f"), ("ReduceSum", "fa", "s"), ("Div", "es", "z")], {"z": "other"}),
        ([("Exp", "x", "e"), ("ReduceSum", "ea", "s"), ("Div", "se", "z")], {"z": "other"}),
        ([("Gemm", "xw", "y"), ("ReduceL2", "y", "n"), ("Clip", "na", "c"), ("Div", "yc", "z")], {"z": "l2_norm"}),
        ([("Gemm", "xw", "y"), ("ReduceL2", "x", "n"), ("Div", "yn", "z")], {"z": "other"}),
        ([("ReduceL2", "x", "n"), ("Clip", "xa", "c")], {"n": "other", "c": "other"}),
        ([("Div", "xa", "z"), ("Div", "x", "w")], {"z": "other", "w": "other"}),
    ],
)
def test_onnx(tmp_path, nodes, ends):
    pytest.importorskip("onnx")
    path = onnx_graph(tmp_path / "f.onnx", nodes, ends)
    assert graph_end.ends(path, len(ends)) == tuple(ends.values())


def test_a_circle_ends(tmp_path):
    pytest.importorskip("onnx")
    nodes = [("Identity", "z", "y"), ("Identity", "y", "z")]
    assert graph_end.ends(onnx_graph(tmp_path / "f.onnx", nodes, ["z"]), 1) == (None,)
    # Each concatenation takes the one before twice: 2^60 ways back, of which each is walked once.
    names = [f"n{k}" for k in range(61)]
    wide = [("Tanh", ["x"], "n0"), *(("Concat", [a, a], b) for a, b in itertools.pairwise(names))]
    assert graph_end.ends(onnx_graph(tmp_path / "g.onnx", wide, ["n60"]), 1) == ("tanh",)


@pytest.mark.parametrize("name", ["missing.tflite", "empty.tflite", "empty.onnx", "text.tflite", "text.onnx", "a.fake"])
def test_what_cannot_be_read_tells_nothing(tmp_path, name):
    path = tmp_path / name
    if not name.startswith("missing"):
        path.write_bytes(b"" if name.startswith("empty") else b"not a model at all, but words")
    assert graph_end.ends(path, 3) == (None,) * 3
    assert file_metadata.read(path)._replace(notes=()) == file_metadata.FileMetadata()


def test_another_number_of_outputs_tells_nothing(tmp_path):
    pytest.importorskip("ai_edge_litert")
    assert graph_end.ends(models.tflite_pair(tmp_path / "pair.tflite"), 3) == (None,) * 3


WHOLE = {}


def whole(suffix: str, folder: Path) -> bytes:
    """Return a file of that kind, made once."""
    if suffix not in WHOLE:
        path = folder / f"whole{suffix}"
        if suffix == ".tflite":
            chain(path, "CONV_2D", "RESHAPE", "CONCATENATION", "SOFTMAX", "DEQUANTIZE")
        else:
            onnx_graph(path, [("Conv", "xw", "y"), ("Softmax", "y", "z"), ("Concat", "yz", "w")], ["w"])
        WHOLE[suffix] = path.read_bytes()
    return WHOLE[suffix]


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_damaged_files_tell_something_or_nothing_and_never_raise(tmp_path_factory, suffix, data):
    pytest.importorskip({".tflite": "ai_edge_litert", ".onnx": "onnx"}[suffix])
    folder = tmp_path_factory.getbasetemp()
    copy = bytearray(whole(suffix, folder))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(copy) - 1))
        copy[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, copy[place] ^ 1, copy[place] ^ 0x80]))
    path = folder / f"damaged{suffix}"
    path.write_bytes(copy[: data.draw(st.integers(0, len(copy)))] if data.draw(st.booleans()) else copy)
    (found,) = graph_end.ends(path, 1)
    assert found in (None, "softmax", "sigmoid", "tanh", "linear", "argmax", "l2_norm", "mixed", "other")
    said = file_metadata.read(path)
    assert said.mean is None or all(np.isfinite(said.mean))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_readers_of_any_bytes_read_or_say_damaged(data):
    for read in (lambda: [*root(data).tables(2)], lambda: root(data).numbers(1), lambda: [*Message(data).parts()]):
        with contextlib.suppress(Damaged):
            read()


@needs_shared
@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("coral/deeplabv3_mnv2_dm05_pascal_quant.tflite", ("argmax",)),
        ("coral/mobilenet_v2_1.0_224_quant.tflite", ("softmax",)),
        ("mlperf_tiny/kws_ref_model.tflite", ("softmax",)),
        ("mlperf_tiny/ad01_fp32.tflite", ("linear",)),
        ("wild/FastestDet.onnx", ("mixed",)),
        ("wild/SINet_Softmax.onnx", ("softmax",)),
        ("wild/face_detection_front.tflite", ("linear", "linear")),
        ("wild/face_mask_detection.tflite", ("linear", "sigmoid")),
        ("wild/okay_nabu.tflite", ("sigmoid",)),
        ("wild/portrait_segmentation.tflite", ("linear",)),
        ("wild/version-RFB-320.onnx", ("softmax", "mixed")),
        ("wild/version-RFB-320_without_postprocessing.onnx", ("softmax", "linear")),
    ],
)
def test_published_files(name, ends):
    assert graph_end.ends(shared("models", *name.split("/")), len(ends)) == ends


@needs_shared
def test_published_metadata():
    said = file_metadata.read(shared("models", "coral", "mobilenet_v1_0.25_128_quant.tflite"))
    assert said.output_names == ("probability",)
    assert (said.mean, said.std) == ((127.5,), (127.5,))


def test_onnx_properties(tmp_path):
    onnx = pytest.importorskip("onnx")
    path = onnx_graph(tmp_path / "f.onnx", [("Tanh", "x", "y")], ["y"])
    model = onnx.load(path)
    for key, value in (("task", "pose"), ("names", "{0: 'person'}")):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
    assert file_metadata.read(path).properties == {"task": "pose", "names": "{0: 'person'}"}
