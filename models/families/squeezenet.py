"""SqueezeNet 1.0 (Iandola et al. 2016, https://arxiv.org/abs/1602.07360), table 1, and the authors' 1.1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tf_keras as keras

from edge.models.blocks import activation, conv, image_input
from edge.models.scaling import scale_channels
from edge.models.tops import softmax

# the channels of the squeeze convolution and of each expand convolution; a stage begins with a pooling
V1_0 = (
    ((16, 64), (16, 64), (32, 128)),
    ((32, 128), (48, 192), (48, 192), (64, 256)),
    ((64, 256),),
)
V1_1 = (
    ((16, 64), (16, 64)),
    ((32, 128), (32, 128)),
    ((48, 192), (48, 192), (64, 256), (64, 256)),
)
"""The stages of 1.1, which pools earlier, for 2.4 times less computation at the same accuracy, see
https://github.com/forresti/SqueezeNet."""


@dataclass(frozen=True)
class Version:
    """A version of the network.

    Attributes:
        name: the model's name.
        stem: channels and kernel of the first convolution, whose stride is 2.
        stages: the fire modules of each stage.
    """

    name: str
    stem: tuple[int, int]
    stages: Sequence[Sequence[tuple[int, int]]]


def squeezenet_1_0(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return SqueezeNet 1.0. The paper's dropout is 0.5."""
    return _squeezenet(Version("squeezenet_1_0", (96, 7), V1_0), input_shape, classes, width, dropout)


def squeezenet_1_1(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return SqueezeNet 1.1. The authors' dropout is 0.5."""
    return _squeezenet(Version("squeezenet_1_1", (64, 3), V1_1), input_shape, classes, width, dropout)


def fire(x: Any, squeezed: int, expanded: int, name: str) -> Any:
    """Apply a fire module: squeeze by 1x1, then expand by 1x1 and 3x3 side by side (figure 1)."""
    x = conv(x, squeezed, f"{name}_squeeze")
    expansions = [conv(x, expanded, f"{name}_expand1x1"), conv(x, expanded, f"{name}_expand3x3", kernel=3)]
    return keras.layers.Concatenate(name=f"{name}_concat")(expansions)


def max_pool(x: Any, name: str) -> Any:
    """Apply a 3x3 max pooling with stride 2, where the last window may reach over the border, as in Caffe.

    A height becomes height // 2. Keras pads both sides or none, so an odd side beside an even one is rounded up.
    """
    padding = "valid" if x.shape[1] % 2 and x.shape[2] % 2 else "same"
    return keras.layers.MaxPooling2D(3, 2, padding=padding, name=name)(x)


def _squeezenet(version: Version, input_shape: tuple[int, int, int], classes: int, width: float, dropout: float) -> Any:
    channels, kernel = version.stem
    inputs = image_input(input_shape)
    x = conv(inputs, scale_channels(channels, width, "stem"), "stem", kernel, stride=2, padding="valid")
    for stage, rows in enumerate(version.stages, start=1):
        x = max_pool(x, f"stage{stage}_pool")
        for block, row in enumerate(rows, start=1):
            name = f"stage{stage}_block{block}"
            squeezed, expanded = (scale_channels(c, width, name) for c in row)
            x = fire(x, squeezed, expanded, name)
    return keras.Model(inputs, _top(x, classes, dropout), name=version.name)


def _top(x: Any, classes: int, dropout: float) -> Any:
    """Apply dropout, a 1x1 convolution to the classes, ReLU as in the paper, the mean over positions, and softmax."""
    if dropout:
        x = keras.layers.Dropout(dropout, name="classifier_dropout")(x)
    normal = keras.initializers.RandomNormal(0.0, 0.01)
    x = keras.layers.Conv2D(classes, 1, kernel_initializer=normal, name="classifier")(x)
    return softmax(keras.layers.GlobalAveragePooling2D(name="pool")(activation(x, "relu", "classifier")))
