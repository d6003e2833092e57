"""Counts of single layers, worked out by hand."""

import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.complexity import Complexity, complexity  # noqa: E402

layers = keras.layers


def of(*stack):
    return complexity(keras.Sequential([keras.Input((8, 8, 4)), *stack]))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # 3*3*4*6 weights and 6 biases; at 4x4 positions
        pytest.param(lambda: layers.Conv2D(6, 3, 2, padding="same"), (222, 222, 216 * 16), id="convolution"),
        # each of 6 outputs sees 2 of the 4 channels
        pytest.param(lambda: layers.Conv2D(6, 3, groups=2, use_bias=False), (108, 108, 108 * 36), id="grouped"),
        pytest.param(lambda: layers.DepthwiseConv2D(3, use_bias=False), (36, 36, 36 * 36), id="depthwise"),
        # applied to the last axis, at every position
        pytest.param(lambda: layers.Dense(5), (25, 25, 20 * 64), id="dense"),
        # gamma and beta are trained, mean and variance are not; no multiply-accumulate is counted
        pytest.param(lambda: layers.BatchNormalization(), (8, 16, 0), id="batch normalization"),
        pytest.param(lambda: layers.GlobalAveragePooling2D(), (0, 0, 0), id="pooling"),
    ],
)
def test_a_layer_costs_what_it_says(layer, expected):
    assert of(layer()) == Complexity(*expected)


def test_costs_add_up():
    assert of(layers.Conv2D(6, 1, use_bias=False), layers.GlobalMaxPooling2D(), layers.Dense(2)) == Complexity(
        24 + 14, 24 + 14, 24 * 64 + 12
    )
