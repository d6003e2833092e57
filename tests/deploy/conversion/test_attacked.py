"""Networks whose files once gave wrong answers: each against the float network, or against numpy."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion import onnx_halves, tflite
from edge.deploy.conversion.file_precision import file_precision
from edge.deploy.conversion.produce import make
from edge.deploy.conversion.recipe import Recipe
from edge.deploy.conversion.source import open_source
from edge.errors import InputError
from tests.deploy.conversion.test_produce import signal_to_noise

keras, onnx, tf = need("tf_keras"), need("onnx"), need("tensorflow")


def drawn(count, *shape):
    """Return samples for the input x."""
    return [{"x": one} for one in np.random.default_rng(0).normal(size=(count, 1, *shape)).astype("f4")]


def batch(rows):
    """Return the samples as one batch."""
    return {"x": np.concatenate([row["x"] for row in rows])}


def values(path, rows):
    """Return the only output of a file for all samples."""
    (found,) = open_source(str(path)).reference(batch(rows)).values()
    return found


def scattered(x):
    return tf.scatter_nd(tf.constant([[1], [3]]), x[0, :2] + 1.0, (6, 8, 8))[None]


SEEN = np.tril(np.ones((8, 8), "f4"))
MASK = (1 - SEEN) * np.float32(-1e9)


def attention(x, mask):
    """Rows of a picture look at the columns that the mask leaves them."""
    weights = tf.nn.softmax(tf.einsum("bhwc,bhvc->bhwv", x, x) + mask)
    return tf.einsum("bhwv,bhvc->bhwc", weights, x)


@pytest.mark.parametrize(
    ("layer", "least"),
    [
        # Stock TFLite gives 5.4 to 29 dB; comparable operations have 36 to 38.
        pytest.param(lambda x: tf.maximum(x, tf.reverse(x, [1]) * 0.3), 30, id="maximum of a reversed one"),
        pytest.param(lambda x: tf.reverse(x, [1]), 34, id="reverse"),
        pytest.param(lambda x: tf.maximum(x, 0.1 * x) + 0.5 * x, 30, id="leaky by hand, read twice"),
        pytest.param(lambda x: tf.minimum(x, tf.nn.relu(x) * 0.2), 30, id="minimum"),
        pytest.param(lambda x: tf.where(x > 0, x, 0.05 * x), 34, id="leaky by a choice"),
        pytest.param(scattered, 30, id="scatter"),
        pytest.param(lambda x: attention(x, MASK), 28, id="attention with a constant mask"),
        pytest.param(lambda x: attention(attention(x, MASK) * 3.0, MASK), 15, id="two layers with one mask"),
        pytest.param(
            lambda x: attention(x, (1.0 - tf.cast(x[:, :, :1, :8] > -9, tf.float32) * SEEN) * -1e9),
            28,
            id="attention with a computed mask",
        ),
    ],
)
def test_operations_with_one_scale_have_it(tmp_path, layer, least):
    keras.utils.set_random_seed(1)
    given = keras.Input((8, 8, 3), name="x")
    conv = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(given)
    model = keras.Model(given, layer(conv))
    source = open_source(model)
    rows = drawn(24, 8, 8, 3)
    made = make(source, Recipe(("int8",), ("int8",)), rows, tmp_path)
    for one in made:
        expected = np.concatenate([next(iter(source.reference(row).values())) for row in rows[:6]])
        assert signal_to_noise(expected, values(one.path, rows[:6])) > least, one.path.name


def network(path, nodes, constants, outputs=4, opset=17, ir=8, listed=False):
    """Write an ONNX file from x (1, 6) to y (1, outputs)."""
    real = onnx.TensorProto.FLOAT
    inputs = [onnx.helper.make_tensor_value_info("x", real, (1, 6))]
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    inputs += [onnx.helper.make_tensor_value_info(t.name, real, t.dims) for t in tensors] if listed else []
    border = [onnx.helper.make_tensor_value_info("y", real, (1, outputs))]
    graph = onnx.helper.make_graph(nodes, "net", inputs, border, tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=ir)
    path.write_bytes(model.SerializeToString())
    return path


W, B = (np.random.default_rng(seed).normal(size=shape).astype("f4") for seed, shape in ((1, (6, 4)), (2, 4)))


@pytest.mark.parametrize(
    ("attributes", "bias"),
    [
        pytest.param({"beta": 2.0}, B, id="beta 2"),
        pytest.param({"beta": 0.0}, B, id="beta 0"),
        pytest.param({"alpha": 3.0, "beta": 0.5}, B, id="alpha 3"),
        pytest.param({}, B[:1], id="one bias for all"),
        pytest.param({"beta": 2.0}, B[None], id="bias (1, n)"),
        pytest.param({"transB": 1, "alpha": 0.5}, B, id="transposed"),
    ],
)
@pytest.mark.parametrize("ir", [3, 8], ids=["constants listed as inputs", "recent"])
def test_a_dense_layer_keeps_its_factors(tmp_path, attributes, bias, ir):
    weights = np.ascontiguousarray(W.T) if attributes.get("transB") else W
    node = onnx.helper.make_node("Gemm", ["x", "w", "b"], ["y"], **attributes)
    opset = 9 if ir == 3 else 17
    path = network(tmp_path / "net.onnx", [node], {"w": weights, "b": bias}, opset=opset, ir=ir, listed=ir == 3)
    rows = drawn(40, 6)
    made = make(open_source(str(path)), Recipe((), ("float16", "int8")), rows, tmp_path)
    expected = attributes.get("alpha", 1.0) * batch(rows)["x"] @ W + attributes.get("beta", 1.0) * bias
    for one in made:
        assert signal_to_noise(expected, values(one.path, rows)) > 35, one.path.name


def test_constants_in_nodes_become_float16_too(tmp_path):
    node = onnx.helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(W))
    path = network(tmp_path / "net.onnx", [node, onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], {})
    content = onnx_halves.to_float16(path.read_bytes())
    (kept,) = onnx.load_from_string(content).graph.initializer
    assert kept.data_type == onnx.TensorProto.FLOAT16


def test_a_constant_on_the_left_stays_float(tmp_path):
    square = np.full((1, 1), -1.7, np.float32)
    nodes = [onnx.helper.make_node("MatMul", ["w", "x"], ["h"]), onnx.helper.make_node("Relu", ["h"], ["y"])]
    path = network(tmp_path / "net.onnx", nodes, {"w": square}, outputs=6)
    rows = drawn(20, 6)
    (made,) = make(open_source(str(path)), Recipe((), ("int8",)), rows, tmp_path)
    expected = np.maximum(batch(rows)["x"] * square, 0)
    assert signal_to_noise(expected, values(made.path, rows)) > 35


def test_a_dynamic_file_with_an_embedding_is_dynamic(tmp_path):
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = keras.layers.Flatten()(keras.layers.Embedding(200, 32)(tokens))
    frozen = open_source(keras.Model(tokens, keras.layers.Dense(40)(x))).frozen
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite.to_dynamic(frozen))
    assert file_precision(path) == "dynamic"


def test_every_output_of_a_split_is_an_output(tmp_path):
    with tf.Graph().as_default() as graph:
        given = tf.compat.v1.placeholder(tf.float32, (None, 6), "x")
        tf.split(given * 2.0, 3, axis=1, name="parts")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    assert len(open_source(str(tmp_path / "net.pb")).outputs) == 3
    with pytest.raises(InputError, match="'x' cannot be an input and an output"):
        open_source(str(tmp_path / "net.pb"), border=(("x",), ("x",)))


@pytest.mark.parametrize("constant", [True, False], ids=["constant mask", "computed mask"])
def test_an_onnx_file_keeps_the_scores_beside_its_mask(tmp_path, constant):
    make_node = onnx.helper.make_node
    hidden = np.array([[0, 0, 0, 0, 1, 1]], np.float32)
    mask = [] if constant else [make_node("Mul", ["hidden", "much"], ["mask"])]
    nodes = [*mask, make_node("Mul", ["x", "twice"], ["s"]), make_node("Add", ["s", "mask"], ["m"])]
    nodes += [make_node("Softmax", ["m"], ["p"], axis=1), make_node("Mul", ["p", "twice"], ["y"])]
    much = np.array([-1e9], np.float32)
    constants = {"twice": np.array([2.0], np.float32), "hidden": hidden, "much": much}
    if constant:
        constants["mask"] = hidden * much
    path = network(tmp_path / "net.onnx", nodes, constants, outputs=6)
    rows = drawn(40, 6)
    (made,) = make(open_source(str(path)), Recipe((), ("int8",)), rows, tmp_path)
    scores = np.exp(2 * batch(rows)["x"]) * (1 - hidden)
    expected = 2 * scores / scores.sum(axis=1, keepdims=True)
    assert signal_to_noise(expected, values(made.path, rows)) > 28
