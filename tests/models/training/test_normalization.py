"""Pixels become values from -1 to 1."""

import numpy as np

from edge.models.training.normalization import FACTS, normalize


def test_pixels_become_minus_one_to_one():
    found = normalize(np.array([0, 51, 255], np.uint8))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [-1, -0.6, 1], atol=1e-6)
    assert FACTS == {"mean": [127.5], "std": [127.5]}
