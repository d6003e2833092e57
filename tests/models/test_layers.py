import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.layers import AveragePool, ChannelShuffle, ChannelSplit, Scale, ShiftedReLU6  # noqa: E402

OWN = [
    pytest.param(ChannelSplit(), id="split"),
    pytest.param(ChannelShuffle(3), id="shuffle"),
    pytest.param(AveragePool(2, 2), id="pool"),
    pytest.param(ShiftedReLU6(), id="six times the hard sigmoid"),
    pytest.param(Scale(1 / 6), id="scale"),
]


def images(channels, side=4, seed=0):
    return np.random.default_rng(seed).normal(size=(2, side, side, channels)).astype(np.float32)


def test_split_gives_the_halves():
    x = images(6)
    first, second = ChannelSplit()(x)
    np.testing.assert_array_equal(first, x[..., :3])
    np.testing.assert_array_equal(second, x[..., 3:])


@pytest.mark.parametrize(
    ("groups", "order"),
    [
        pytest.param(1, [0, 1, 2, 3, 4, 5], id="one group stays"),
        pytest.param(2, [0, 3, 1, 4, 2, 5], id="two groups of three"),
        pytest.param(3, [0, 2, 4, 1, 3, 5], id="three groups of two"),
        pytest.param(6, [0, 1, 2, 3, 4, 5], id="groups of one"),
    ],
)
def test_shuffle_takes_one_channel_of_each_group_in_turn(groups, order):
    x = images(6)
    np.testing.assert_array_equal(ChannelShuffle(groups)(x), x[..., order])


def test_shuffling_by_the_cofactor_undoes_it():
    x = images(12)
    np.testing.assert_array_equal(ChannelShuffle(3)(ChannelShuffle(4)(x)), x)


@pytest.mark.parametrize(
    ("side", "before"),
    [
        pytest.param(4, 0, id="even: one row of zeros below, none above"),
        pytest.param(5, 1, id="odd: one row of zeros on each side"),
    ],
)
def test_pool_divides_by_the_whole_window(side, before):
    x = images(2, side)
    out_side = (side + 1) // 2
    padded = np.zeros((2, side + 3, side + 3, 2), np.float32)
    padded[:, before : before + side, before : before + side] = x
    expected = np.empty((2, out_side, out_side, 2), np.float32)
    for row in range(out_side):
        for column in range(out_side):
            window = padded[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            expected[:, row, column] = window.sum((1, 2)) / 9
    np.testing.assert_allclose(AveragePool(3, 2)(x), expected, atol=1e-6)  # nine float32 additions


@pytest.mark.parametrize("layer", OWN)
def test_layers_come_back_from_their_configuration(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    x = images(6)
    for a, b in zip(np.atleast_1d(layer(x)), np.atleast_1d(again(x)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [ChannelSplit, lambda **k: ChannelShuffle(3, **k), AveragePool])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_layers_work_in_half_precision(make, policy):
    layer = make(dtype=keras.mixed_precision.Policy(policy))
    half = policy.removeprefix("mixed_")
    outputs = layer(images(6))
    assert {out.dtype.name for out in (outputs if isinstance(outputs, list) else [outputs])} == {half}


@pytest.mark.parametrize(
    ("layer", "channels", "words"),
    [
        pytest.param(ChannelSplit(name="cut"), 5, "cut: channels must be even to be split, got 5", id="odd split"),
        pytest.param(ChannelShuffle(4, name="mix"), 6, r"mix: channels \(6\) must divide by groups \(4\)", id="rest"),
        pytest.param(ChannelShuffle(0, name="mix"), 6, "must divide by groups", id="no group"),
    ],
)
def test_channels_that_do_not_fit_are_refused(layer, channels, words):
    with pytest.raises(InputError, match=words):
        layer(images(channels))
