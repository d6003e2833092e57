"""Sparse constants: examples written out by hand, and a file that LiteRT runs with them."""

from types import SimpleNamespace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edge.deploy._tensorflow import need
from edge.deploy.conversion import sparse_weights
from edge.deploy.conversion.float_tflite import to_float32
from edge.deploy.conversion.tflite_object import TFLiteObject


def full(size):
    return SimpleNamespace(format=0, denseSize=size, arraySegments=None, arrayIndices=None)


def listed(segments, indices):
    """A level that lists which indices are there: those of row r stand at segments[r] to segments[r + 1]."""
    vectors = (SimpleNamespace(values=values) for values in (segments, indices))
    return SimpleNamespace(format=1, denseSize=0, arraySegments=next(vectors), arrayIndices=next(vectors))


def sparsity(order, levels, blocks=None):
    return SimpleNamespace(traversalOrder=order, blockMap=blocks, dimMetadata=levels)


@pytest.mark.parametrize(
    ("order", "levels", "blocks", "values", "expected"),
    [
        pytest.param(
            [0, 1],
            [full(2), listed([0, 1, 3], [1, 0, 2])],
            None,
            [5, 7, 8],
            [[0, 5, 0], [7, 0, 8]],
            id="rows, and the columns that are there",
        ),
        pytest.param(
            [1, 0],
            [full(3), listed([0, 1, 2, 3], [1, 0, 1])],
            None,
            [7, 5, 8],
            [[0, 5, 0], [7, 0, 8]],
            id="columns first",
        ),
        pytest.param(
            [0, 1], [listed([0, 1], [1]), full(2)], None, [3, 4], [[0, 0], [3, 4], [0, 0]], id="rows that are there"
        ),
        pytest.param(
            [0, 1, 2, 3],
            [full(2), listed([0, 1, 2], [1, 0]), full(2), full(2)],
            [0, 1],
            [1, 2, 3, 4, 5, 6, 7, 8],
            [[0, 0, 1, 2], [0, 0, 3, 4], [5, 6, 0, 0], [7, 8, 0, 0]],
            id="blocks of two by two",
        ),
        pytest.param([0, 1], [full(2), listed([0, 0, 0], [])], None, [], [[0, 0], [0, 0]], id="nothing but zeros"),
    ],
)
def test_zeros_are_filled_in(order, levels, blocks, values, expected):
    expected = np.array(expected, np.float32)
    found = sparse_weights.dense(np.array(values, np.float32), expected.shape, sparsity(order, levels, blocks))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("order", "levels", "words"),
    [
        ([0], [full(2)], "does not fit its shape"),
        ([0, 1], [full(2)], "does not fit its shape"),
        ([0, 1], [full(2), listed([0, 1, 2], [1, 3])], "does not fit its values"),
        ([0, 1], [full(2), full(3)], "does not fit its values"),
    ],
)
def test_damage_is_refused(order, levels, words):
    with pytest.raises(ValueError, match=words):
        sparse_weights.dense(np.ones(2, np.float32), (2, 3), sparsity(order, levels))


WEIGHTS = np.float32([[0, 5, 0, 0], [7, 0, 8, 0], [0, 0, 0, -2]])


def dense_layer():
    """Return a file of one dense layer with WEIGHTS, (outputs, inputs)."""
    tf = need("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, "x")])
    def layer(x):
        return tf.linalg.matmul(x, tf.constant(WEIGHTS), transpose_b=True)

    return tf.lite.TFLiteConverter.from_concrete_functions([layer.get_concrete_function()]).convert()


def made_sparse(content, halves):
    """Return the file with its weights sparse, in DENSIFY, and in float16 behind a DEQUANTIZE where ``halves``."""
    file = TFLiteObject(content)
    schema, graph = file.schema, file._graph
    layer = next(operation for code, operation in file.operations() if code == schema.BuiltinOperator.FULLY_CONNECTED)
    weights = int(layer.inputs[1])
    stored = WEIGHTS[WEIGHTS != 0].astype(np.float16 if halves else np.float32)  # row after row
    source, filled = file.twin(weights, "/sparse"), file.twin(weights, "/filled") if halves else weights
    for index in {source, filled} if halves else set():
        graph.tensors[index].type = schema.TensorType.FLOAT16
    graph.tensors[source].buffer = file._buffer(stored)
    graph.tensors[weights].buffer = 0
    graph.tensors[source].sparsity = made = schema.SparsityParametersT()
    rows, columns = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    rows.format, rows.denseSize = schema.DimensionType.DENSE, 3
    columns.format = schema.DimensionType.SPARSE_CSR
    columns.arraySegmentsType = columns.arrayIndicesType = schema.SparseIndexVector.Uint8Vector
    columns.arraySegments, columns.arrayIndices = schema.Uint8VectorT(), schema.Uint8VectorT()
    columns.arraySegments.values = np.cumsum([0, *(WEIGHTS != 0).sum(axis=1)]).astype(np.uint8)
    columns.arrayIndices.values = np.nonzero(WEIGHTS)[1].astype(np.uint8)
    made.traversalOrder, made.dimMetadata = [0, 1], [rows, columns]
    steps = [("DENSIFY", source, filled), *([("DEQUANTIZE", filled, weights)] if halves else [])]
    for name, given, result in reversed(steps):
        operation = schema.OperatorT()
        operation.opcodeIndex = file.code(getattr(schema.BuiltinOperator, name), 3 if name == "DEQUANTIZE" else 1)
        operation.inputs, operation.outputs = [given], [result]
        graph.operators.insert(0, operation)
    return file.to_bytes()


def run(content, x):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("halves", [False, True], ids=["float32", "float16"])
def test_a_file_with_sparse_weights_becomes_one_that_has_no_densify(halves):
    content = made_sparse(dense_layer(), halves)
    x = np.random.default_rng(0).normal(size=(1, 4)).astype(np.float32)
    np.testing.assert_allclose(run(content, x), x @ WEIGHTS.T, rtol=1e-6)  # LiteRT reads the file as it is meant
    changed = to_float32(content)
    np.testing.assert_allclose(run(changed, x), x @ WEIGHTS.T, rtol=1e-6)
    kinds = need("tensorflow.lite.python.schema_py_generated").BuiltinOperator
    assert {code for code, _ in TFLiteObject(changed).operations()} == {kinds.FULLY_CONNECTED}
