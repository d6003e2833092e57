import numpy as np
import tf_keras as keras

from edge.models.training.averaging import average
from edge.models.training.classification.classification_task import Classification
from edge.models.training.decode import Decoded


def test_weights_are_mixed_and_statistics_taken_anew():
    """One 1x1 convolution and one normalization: the statistics of the averaged weights follow by hand."""
    images = np.random.default_rng(0).integers(0, 256, (512, 4, 4, 3), np.uint8)
    data = Decoded(images, np.zeros(512, np.int64), ("",) * 512, (), mean=(0.0,), std=(255.0,))
    convolution = keras.layers.Conv2D(2, 1, use_bias=False)
    norm = keras.layers.BatchNormalization(momentum=0.9)
    model = keras.Sequential([keras.Input((4, 4, 3)), convolution, norm])
    kernel = convolution.get_weights()[0]
    start = [2 * kernel, *(np.full(2, value, np.float32) for value in (3, 1, 9, 9))]
    average(model, start, 0.25, Classification(data, data, data, ("one",)), seed=0)
    np.testing.assert_allclose(convolution.get_weights()[0], 1.25 * kernel, rtol=1e-6)
    gamma, beta, mean, variance = norm.get_weights()
    np.testing.assert_allclose((gamma, beta), ([1.5, 1.5], [0.25, 0.25]))
    out = (images.astype(np.float64) / 255).reshape(-1, 3) @ (1.25 * kernel[0, 0].astype(np.float64))
    np.testing.assert_allclose(mean, out.mean(0), rtol=1e-4)
    # Mean of two batches' variances, each divided by n - 1: not quite the variance of all.
    np.testing.assert_allclose(variance, out.var(0), rtol=1e-2)
    assert norm.momentum == 0.9
