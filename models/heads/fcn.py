"""Fully convolutional networks (Long et al. 2015, https://arxiv.org/abs/1411.4038) on VGG-16, figure 3.

They differ from the paper's in two points. All padding is ``same``, where the authors pad the image by 100 pixels and
crop the output; so sides are multiples of 32, and the output has the size of the input without cropping. Scores are
initialized He-normal, where the authors initialize them with zero, because a skip of zeros has no int8 scale.
"""

from typing import Any

import numpy as np
import tf_keras as keras
from numpy.typing import NDArray

from edge.models.blocks import conv, image_input
from edge.models.families.vgg import HIDDEN, ROWS
from edge.models.scaling import scale_channels
from edge.models.tops import softmax

POOLS = {32: (), 16: (4,), 8: (4, 3)}
"""The stages whose pooling is scored, too, in the order in which they join, by the stride of the last upsampling."""


@keras.utils.register_keras_serializable("edge")
class Bilinear(keras.initializers.Initializer):
    """The kernel with which a transposed convolution of stride s and size 2 s upsamples each channel bilinearly.

    Its shape is (size, size, outputs, inputs), with zeros between different channels. It is from section 3.3, and
    equals Caffe's ``bilinear`` filler.
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> NDArray[Any]:
        """Return the kernel.

        Raises:
            ValueError: the kernel is not square.
        """
        height, width, outputs, inputs = shape
        if height != width:
            raise ValueError(f"a bilinear kernel must be square, got {height}x{width}")
        profile = bilinear_profile(height)
        kernel = np.zeros(shape, np.float32)
        for channel in range(min(outputs, inputs)):
            kernel[:, :, channel, channel] = np.outer(profile, profile)
        return kernel


def bilinear_profile(size: int) -> NDArray[np.float64]:
    """Return the weights along one side, which form a triangle that reaches zero one step beyond the ends."""
    factor = (size + 1) // 2
    middle = factor - 1 if size % 2 else factor - 0.5
    return np.asarray(1 - np.abs(np.arange(size) - middle) / factor, np.float64)


def resized(x: Any, factor: int, name: str) -> Any:
    """Upsample by a transposed convolution without bias. It is trained, and bilinear in the beginning."""
    return keras.layers.Conv2DTranspose(
        x.shape[-1], 2 * factor, factor, padding="same", use_bias=False, kernel_initializer=Bilinear(), name=name
    )(x)


def _fcn(last: int, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return the network whose last upsampling has the stride ``last``, one of ``POOLS``."""
    name = f"fcn{last}s"
    inputs = x = image_input(input_shape)
    pools = {}
    for stage, (channels, repeats) in enumerate(ROWS, start=1):
        for block in range(1, repeats + 1):
            x = conv(x, scale_channels(channels, width, name), f"stage{stage}_block{block}", kernel=3)
        x = pools[stage] = keras.layers.MaxPooling2D(name=f"stage{stage}_pool")(x)
    for layer, kernel in (("fc6", 7), ("fc7", 1)):
        x = conv(x, scale_channels(HIDDEN, width, name), layer, kernel=kernel)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{layer}_dropout")(x)
    x = conv(x, classes, "classifier", act=None)
    for stage in POOLS[last]:
        x = resized(x, 2, f"stage{stage}_up")
        skip = conv(pools[stage], classes, f"stage{stage}_score", act=None)
        x = keras.layers.Add(name=f"stage{stage}_add")([skip, x])
    x = resized(x, last, "classifier_up")
    return keras.Model(inputs, softmax(x), name=name)


def fcn32s(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return FCN-32s, with (batch, height, width, classes) float32 probabilities.

    Height and width must be multiples of 32. The paper's dropout, behind both hidden layers, is 0.5.
    """
    return _fcn(32, input_shape, classes, width, dropout)


def fcn16s(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return FCN-16s, see ``fcn32s``. The scores of the fourth pooling join at stride 16."""
    return _fcn(16, input_shape, classes, width, dropout)


def fcn8s(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return FCN-8s, see ``fcn32s``. The scores of the fourth and the third pooling join at strides 16 and 8."""
    return _fcn(8, input_shape, classes, width, dropout)
