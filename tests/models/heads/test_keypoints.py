"""The head for keypoints starts as the code of Simple Baselines does."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models import build  # noqa: E402


def test_the_last_kernel_starts_near_zero():
    keras.utils.set_random_seed(0)
    kernel, bias = build("keypoints_mobilenet_v2", (32, 32, 3), 17, 0.25).get_layer("classifier_conv").get_weights()
    assert kernel.shape == (1, 1, 64, 17)
    # The standard deviation of 1088 values has a relative standard error of 2 %.
    assert np.std(kernel) == pytest.approx(0.001, rel=0.1)
    assert abs(kernel.mean()) < 0.0001
    assert not bias.any()
