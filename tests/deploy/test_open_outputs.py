"""ONNX files whose outputs have no shape, or one that depends on the inputs, convert and verify, or say why not."""

import json

import numpy as np
import pytest

import edge
from edge.cli import convert
from edge.deploy._tensorflow import need
from edge.deploy.conversion import reference
from edge.deploy.conversion.source import open_source

onnx = need("onnx")
REAL, WHOLE = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
WEIGHTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
ROWS = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)


def node(operation, inputs, output, **attributes):
    return onnx.helper.make_node(operation, inputs.split(), [output], **attributes)


def network(path, nodes, output, kind=REAL, shape=None, **constants):
    """Write x (1, 6) times WEIGHTS, ``scores`` (1, 4), and the nodes that go on from there."""
    values = {"weights": WEIGHTS, **constants}
    fixed = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    entry = onnx.helper.make_tensor_value_info("x", REAL, (1, 6))
    result = onnx.helper.make_tensor_value_info(output, kind, shape)
    made = [node("MatMul", "x weights", "scores"), *nodes]
    graph = onnx.helper.make_graph(made, "net", [entry], [result], fixed)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return path


SQUARE = [
    node("ReduceSum", "x", "sum", keepdims=0),
    node("Mul", "sum zero", "nothing"),
    node("Add", "nothing sizes", "real"),
    node("Cast", "real", "whole", to=WHOLE),
    node("Reshape", "scores whole", "reshaped"),
    node("Squeeze", "reshaped", "square"),
]
"""Nodes of which no inference tells how many dimensions the output has: (2, 2)."""
SIZES = {"zero": np.float32(0), "sizes": np.array([1, 2, 2], np.float32)}

POSITIVE = [node("Relu", "scores", "above"), node("NonZero", "above", "places")]


def converted(path, folder, *words):
    np.savez(folder / "data.npz", x=ROWS)
    out = folder / "net"
    common = ["--input-kind", "tensor", "--onnx", "float32", "--verify", str(folder / "data.npz")]
    code = convert.main([str(path), "--out", str(out), *common, *words])
    return code, json.loads((out / "manifest.json").read_text()) if code == 0 else None


@pytest.mark.parametrize("shape", [None, (1, "n"), ("a", "b")], ids=["no shape", "an open size", "open sizes"])
def test_outputs_without_a_shape_get_that_of_a_run(tmp_path, shape):
    code, manifest = converted(network(tmp_path / "net.onnx", [], "scores", shape=shape), tmp_path, "--task", "raw")
    assert code == 0
    assert manifest["signature"]["outputs"][0]["shape"] == [1, 4]
    assert not [note for note in manifest["provenance"]["assumed"] if "depends" in note]


def test_an_output_of_an_unknown_number_of_dimensions_is_no_single_number(tmp_path):
    path = network(tmp_path / "net.onnx", SQUARE, "square", **SIZES)
    assert [output.shape for output in open_source(str(path)).outputs] == [(2, 2)]
    code, _ = converted(path, tmp_path, "--task", "raw")
    assert code == 0
    with edge.load(tmp_path / "net") as net:
        found = net(ROWS[:1]).tensors["square"]
    np.testing.assert_allclose(found, (ROWS[:1] @ WEIGHTS).reshape(2, 2), rtol=1e-5)


def test_an_output_whose_size_depends_on_the_input_is_compared_row_by_row(tmp_path, capsys):
    path = network(tmp_path / "net.onnx", POSITIVE, "places", WHOLE)
    code, manifest = converted(path, tmp_path, "--task", "raw")
    assert code == 0
    note = "the size of output 'places' depends on the inputs; the signature states that of a run on zeros, (2, 0)"
    assert note in capsys.readouterr().err
    assert note in manifest["provenance"]["assumed"]
    assert manifest["measured"]["parity"][0]["samples"] == len(ROWS)
    with edge.load(tmp_path / "net") as net:
        for row in ROWS:
            np.testing.assert_array_equal(net(row[None]).tensors["places"], np.nonzero(row[None] @ WEIGHTS > 0))


def test_a_task_that_needs_one_size_refuses_it(tmp_path, capsys):
    path = network(tmp_path / "net.onnx", POSITIVE, "places", WHOLE)
    code, _ = converted(path, tmp_path, "--task", "regress")
    assert code == 2
    assert not (tmp_path / "net").exists()
    assert "take --task raw" in capsys.readouterr().err


@pytest.mark.parametrize("chosen", [[0, 1, 2, 3], [2, 2]], ids=["of other sizes", "of one size"])
def test_a_reference_gives_each_sample_its_own_size(tmp_path, chosen):
    source = open_source(str(network(tmp_path / "net.onnx", POSITIVE, "places", WHOLE)))
    found = source.reference({"x": ROWS[chosen]})
    for position, row in enumerate(ROWS[chosen]):
        answer = reference.sample(found, source.outputs, position)["places"]
        np.testing.assert_array_equal(answer, np.nonzero(row[None] @ WEIGHTS > 0))


def test_a_batch_axis_comes_back_where_the_size_is_another(tmp_path):
    nodes = [*POSITIVE, node("Unsqueeze", "places axes", "boxes")]
    source = open_source(str(network(tmp_path / "net.onnx", nodes, "boxes", WHOLE, axes=np.array([0]))))
    found = source.reference({"x": ROWS[[2, 2]]})
    assert found["boxes"].ndim == 3
    answer = reference.sample(found, source.outputs, 1)["boxes"]
    np.testing.assert_array_equal(answer, np.array(np.nonzero(ROWS[[2]] @ WEIGHTS > 0))[None])
