"""Factors that equalize the channels between two layers."""

import numpy as np
import pytest

from edge.calibration.equalization import LIMIT, SHARE, factors


def test_before_a_depthwise_layer_every_channel_gets_the_largest_range():
    largest = np.array([4.0, 1.0, 0.25])
    np.testing.assert_allclose(factors(largest, None) * largest, [4, 4, 4])


def test_before_another_layer_activations_and_weights_share_the_difference():
    """By hand, from SmoothQuant's equation 4: 1/s is largest^a / weights^(1 - a), and the largest range stays 8."""
    largest, weights = np.array([8.0, 2.0]), np.array([1.0, 3.0])
    wanted = largest**-SHARE * weights ** (1 - SHARE)
    wanted *= 8 / (wanted * largest).max()
    np.testing.assert_allclose(factors(largest, weights), wanted)
    assert (factors(largest, weights) * largest).max() == pytest.approx(8)


def test_equal_channels_stay():
    np.testing.assert_allclose(factors(np.full(3, 2.0), np.full(3, 0.5)), 1)


@pytest.mark.parametrize(
    ("largest", "weights"),
    [
        pytest.param([0.0, 2.0], None, id="never active"),
        pytest.param([0.0, 2.0], [1.0, 1.0], id="never active, with weights"),
        pytest.param([2.0, 2.0], [0.0, 1.0], id="without weights"),
        pytest.param([0.0, 0.0], [1.0, 1.0], id="nothing active"),
    ],
)
def test_a_channel_without_values_or_weights_keeps_its_scale(largest, weights):
    assert factors(np.array(largest), None if weights is None else np.array(weights))[0] == 1


def test_a_channel_that_is_almost_never_active_is_limited():
    assert factors(np.array([1e-9, 1.0]), None)[0] == LIMIT
