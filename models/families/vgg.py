"""VGG (Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556), table 1, column D."""

from typing import Any

import tf_keras as keras

from edge.models.blocks import conv, image_input
from edge.models.scaling import scale_channels
from edge.models.tops import flat_classifier

# channels, 3x3 convolutions; a pooling follows each row
ROWS = (
    (64, 2),
    (128, 2),
    (256, 3),
    (512, 3),
    (512, 3),
)
HIDDEN = 4096


def vgg16(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return VGG-16. The paper's dropout, before the hidden dense layers, is 0.5."""
    inputs = x = image_input(input_shape)
    for stage, (channels, repeats) in enumerate(ROWS, start=1):
        for block in range(1, repeats + 1):
            name = f"stage{stage}_block{block}"
            x = conv(x, scale_channels(channels, width, name), name, kernel=3)
        x = keras.layers.MaxPooling2D(name=f"stage{stage}_pool")(x)
    hidden = {name: scale_channels(HIDDEN, width, name) for name in ("hidden1", "hidden2")}
    return flat_classifier(inputs, x, hidden, classes, "vgg16", dropout)
