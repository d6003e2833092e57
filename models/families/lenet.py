"""LeNet-5 (LeCun et al. 1998, https://doi.org/10.1109/5.726791), figure 2, in its modern form."""

from typing import Any

import tf_keras as keras

from edge.models.blocks import conv, image_input
from edge.models.scaling import scale_channels
from edge.models.tops import flat_classifier

CHANNELS = (6, 16)
"""The channels of the 5x5 convolutions C1 and C3, which a pooling follows."""
HIDDEN = (120, 84)
"""The units of C5 and F6."""


def lenet5(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return LeNet-5, with (batch, classes) float32 probabilities.

    It differs from the paper's in four points. C3 sees all maps of S2, while table 1 leaves some out for the computers
    of the time. The pooling is a maximum without weights, because delegates take no average pooling in int8. ReLU
    stands for the scaled tanh, and softmax for radial basis functions. C5, a 5x5 convolution over a 5x5 map, is written
    as the dense layer that it equals.
    """
    inputs = x = image_input(input_shape)
    for index, channels in enumerate(CHANNELS, start=1):
        name = f"conv{index}"
        x = conv(x, scale_channels(channels, width, name), name, kernel=5, padding="valid")
        x = keras.layers.MaxPooling2D(name=f"{name}_pool")(x)
    hidden = {f"hidden{n}": scale_channels(units, width, f"hidden{n}") for n, units in enumerate(HIDDEN, start=1)}
    return flat_classifier(inputs, x, hidden, classes, "lenet5", dropout)
