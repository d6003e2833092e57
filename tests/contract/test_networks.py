"""What every network promises, run against each row of ``edge.models.networks.NETWORKS``.

A new network adds its row to the table; nothing here. Each is made once, small and at a quarter of its width.
``tests.zoo`` says which networks are left to ``make test-full``, and which are converted to float32 only.
"""

import inspect

import numpy as np
import pytest

from edge import registry
from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import build
from edge.models.networks import NETWORKS, TASKS
from tests import tflite_file, zoo

need("tensorflow_model_optimization")

import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

from edge.deploy import quantized  # noqa: E402
from edge.deploy.load import load_keras  # noqa: E402
from edge.models.backbones import without_top  # noqa: E402
from edge.models.complexity import complexity  # noqa: E402
from edge.models.footprint import activation_peak  # noqa: E402

INTEGERS = {"int8", "int32", "bool"}
"""int32: biases, shapes, tokens. bool: none computes with it, but a comparison may yield it."""


every_network = pytest.mark.parametrize("net", zoo.rows(), indirect=True)
every_builder = pytest.mark.parametrize("net", zoo.rows(builders_only=True), indirect=True)
"""One network of each builder is converted in full, the others to float32 only."""


@pytest.fixture(scope="module")
def net(request):
    found = zoo.subject(request.param)
    yield found
    found.close()
    zoo.subject.cache_clear()  # a worker would hold gigabytes of networks in the end
    keras.backend.clear_session()


def run_file(path, inputs):
    """Return the outputs of a float file for each sample, stacked by output."""
    with open_model(path, threads=1) as model:
        rows = [model.run([x[None].astype(model.inputs[0].dtype)]) for x in inputs]
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_row_says_what_the_builder_takes(name):
    row, parameters = NETWORKS[name], inspect.signature(registry.load("model", NETWORKS, name)).parameters
    assert set(parameters) == {"input_shape", "classes", "width", *row.options}
    assert row.paper.startswith("https://")
    assert row.tasks[0] in TASKS
    assert len(row.smallest) == len(row.input_shape)


@every_network
def test_builds_at_another_size_with_the_same_names(net):
    larger = net.larger
    assert larger.name == net.model.name
    assert [layer.name for layer in larger.layers] == [layer.name for layer in net.model.layers]
    assert larger.input_shape[1:] == zoo.input_shape(net.name, larger=1)


@every_builder
def test_in_mixed_precision_the_outputs_are_float32(net):
    assert {out.dtype for out in net.larger.outputs} == {tf.float32}
    computed = {layer.compute_dtype for layer in net.larger.layers if layer.weights}
    assert "bfloat16" in computed


@pytest.mark.parametrize("name", NETWORKS)
def test_an_input_below_the_least_is_refused(name):
    for axis, least in enumerate(NETWORKS[name].smallest):
        shape = list(zoo.input_shape(name))
        shape[axis] = least - 1
        with pytest.raises(InputError, match=f"input_shape of {name} must be"):
            build(name, tuple(shape), zoo.CLASSES, zoo.WIDTH)


@every_builder
def test_one_step_lowers_a_loss(net):
    model, untouched = net.model, net.model.get_weights()
    inputs = net.batch(model, 8, seed=4)
    rng = np.random.default_rng(5)
    targets = [rng.uniform(0, 1, out.shape).astype(np.float32) for out in zoo.outputs(model, inputs, training=True)]

    def loss():
        tf.random.set_seed(6)
        made = model(inputs, training=True)
        made = made if isinstance(made, (list, tuple)) else [made]
        return sum(tf.reduce_mean((out - target) ** 2) for out, target in zip(made, targets, strict=True))

    with tf.GradientTape() as tape:
        before = loss()
    weights = model.trainable_variables
    gradients = [g if g is None else tf.convert_to_tensor(g) for g in tape.gradient(before, weights)]
    assert all(g is not None for g in gradients)
    # Of a length that the loss is nearly straight over.
    rate = 1e-3 / float(tf.linalg.global_norm(gradients))
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.assign_sub(rate * gradient)
    after = loss()
    model.set_weights(untouched)  # the training passes moved the statistics, too
    assert float(after) < float(before)


@every_builder
def test_comes_back_from_its_file_with_the_same_outputs(net):
    path = net.folder / "saved.keras"
    net.model.save(path)
    for got, expected in zip(zoo.outputs(load_keras(path), net.inputs), net.expected, strict=True):
        np.testing.assert_array_equal(got, expected)


@every_network
def test_float32_file_computes_what_keras_computes(net):
    for got, expected in zip(run_file(net.float32, net.inputs), net.expected, strict=True):
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


@every_builder
def test_int8_file_has_no_float_tensor(net):
    if net.row.float_only:
        # The registry says why; what it has instead is the float file, which the test above holds to Keras.
        assert "float32" in tflite_file.tensor_dtypes(net.float32.read_bytes())
        return
    content = net.int8.read_bytes()
    assert tflite_file.tensor_dtypes(content) <= INTEGERS
    assert not {"SHAPE", "PACK"} & set(tflite_file.op_names(content))
    with open_model(net.int8, threads=1) as model:
        assert [spec.shape for spec in model.outputs] == [(1, *out.shape[1:]) for out in net.expected]


@every_builder
def test_onnx_file_is_valid_and_computes_what_the_tflite_file_does(net):
    import onnx

    model = onnx.load(net.onnx)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    for got, expected in zip(run_file(net.onnx, net.inputs), run_file(net.float32, net.inputs), strict=True):
        assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


@every_network
def test_counts_what_is_there(net):
    found = complexity(net.model)
    assert found.total == sum(int(np.prod(w.shape)) for w in net.model.weights)
    assert found.macs > 0
    sizes = [int(np.prod(shape[1:])) for layer in net.model.layers for shape in shapes(layer.output_shape)]
    assert max(sizes) <= activation_peak(net.model) <= sum(sizes)


def shapes(found):
    return found if isinstance(found, list) else [found]


@every_network
def test_without_its_top_a_classifier_gives_features(net):
    if net.row.tasks[0] != "classify":
        with pytest.raises(InputError, match="include_top=False is for networks that do"):
            without_top(net.model)
        return
    kept = {layer.name for layer in without_top(net.model).layers}
    assert "classifier" not in kept
    assert kept < {layer.name for layer in net.model.layers}


@every_builder
def test_quantize_configurations_are_known(net):
    """Every layer of our own says what quantization-aware training does with it."""
    own = [layer for layer in net.model.layers if type(layer).__module__.startswith("edge.")]
    assert all(type(layer).quantizes_output in (True, False) for layer in own)
    with quantized.scope():
        for layer in own:
            again = keras.layers.deserialize(keras.layers.serialize(layer))
            assert again.get_config() == layer.get_config()
