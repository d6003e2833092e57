"""Which layers share a range, where ranges start, and what the converted file makes of it."""

import numpy as np
import pytest
import tf_keras as keras

from edge.deploy.compress import qat, ranges
from edge.deploy.conversion import freeze, tflite
from edge.models import build
from tests import tflite_file


def net(name, width=0.5):
    return build(name, (32, 32, 3), 4, width, downsample=8)


def batches(count=2):
    rng = np.random.default_rng(0)
    return [rng.uniform(-1, 1, (8, 32, 32, 3)).astype(np.float32) for _ in range(count)]


def test_a_stage_of_shufflenet_v2_is_one_group():
    groups = ranges.shared_ranges(net("shufflenet_v2"))
    assert set(groups.values()) == {f"stage{stage}_block1_concat" for stage in (2, 3, 4)}
    stage2 = {name for name, leader in groups.items() if leader == "stage2_block1_concat"}
    concatenations = {f"stage2_block{block}_concat" for block in (1, 2, 3, 4)}
    worked = {f"stage2_block{block}_expand_relu" for block in (1, 2, 3, 4)}
    assert stage2 == concatenations | worked | {"stage2_block1_shortcut_relu"}


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_networks_without_concatenations_have_no_groups(name):
    assert ranges.shared_ranges(net(name)) == {}


def test_a_concatenation_by_itself_is_no_group():
    inputs = keras.Input((4, 4, 2))
    a, b = keras.layers.Conv2D(2, 1)(inputs), keras.layers.Conv2D(2, 1)(inputs)
    assert ranges.shared_ranges(keras.Model(inputs, keras.layers.Concatenate()([a, b]))) == {}


def test_ranges_start_inside_the_outermost_values():
    """A ReLU over known numbers: the mean of both batches' percentiles, by numpy."""
    inputs = keras.Input((10, 10, 1))
    x = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")(inputs)
    x = keras.layers.BatchNormalization(epsilon=0.0)(x)
    model = keras.Model(inputs, keras.layers.ReLU(name="out")(x))
    data = [np.linspace(-1, top, 20_000).reshape(200, 10, 10, 1).astype(np.float32) for top in (2, 4)]
    data[0][0, 0, 0, 0] = 50  # one value in twenty thousand
    simulated = qat.quantize_aware(model, data)
    found = {w.name.split("/")[-1]: float(w.numpy()) for w in simulated.get_layer("quant_out").weights}
    expected = np.mean([np.percentile(np.maximum(d, 0), 99.99) for d in data])
    assert found["output_max:0"] == pytest.approx(expected, rel=1e-5)
    assert found["output_max:0"] < 4
    assert found["output_min:0"] == 0.0


@pytest.mark.slow
def test_ties_hold_the_widest_and_leave_nothing_to_rescale():
    model = net("shufflenet_v2")
    simulated = qat.quantize_aware(model, batches())
    member = simulated.get_layer("quant_stage3_block4_concat")
    next(w for w in member.weights if "output_max" in w.name).assign(77.0)
    ranges.unify_scales(simulated, model)
    for block in range(1, 9):
        layer = simulated.get_layer(f"quant_stage3_block{block}_concat")
        assert [float(w.numpy()) for w in layer.weights if "output_max" in w.name] == [77.0]
    content = tflite.qat_to_int8(freeze.freeze_keras(simulated))
    assert "QUANTIZE" not in tflite_file.op_names(content)
