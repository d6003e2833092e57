"""Activation memory and receptive field: by hand on small graphs, and against published receptive fields."""

import pytest

from edge.deploy._tensorflow import need
from edge.models import describe

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.footprint import activation_peak, receptive_field  # noqa: E402

layers = keras.layers


def chain(shape, *stack):
    x = entry = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(entry, x)


def test_a_chain_holds_input_and_output_of_its_largest_layer():
    model = chain((8, 8, 2), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(1, 3, 2))
    assert activation_peak(model) == 8 * 8 * 2 + 8 * 8 * 4  # then 256 + 9 for the second


def test_a_skip_is_held_until_it_is_added():
    entry = keras.Input((4, 4, 2))
    x = layers.Conv2D(2, 1, name="first")(entry)
    skip = x
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 1)(x)))
    x = layers.Conv2D(2, 1)(x)
    model = keras.Model(entry, layers.Add()([skip, x]))
    # skip, six channels and the two computed from them; the normalization and activation hold nothing of their own
    assert activation_peak(model) == 16 * (2 + 6 + 2)


@pytest.mark.parametrize(
    ("stack", "rows"),
    [
        pytest.param([layers.Conv2D(1, 3), layers.Conv2D(1, 3)], 5, id="two of three"),
        pytest.param([layers.Conv2D(1, 3, 2), layers.Conv2D(1, 3)], 7, id="stride doubles the next step"),
        pytest.param([layers.Conv2D(1, 3, dilation_rate=4)], 9, id="dilated: four apart"),
        pytest.param([layers.MaxPooling2D(2), layers.Conv2D(1, 3)], 6, id="pooling"),
        pytest.param(
            [layers.Conv2D(1, 3, 2), layers.Conv2DTranspose(1, 2, 2)], 3, id="transposed 2, 2: one input each"
        ),
        pytest.param(
            [layers.Conv2D(1, 3, 2), layers.Conv2DTranspose(1, 4, 2)], 5, id="transposed 4, 2: two inputs each"
        ),
        pytest.param([layers.Conv2D(1, 3, 2), layers.UpSampling2D(2), layers.Conv2D(1, 3)], 5, id="up-sampled"),
    ],
)
def test_receptive_field_by_hand(stack, rows):
    assert receptive_field(chain((32, 32, 1), *stack)) == rows


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        # Araujo et al. 2019, the table of https://github.com/google-research/receptive_field
        pytest.param("mobilenet_v1", 315, id="mobilenet_v1"),
        pytest.param("vgg16", 212, id="vgg16, its last pooling included", marks=pytest.mark.slow),
        # 483 there: slim strides in the last block of a stage, version 1.5 in the first.
        pytest.param("resnet50", 427, id="resnet50", marks=pytest.mark.slow),
    ],
)
def test_receptive_field_as_published(name, rows):
    assert describe(name).receptive_field == rows
