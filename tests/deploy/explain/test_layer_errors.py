"""The layer that does the damage comes first, and what each layer does adds up to what the file does."""

import numpy as np
import pytest

from edge.deploy.conversion import freeze, post_training, tflite
from edge.deploy.conversion.float_layers import layer_name
from edge.deploy.explain.layer_errors import INPUT, measure
from tests.deploy.explain.networks import images, keras, loud_channel

layers = keras.layers


def measured(model, folder, samples, method="minmax"):
    content = tflite.to_int8(freeze.freeze_keras(model), samples[:, None], method, stages=folder)
    calibrated = post_training.FloatStages.load(folder).calibrated
    steps = []
    rows = measure(calibrated, content, [[one[None]] for one in samples[:6]], lambda *step: steps.append(step))
    assert steps[-1] == (6, 6)
    return rows


@pytest.fixture(scope="module")
def loud(tmp_path_factory):
    return measured(loud_channel(), tmp_path_factory.mktemp("loud"), images(12))


def test_a_layer_with_one_loud_channel_is_to_blame_though_its_own_ratio_looks_well(loud):
    worst = max(loud, key=lambda row: row.share)
    assert (worst.layer, worst.operation, worst.cause) == ("loud", "CONV_2D", "range")
    assert worst.share > 0.9
    assert worst.local_snr > 40  # the loud channel itself is exact to 1 of 255 steps
    assert worst.output_snr < 15
    quiet = next(row for row in loud if row.layer == "quiet")
    assert quiet.output_snr > 35  # it reads the damage and does none of its own
    assert quiet.snr < 20


def test_the_parts_are_those_of_the_whole(loud):
    assert [row.layer for row in loud] == ["image", "first", "loud", "quiet", "last"]
    assert [row.operation for row in loud] == [INPUT, *["CONV_2D"] * 4]
    assert sum(row.share for row in loud) == pytest.approx(1)
    noise = sum(10 ** (-row.output_snr / 10) for row in loud)
    # the output's ratio in the int8 file, with all errors together
    assert loud[-1].snr == pytest.approx(-10 * np.log10(noise), abs=1.5)
    assert all(row.clipped == 0 for row in loud if row.layer in ("image", "first"))  # minmax of these very samples


def test_the_input_s_noise_is_that_of_its_step(loud):
    image = loud[0]
    assert image.step == pytest.approx(2 / 255, rel=0.02)
    # uniform on -1 to 1: signal 1/3, noise step^2 / 12
    assert image.local_snr == pytest.approx(10 * np.log10((1 / 3) / (image.step**2 / 12)), abs=0.3)
    assert image.snr == image.local_snr


def test_several_inputs_outputs_and_tokens(tmp_path):
    keras.utils.set_random_seed(0)
    words = keras.Input((6,), dtype="int32", name="words")
    size = keras.Input((4,), name="size")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8, name="table")(words))
    x = layers.Concatenate(name="both")([x, layers.Dense(8, activation="relu", name="wide")(size)])
    outputs = [layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(1, name="price")(x)]
    rng = np.random.default_rng(0)
    rows = [
        {"words": rng.integers(0, 20, (1, 6)).astype(np.int32), "size": rng.normal(size=(1, 4)).astype(np.float32)}
        for _ in range(8)
    ]
    frozen = freeze.freeze_keras(keras.Model([words, size], outputs))
    content = tflite.to_int8(frozen, rows, stages=tmp_path)
    order = [spec.name for spec in frozen.input_specs]
    samples = [[row[name] for name in order] for row in rows]
    found = measure(post_training.FloatStages.load(tmp_path).calibrated, content, samples, lambda done, total: None)
    assert {"size", "wide", "kind", "price"} <= {row.layer for row in found}
    assert "words" not in {row.layer for row in found}  # tokens are not rounded
    assert all(row.snr > 35 for row in found if row.layer in ("kind", "price"))
    # The concatenation has one scale for both of its inputs, which is coarse for the small values of the table.
    assert min(found, key=lambda row: row.snr).layer == "global_average_pooling1d"
    assert sum(row.share for row in found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("net/stem_relu6/Relu6;net/stem_conv/Conv2D", "stem_conv"),
        ("net/body/pool/Mean", "pool"),
        ("net/boxes/BiasAdd;net/boxes/Conv2D;net/boxes/BiasAdd/ReadVariableOp/resource1", "boxes"),
        ("probabilities", "probabilities"),
        ("/odd", "odd"),
    ],
)
def test_the_layer_is_named_as_in_the_model(tensor, layer):
    assert layer_name(tensor) == layer
