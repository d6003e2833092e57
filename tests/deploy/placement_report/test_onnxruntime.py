"""The ONNX Runtime report against the model that ONNX Runtime saves, read with the package onnx."""

import importlib
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from edge.deploy.placement_report import onnx_graph
from edge.deploy.placement_report import onnxruntime as report_module
from edge.errors import EdgeError, InputError, MissingExtra
from tests.shared import needs_shared, shared

FLOAT, INT8 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT8


def write(path, nodes, constants, shape=(1, 4, 6, 6)):
    """Write a graph from ``x`` to ``y``."""
    values = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    inputs = [onnx.helper.make_tensor_value_info("x", FLOAT, shape)]
    outputs = [onnx.helper.make_tensor_value_info("y", FLOAT, None)]
    graph = onnx.helper.make_graph(nodes, "made", inputs, outputs, values)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def node(op, inputs, outputs, **attributes):
    return onnx.helper.make_node(op, inputs.split(), outputs.split(), **attributes)


WEIGHTS = {"w": np.ones((4, 4, 1, 1), np.float32)}


def quantized(clamp):
    """Return a convolution between quantizers, with or without a Relu before the second."""
    last = [node("Relu", "c", "r")] if clamp else []
    return [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("DequantizeLinear", "wq s z", "wd"),
        node("Conv", "d wd", "c"),
        *last,
        node("QuantizeLinear", "r s1 z" if clamp else "c s1 z", "o"),
        node("DequantizeLinear", "o s1 z", "y"),
    ]


def int8_constants(zero_point=0):
    return {
        "wq": np.ones((4, 4, 1, 1), np.int8),
        "s": np.float32(0.5),
        "s1": np.float32(2.0),
        "z": np.int8(zero_point),
    }


def placed(path):
    return [(row.op, row.placement) for row in report_module.report(path).operations]


def test_what_a_fused_convolution_took_in(tmp_path):
    nodes = [node("Conv", "x w", "c"), node("Relu", "c", "r"), node("Transpose", "r", "y", perm=[0, 2, 3, 1])]
    report = report_module.report(write(tmp_path / "x.onnx", nodes, WEIGHTS))
    assert [(row.op, row.placement) for row in report.operations] == [
        ("Conv", "fused"), ("Relu", "fused"), ("Transpose", "kept"),
    ]  # fmt: skip
    assert report.operations[0].reason == "it is part of FusedConv"
    assert report.facts["kernels"] == {"FusedConv": 1, "Transpose": 1}
    assert report.facts["providers"] == ["CPUExecutionProvider"]


def test_what_is_constant_or_changes_nothing_is_removed(tmp_path):
    nodes = [node("Identity", "x", "i"), node("Add", "a a", "b"), node("Mul", "i b", "y")]
    assert placed(write(tmp_path / "x.onnx", nodes, {"a": np.ones(6, np.float32)})) == [
        ("Identity", "removed"), ("Add", "removed"), ("Mul", "kept"),
    ]  # fmt: skip


def test_a_quantized_convolution_is_one_kernel(tmp_path):
    report = report_module.report(write(tmp_path / "x.onnx", quantized(clamp=False), int8_constants()))
    assert "QLinearConv" in report.facts["kernels"]
    by_op = {(row.op, row.placement) for row in report.operations if row.op == "Conv"}
    assert by_op == {("Conv", "fused")}
    assert "it is part of QLinearConv" in {row.reason for row in report.operations}


def test_a_clamp_between_convolution_and_quantizer_is_named(tmp_path):
    """A zero point above the least integer lets Relu change values, so that it cannot be left out."""
    report = report_module.report(write(tmp_path / "x.onnx", quantized(clamp=True), int8_constants()))
    (conv,) = [row for row in report.operations if row.op == "Conv"]
    assert "QLinearConv" not in report.facts["kernels"]
    assert conv.reason == "it is part of FusedConv, in floating point"
    assert "leave Relu out" in conv.fix


