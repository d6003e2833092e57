"""What the classics do beyond the contract: channels at small widths, and their counts elsewhere."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import build
from edge.models.networks import CLASSIC, NETWORKS

need("tensorflow")

from edge.models.complexity import complexity  # noqa: E402


@pytest.mark.slow
def test_torchvision_inception_has_3x3_in_place_of_5x5():
    # torchvision's googlenet without auxiliary classifiers: 6,624,904 parameters. Its comment tells why: a mistake
    # of the TensorFlow model it was taken from. 25 weights become 9 for each pair of channels of the 5x5 branches.
    model = build("inception_v1")
    pairs = sum(k.shape[2] * k.shape[3] for k in model.trainable_weights if tuple(k.shape[:2]) == (5, 5))
    assert complexity(model).trainable - (25 - 9) * pairs == 6_624_904


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("lenet5", "conv1: width 0.05 leaves .* at least 0.09", id="lenet5: 6 channels"),
        pytest.param("squeezenet_1_0", "stage1_block1: width 0.03 .* at least 0.04", id="squeezenet: 16 channels"),
        pytest.param("inception_v1", "stage3_block1: width 0.03 .* at least 0.04", id="inception: 16 channels"),
        pytest.param("alexnet_2012", "conv1: width 0.01 .* at least 2 needed", id="alexnet_2012: two groups"),
    ],
)
def test_a_width_that_leaves_no_channel_is_refused(name, words):
    width = float(words.split("width ")[1].split()[0])
    with pytest.raises(InputError, match=words):
        build(name, width=width)


def test_groups_divide_the_channels_at_any_width():
    model = build("alexnet_2012", (67, 67, 3), 2, width=0.17)
    convs = [layer for layer in model.layers if layer.name.endswith("_conv")]
    assert [layer.groups for layer in convs] == [1, 2, 1, 2, 2]
    assert all(layer.filters % 2 == 0 for layer in convs)


@pytest.mark.parametrize("name", ["squeezenet_1_0", "squeezenet_1_1"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_squeezenet_without_top_ends_in_its_last_fire_module(name, dropout):
    model = build(name, (64, 64, 3), 10, 0.25, include_top=False, dropout=dropout)
    assert model.layers[-1].name.endswith("_concat")
    assert model.output_shape == (None, 3, 3, 128)


def test_squeezenet_pools_like_caffe():
    # 109 behind the stem; then a last window hangs over the border where a side is even. torchvision: 54, 27, 13.
    model = build("squeezenet_1_0", width=0.25)
    sizes = [model.get_layer(f"stage{stage}_pool").output_shape[1:3] for stage in (1, 2, 3)]
    assert sizes == [(54, 54), (27, 27), (13, 13)]


FAST = ("lenet5", "alexnet_2012", "squeezenet_1_1", "ds_cnn")
LEAST = [*CLASSIC, "resnet8", "mobilenet_v1_025_96", "ds_cnn"]


@pytest.mark.parametrize("name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in LEAST])
def test_the_least_input_leaves_one_position(name):
    # Where paddings are valid, one pixel less, which the table refuses, would leave none.
    least = NETWORKS[name].smallest
    features = build(name, least, 2, 0.1, include_top=False)
    assert features(np.ones((1, *least), np.float32)).shape[:3] == (1, 1, 1)


def test_squeezenet_takes_an_even_beside_an_odd_side():
    features = build("squeezenet_1_0", (21, 40, 1), 2, 0.25, include_top=False)
    assert features.output_shape[1:3] == (1, 3)  # 8 and 17 behind the stem, halved three times, the 17 rounded up
