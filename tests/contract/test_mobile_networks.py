"""What one network of every mobile family promises beyond ``test_networks``: it is trained, some pruned, and quantized.

Each is made once, at a quarter of its width, and trained until its outputs are far from ties.
"""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.models.networks import MOBILE
from edge.tensors import dequantize, quantize
from tests import networks, tflite_file, zoo

need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.deploy import quantized  # noqa: E402
from edge.deploy.compress import prune  # noqa: E402
from edge.deploy.load import load_keras  # noqa: E402

pytestmark = pytest.mark.slow

NOT_DELEGATED = {"SOFTMAX"}
"""Of int8 files: the last operation, on a handful of values, which XNNPACK takes in float only."""
DYNAMIC_SHAPES = {"SHAPE", "PACK"}
INTEGERS = {"int8", "int32"}
"""int32: biases, and the shapes of reshapes and means."""


FAMILIES = [name for name in MOBILE if name not in zoo.SAME_BUILDER]
RELOADED = {
    "mobilenet_v2": set(),
    "mobilenet_v3_large": {"Scale", "ShiftedReLU6"},
    "shufflenet_v1": {"AveragePool", "ChannelShuffle"},
    "shufflenet_v2": {"ChannelShuffle", "ChannelSplit"},
}
"""Whose quantization-aware file is read again, and the layers of our own in it: together all that any family has."""


@pytest.fixture(scope="module", params=[pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in FAMILIES])
def net(request):
    found = networks.network(request.param)
    yield found
    found.close()
    networks.network.cache_clear()  # a worker would hold gigabytes of networks in the end
    keras.backend.clear_session()


def run_file(path, images):
    """Run real images through a file, quantizing at its border; return real outputs."""
    with open_model(path, threads=1) as model:
        entry, out = model.inputs[0], model.outputs[0]
        return np.concatenate([dequantize(model.run([quantize(x[None], entry)])[0], out) for x in images])


def agreement(a, b):
    return float(np.mean(a.argmax(-1) == b.argmax(-1)))


def test_learns_and_gives_probabilities(net):
    before, after = net.losses
    assert after < 0.3 * before
    out = net.expected
    assert out.dtype == np.float32
    assert out.min() >= 0
    np.testing.assert_allclose(out.sum(-1), 1, atol=1e-5)  # the float32 rounding of a softmax
    # What the comparisons below stand on: the network tells the held-out colours apart.
    assert np.mean(out.argmax(-1) == net.held_out_classes) >= 0.95


def test_float32_file_computes_what_keras_computes(net):
    expected = net.expected[:32]
    error = np.abs(run_file(net.float32, net.held_out[:32]) - expected).max()
    assert error <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("precision", ["float32", "int8", "qat_int8"])
def test_files_are_static_and_run_in_one_piece(net, precision):
    content = getattr(net, precision).read_bytes()
    assert tflite_file.tensor_dtypes(content) <= (INTEGERS if "int8" in precision else {"float32", "int32"})
    assert not DYNAMIC_SHAPES & set(tflite_file.op_names(content))
    partitions, left = tflite_file.delegate_partitions(content)
    assert partitions == 1
    assert set(left) <= NOT_DELEGATED
    with open_model(getattr(net, precision)) as model:
        assert model.inputs[0].shape == (1, *networks.SIZE)
        assert model.outputs[0].shape == (1, networks.CLASSES)


def test_int8_file_agrees_with_keras(net):
    assert agreement(run_file(net.int8, net.held_out), net.expected) >= 0.98  # no training made up for the rounding


def test_pruned_zeros_survive_quantization_aware_training(net):
    if net.name not in networks.PRUNED:
        pytest.skip("not one of those that are pruned here")
    # Each kernel loses half its weights, rounded: small kernels move the share by less than a percent.
    assert prune.sparsity(net.model) == pytest.approx(0.5, abs=0.01)
    assert prune.sparsity(net.quantize_aware) >= prune.sparsity(net.model)


def test_trains_quantization_aware_and_the_file_agrees(net):
    assert quantized.is_quantize_aware(net.quantize_aware)
    expected = networks.run(net.quantize_aware, net.held_out)
    assert agreement(run_file(net.qat_int8, net.held_out), expected) >= 0.99


def test_onnx_file_is_valid_and_agrees_with_the_tflite_file(net):
    import onnx

    model = onnx.load(net.onnx)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [1, *networks.SIZE]
    images = net.held_out[:200]  # ONNX Runtime's exact int8 is slow on processors without dot products of bytes
    expected, got = run_file(net.qat_int8, images), run_file(net.onnx, images)
    assert agreement(got, expected) >= 0.99
    # Roundings half a step apart, layer after layer, turn an image that the network cannot decide on. Few are.
    assert np.mean(np.abs(got - expected).max(-1) <= 0.1) >= 0.98


def test_layers_of_our_own_are_in_a_network_that_is_read_again(net):
    own = {type(layer).__name__ for layer in net.model.layers if type(layer).__module__.startswith("edge.")}
    assert own <= set().union(*RELOADED.values())
    assert own == RELOADED.get(net.name, own)


def test_quantize_aware_model_comes_back_from_its_file(net):
    if net.name not in RELOADED:
        pytest.skip("another family with the same layers is read again")
    path = net.folder / "qat.h5"
    with quantized.saving_h5():
        net.quantize_aware.save(path, include_optimizer=False)
    loaded = load_keras(path)
    np.testing.assert_array_equal(loaded(net.held_out[:4]), net.quantize_aware(net.held_out[:4]))
