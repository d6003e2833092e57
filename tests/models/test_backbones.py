"""Features for other heads: what is cut off, what is tapped."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import build

need("tensorflow")

from edge.models.backbones import tap, taps, without_top  # noqa: E402


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # MobileNetV2's next stage widens before it strides: that wide map is the one SSDLite's paper taps.
        pytest.param("mobilenet_v2", {16: "stage6_block1_expand_relu6", 32: "head_relu6"}, id="a chain"),
        # The convolutions at the old resolution inside a unit that halves it are a branch, beside the shortcut.
        pytest.param("shufflenet_v1", {16: "stage3_block8_relu", 32: "stage4_block4_relu"}, id="past a branch"),
    ],
)
def test_taps_are_the_last_layers_that_everything_passes(name, expected):
    found = taps(build(name, (64, 96, 3), 4, 0.25))
    assert list(found) == sorted(found)
    assert {stride: layer for stride, layer in found.items() if stride >= 16} == expected


@pytest.fixture(scope="module")
def model():
    return build("mobilenet_v2", (64, 96, 3), 4, 0.25)


def test_tapped_layers_come_in_the_order_asked_for(model):
    names = taps(model)
    tapped = tap(model, [names[16], names[4]])
    deep, early = tapped(np.zeros((1, 64, 96, 3), np.float32))
    assert deep.shape[1:3] == (4, 6)
    assert early.shape[1:3] == (16, 24)


def test_an_unknown_layer_is_named_with_the_nearest(model):
    with pytest.raises(InputError, match="did you mean 'head_relu6'"):
        tap(model, ["head_relu"])


def test_without_its_top_a_network_gives_the_map_before_the_pooling(model):
    features = without_top(model)
    assert features.output_shape == (None, 2, 3, 1280)
    assert "classifier" not in [layer.name for layer in features.layers]
