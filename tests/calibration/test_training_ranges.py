"""Where the ranges of quantization-aware training start."""

import numpy as np
import pytest

from edge.calibration.training_ranges import around_zero, outermost


def test_a_few_far_values_do_not_widen_the_range():
    values = np.append(np.linspace(-1, 1, 100_001), [50.0, -90.0])
    assert outermost(values) == pytest.approx((-1, 1), abs=1e-3)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        pytest.param(-1.0, 1.0, id="bytes around zero"),
        pytest.param(-2.118, 2.64, id="ImageNet's deviations"),
        pytest.param(0.0, 255.0, id="bytes"),
        pytest.param(-3.0, 0.0, id="nothing above zero"),
    ],
)
def test_a_range_around_zero_has_it_on_a_step(low, high):
    least, largest = around_zero(low, high)
    step = (largest - least) / 255
    assert least <= low + 1e-9
    assert largest >= high - 1e-9
    assert largest - least <= (high - low) * 1.01  # no more than a step is given away
    assert -least / step == pytest.approx(round(-least / step), abs=1e-6)


def test_no_byte_lies_between_two_values_of_the_input():
    """A byte in the middle would be rounded by each runtime its own way."""
    least, largest = around_zero(-1.0, 1.0)
    steps = (np.arange(256) - 127.5) / 127.5 / ((largest - least) / 255)
    assert np.abs(np.abs(steps - np.floor(steps)) - 0.5).min() > 1e-3
