"""DCGAN (Radford et al. 2015, https://arxiv.org/abs/1511.06434), figure 1 and the guidelines of section 3.

The figure gives the generator's channels; the discriminator has the same in reverse order.
"""

from typing import Any

import tf_keras as keras

from edge.errors import InputError
from edge.models.blocks import activation, batch_norm, image_input
from edge.models.scaling import scale_channels

CHANNELS = (1024, 512, 256, 128)
KERNEL = 5
SLOPE = 0.2
UPSAMPLE = 1 << len(CHANNELS)


def _normal() -> Any:
    """Return the initializer of section 4: all weights are from a normal distribution with a deviation of 0.02."""
    return keras.initializers.RandomNormal(0.0, 0.02)


def dcgan_generator(
    input_shape: tuple[int], classes: int, width: float = 1.0, side: int = 64, channels: int = 3
) -> Any:
    """Return the generator, which maps (batch, latent) noise to images, (batch, side, side, channels).

    The paper's noise is uniform from -1 to 1. The images are float32 from -1 to 1.

    Args:
        input_shape: (latent,).
        classes: not used; every builder takes it.
        width: width multiplier.
        side: height and width of the images, a multiple of 16.
        channels: channels of the images.

    Raises:
        InputError: ``side`` or ``channels`` does not fit.
    """
    if side < UPSAMPLE or side % UPSAMPLE:
        raise InputError(f"side of dcgan_generator must be a multiple of {UPSAMPLE}, got {side}; 32, 64, 96 fit")
    if channels < 1:
        raise InputError(f"channels of dcgan_generator must be at least 1, got {channels}")
    first, *rest = [scale_channels(c, width, f"stage{n}") for n, c in enumerate(CHANNELS, start=1)]
    least = side // UPSAMPLE
    inputs = keras.Input(input_shape, name="noise")
    x = keras.layers.Dense(least * least * first, use_bias=False, kernel_initializer=_normal(), name="project")(inputs)
    x = keras.layers.Reshape((least, least, first), name="stage1_reshape")(x)
    x = activation(batch_norm(x, "stage1_bn"), "relu", "stage1")
    for stage, count in enumerate(rest, start=2):
        x = _grow(x, count, f"stage{stage}", bias=False)
        x = activation(batch_norm(x, f"stage{stage}_bn"), "relu", f"stage{stage}")
    x = _grow(x, channels, "picture", bias=True)
    x = keras.layers.Activation("tanh", dtype="float32", name="picture")(x)
    return keras.Model(inputs, x, name="dcgan_generator")


def _grow(x: Any, filters: int, name: str, bias: bool) -> Any:
    """Apply a transposed convolution that doubles height and width."""
    return keras.layers.Conv2DTranspose(
        filters,
        KERNEL,
        2,
        padding="same",
        use_bias=bias,
        kernel_initializer=_normal(),
        name=f"{name}_conv_transpose",
    )(x)


def dcgan_discriminator(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0
) -> Any:
    """Return the discriminator, which maps images to the probability that they are real, (batch, classes) float32.

    Images are from -1 to 1. ``classes`` is 1 as a rule. As in the paper, the first layer has no batch normalization.
    """
    inputs = x = image_input(input_shape)
    for stage, channels in enumerate(reversed(CHANNELS), start=1):
        name = f"stage{stage}"
        x = keras.layers.Conv2D(
            scale_channels(channels, width, name),
            KERNEL,
            2,
            padding="same",
            use_bias=stage == 1,
            kernel_initializer=_normal(),
            name=f"{name}_conv",
        )(x)
        x = x if stage == 1 else batch_norm(x, f"{name}_bn")
        x = keras.layers.LeakyReLU(SLOPE, name=f"{name}_leaky_relu")(x)
    x = keras.layers.Flatten(name="positions")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(classes, kernel_initializer=_normal(), name="verdict")(x)
    x = keras.layers.Activation("sigmoid", dtype="float32", name="real")(x)
    return keras.Model(inputs, x, name="dcgan_discriminator")
