import pytest

from edge.errors import InputError
from edge.models.scaling import Strides, fitting_downsample, round_channels


@pytest.mark.parametrize(
    ("channels", "divisor", "rounded"),
    [
        pytest.param(32, 8, 32, id="a multiple stays"),
        pytest.param(33, 8, 32, id="to the nearest: down"),
        pytest.param(36, 8, 40, id="halfway goes up"),
        pytest.param(0.35 * 32, 8, 16, id="11.2 to 8 would lose more than a tenth"),
        pytest.param(0.35 * 24, 8, 8, id="8.4 to 8 loses less"),
        pytest.param(0.75 * 24, 8, 24, id="18 to 16 would lose more than a tenth"),
        pytest.param(1, 8, 8, id="never below the divisor"),
        pytest.param(10, 4, 12, id="divisor 4: halfway goes up"),
        pytest.param(29, 4, 28, id="divisor 4: down"),
    ],
)
def test_channels_are_rounded_by_the_reference_rule(channels, divisor, rounded):
    assert round_channels(channels, divisor) == rounded


def test_a_minimum_may_differ_from_the_divisor():
    assert round_channels(1, 8, minimum=16) == 16
    assert round_channels(40, 8, minimum=16) == 40


@pytest.mark.parametrize(
    ("downsample", "strides"),
    [
        pytest.param(32, [2, 1, 2, 2, 1, 2, 2], id="the paper's"),
        pytest.param(8, [1, 1, 1, 2, 1, 2, 2], id="the first two become 1"),
        pytest.param(1, [1, 1, 1, 1, 1, 1, 1], id="all become 1"),
    ],
)
def test_the_earliest_strides_are_left_out(downsample, strides):
    hand_out = Strides(downsample)
    assert [hand_out(stride) for stride in (2, 1, 2, 2, 1, 2, 2)] == strides


@pytest.mark.parametrize("downsample", [0, 3, 64, -2])
def test_other_totals_are_refused(downsample):
    with pytest.raises(InputError, match=rf"downsample must be one of \[1, 2, 4, 8, 16, 32\], got {downsample}"):
        Strides(downsample)


@pytest.mark.parametrize(
    ("height", "width", "downsample"),
    [(224, 224, 32), (128, 128, 32), (127, 224, 16), (64, 96, 16), (63, 63, 8), (32, 32, 8)],
)
def test_the_default_leaves_four_positions_a_side(height, width, downsample):
    assert fitting_downsample(height, width) == downsample