@needs_shared
@pytest.mark.parametrize("name", ["FastestDet.onnx", "SINet_Softmax.onnx", "version-RFB-320.onnx"])
def test_the_kernels_are_those_of_the_saved_model(tmp_path, name):
    """Each operation that is kept is among the saved ones, and what is left of a kind was fused or removed."""
    path, saved = shared("models", "wild", name), tmp_path / "saved.onnx"
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    settings.optimized_model_filepath = str(saved)
    onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    kernels = Counter(node.op_type for node in onnx.load(saved).graph.node)
    report = report_module.report(path)
    original = onnx.load(path).graph.node
    assert report.facts["kernels"] == dict(kernels)
    assert [row.op for row in report.operations] == [node.op_type for node in original]
    kept = Counter(row.op for row in report.operations if row.placement == "kept")
    assert all(count <= kernels[op] for op, count in kept.items()), kept
    counts = Counter(row.placement for row in report.operations)
    assert (counts["fused"] > 0) == (kernels != Counter(node.op_type for node in original))


def test_our_parser_reads_what_onnx_reads(tmp_path):
    path = write(tmp_path / "x.onnx", quantized(clamp=True), int8_constants())
    expected = [(n.op_type, tuple(n.input), tuple(n.output)) for n in onnx.load(path).graph.node]
    assert [(n.op, n.inputs, n.outputs) for n in onnx_graph.read(path)] == expected


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"PK\3\4" + bytes(40), b"\x0a"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(EdgeError, match=r"x\.onnx"):
        report_module.report(path)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"takes an \.onnx file, got x\.tflite"):
        report_module.report(tmp_path / "x.tflite")


def test_a_missing_onnxruntime_is_named_with_its_extra(tmp_path, monkeypatch):
    path = write(tmp_path / "x.onnx", [node("Relu", "x", "y")], {})
    monkeypatch.setattr("edge.registry.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"edgekit\[onnx\]"):
        report_module.report(path)


@pytest.mark.parametrize(("integer", "advised"), [(np.int8, True), (np.uint8, False)])
def test_uint8_activations_are_advised_only_where_they_are_not_there(integer, advised):
    """No kernel was fused: between its quantizers the operation runs in floating point."""
    zero_point = np.dtype(integer).name
    nodes = (
        onnx_graph.Node(0, "DequantizeLinear", ("q", "s", "z"), ("d",), zero_point),
        onnx_graph.Node(1, "Sin", ("d",), ("f",)),
        onnx_graph.Node(2, "QuantizeLinear", ("f", "s", "z"), ("o",), zero_point),
    )
    (row,) = [row for row in report_module.place(nodes, nodes) if row.op == "Sin"]
    assert row.reason == "it runs in floating point: ONNX Runtime has no such kernel for these integers"
    assert (row.fix is not None and "use uint8 activations" in row.fix) == advised


@pytest.mark.parametrize("integer", [np.int8, np.uint8])
def test_the_dtype_of_a_quantizer_is_that_of_its_zero_point(tmp_path, integer):
    constants = {"s": np.float32(0.5), "z": integer(0)}
    nodes = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "d"), node("Relu", "d", "y")]
    found = onnx_graph.read(write(tmp_path / "x.onnx", nodes, constants))
    assert [one.zero_point for one in found] == [np.dtype(integer).name] * 2 + [""]


def test_without_a_zero_point_a_quantizer_is_of_uint8(tmp_path):
    nodes = [node("QuantizeLinear", "x s", "q"), node("DequantizeLinear", "q s", "y")]
    found = onnx_graph.read(write(tmp_path / "x.onnx", nodes, {"s": np.float32(0.5)}))
    assert [one.zero_point for one in found] == ["uint8", "uint8"]


@pytest.mark.parametrize("check", ["edgetpu", "xnnpack"])
def test_the_other_checks_name_the_one_for_onnx_files(tmp_path, check):
    path = write(tmp_path / "x.onnx", [node("Relu", "x", "y")], {})
    module = importlib.import_module(f"edge.deploy.placement_report.{check}")
    with pytest.raises(InputError, match=r"for \.tflite files, got x\.onnx; --check onnxruntime is for \.onnx files"):
        module.report(path)
