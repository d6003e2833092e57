"""Activations 128 higher: the same numbers, for every kind of operation between quantizers."""

import numpy as np
import onnx
import pytest

from edge.deploy.conversion.onnx_uint8 import to_uint8
from edge.tensors import Quantization
from tests.deploy.conversion.quantized_graphs import dequantize, edited, model, node, quantize, run

SHAPE = (1, 4, 6, 8)
X = np.random.default_rng(0).integers(-128, 128, SHAPE).astype(np.int8)
SCALES = {"s": np.float32(0.05), "z": np.int8(-7), "one": np.float32(1), "zero": np.int8(0)}
BORDER = {"x": Quantization(0.05, -7), "y": Quantization(0.05, -7)}


def shifted(array):
    return (array.astype(np.int16) + 128).astype(np.uint8)


def types(made):
    """Return the types of the constants, inputs and outputs by name."""
    values = {value.name: value.type.tensor_type.elem_type for value in (*made.graph.input, *made.graph.output)}
    kinds = {**values, **{tensor.name: tensor.data_type for tensor in made.graph.initializer}}
    return {name: onnx.helper.tensor_dtype_to_np_dtype(kind) for name, kind in kinds.items()}


def convert(made, border=BORDER):
    """Return the model in uint8, and the quantization of its border."""
    found = {}
    return edited(made, lambda graph: found.update(to_uint8(graph, border))), found


MOVES = {
    "none": [node("Identity", "x", "y")],
    "reshape": [node("Reshape", "x sizes", "y")],
    "transpose and slice": [node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Slice", "t from to", "y")],
    "concatenation": [node("Concat", "x x", "y", axis=1)],
    "concatenation with a constant": [node("Concat", "x half", "y", axis=1)],
    "split": [
        onnx.helper.make_node("Split", ["x"], ["a", "b"], axis=1),
        node("Concat", "b a", "y", axis=1),
    ],
    "maximum pool": [node("MaxPool", "x", "y", kernel_shape=[2, 2])],
    "clip": [node("Clip", "x low high", "y")],
    "rows of a table": [node("Gather", "x rows", "y", axis=1)],
    "a sum of real numbers": [
        dequantize("x s z", "r"), node("Add", "r r", "a"), quantize("a s z", "y"),
    ],
    "a sum with a quantized constant": [
        dequantize("x s z", "r"), dequantize("half s z", "h"), node("Add", "r h", "a"), quantize("a s z", "y"),
    ],
    "a dense layer": [
        dequantize("x s z", "r"), dequantize("w s zero", "m"), node("MatMul", "r m", "a"), quantize("a s z", "y"),
    ],
}  # fmt: skip
CONSTANTS = {
    "sizes": np.array([1, 8, 24]), "from": np.array([0, 1]), "to": np.array([1, 4]), "low": np.int8(-40),
    "high": np.int8(90), "rows": np.array([3, 0, 0]), "half": X[:, :1],
    "w": np.random.default_rng(2).integers(-128, 128, (8, 5)).astype(np.int8), **SCALES,
}  # fmt: skip


def made_of(name):
    nodes = MOVES[name]
    used = {entry for one in nodes for entry in one.input}
    constants = {key: value for key, value in CONSTANTS.items() if key in used}
    return model(nodes, constants, {"x": SHAPE}, "y")


@pytest.mark.parametrize("name", MOVES)
def test_the_result_is_128_higher(name):
    before = run(made_of(name), optimized=False, x=X)
    made, border = convert(made_of(name))
    assert {types(made)[end] for end in "xy"} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(run(made, optimized=False, x=shifted(X)), shifted(before))
    assert border == {name: Quantization(0.05, 121) for name in "xy"}


def test_weights_stay_int8():
    made, _ = convert(made_of("a dense layer"))
    kinds = types(made)
    assert kinds["w"] == np.int8
    assert kinds["x"] == np.uint8


def test_an_operation_that_computes_with_integers_keeps_them():
    nodes = [node("Cast", "x", "c", to=onnx.TensorProto.FLOAT), quantize("c one zero", "y")]
    made, border = convert(model(nodes, SCALES, {"x": SHAPE}, "y"))
    assert types(made)["x"] == np.int8
    assert types(made)["y"] == np.uint8
    assert border == {"x": BORDER["x"], "y": Quantization(0.05, 121)}
    np.testing.assert_array_equal(run(made, optimized=False, x=X), shifted(X))


def test_what_an_integer_operation_reads_stays_with_all_that_moves_it():
    nodes = [
        node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Cast", "t", "c", to=onnx.TensorProto.FLOAT),
        quantize("c one zero", "q"), node("Concat", "q t", "y", axis=1),
    ]  # fmt: skip
    made, border = convert(model(nodes, SCALES, {"x": SHAPE}, "y"))
    assert border == BORDER
    assert {types(made)[end] for end in "xy"} == {np.dtype(np.int8)}


def test_a_border_without_scales_stays():
    made, border = convert(made_of("reshape"), {})
    assert (types(made)["x"], border) == (np.int8, {})


def test_an_output_that_is_there_twice_has_one_type():
    """A model may give a tensor twice. ONNX Runtime refuses a file where only one of them is uint8."""
    made = made_of("a dense layer")
    made.graph.output.append(made.graph.output[0])
    made, _ = convert(made)
    assert [one.type.tensor_type.elem_type for one in made.graph.output] == [onnx.TensorProto.UINT8] * 2
