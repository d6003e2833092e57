"""MobileViT (Mehta and Rastegari 2022, https://arxiv.org/abs/2110.02178), table 4: convolutions and attention."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError
from edge.models.blocks import conv, conv_bn, image_input, inverted_residual
from edge.models.scaling import round_channels
from edge.models.tops import classifier

PATCH, HEADS, MLP_RATIO = 2, 4, 2
ACT = "swish"


@dataclass(frozen=True)
class Variant:
    """A column of table 4.

    Attributes:
        stem: channels of the stem.
        channels: channels of stages 1 to 5.
        sizes: size of a token in stages 3 to 5.
        head: channels of the last convolution.
        expansion: of the inverted residuals.
        depths: transformer layers in stages 3 to 5.
    """

    stem: int
    channels: tuple[int, int, int, int, int]
    sizes: tuple[int, int, int]
    head: int
    expansion: int
    depths: tuple[int, int, int] = (2, 4, 3)


VARIANTS = {
    "mobilevit_xxs": Variant(16, (16, 24, 48, 64, 80), (64, 80, 96), 320, 2),
    "mobilevit_xs": Variant(16, (32, 48, 64, 80, 96), (96, 120, 144), 384, 4),
    "mobilevit_s": Variant(16, (32, 64, 96, 128, 160), (144, 192, 240), 640, 4),
}


@keras.utils.register_keras_serializable("edge")
class Unfold(keras.layers.Layer):
    """Sort the positions by their place in a 2x2 patch (section 3.1). Tokens of the same place attend to each other.

    The input is (batch, height, width, channels) with even sides, the output (batch, 4, height * width / 4, channels).
    No tensor has more than four dimensions.
    """

    quantizes_output = False

    def call(self, inputs: Any) -> Any:
        height, width, channels = inputs.shape[1:]
        x = tf.nn.space_to_depth(inputs, PATCH)
        x = tf.reshape(x, (-1, height * width // PATCH**2, PATCH**2, channels))
        return tf.transpose(x, (0, 2, 1, 3))


@keras.utils.register_keras_serializable("edge")
class Fold(keras.layers.Layer):
    """The inverse of ``Unfold`` for maps of a given height. The input is (batch, 4, height * width / 4, channels)."""

    quantizes_output = False

    def __init__(self, height: int = PATCH, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = height

    def call(self, inputs: Any) -> Any:
        places, patches, channels = inputs.shape[1:]
        rows = self.height // PATCH
        x = tf.transpose(inputs, (0, 2, 1, 3))
        x = tf.reshape(x, (-1, rows, patches // rows, places * channels))
        return tf.nn.depth_to_space(x, PATCH)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height}


@keras.utils.register_keras_serializable("edge")
class LayerNorm(keras.layers.Layer):
    """Layer normalization, (x - mean) / sqrt(variance + 1e-5) * gamma + beta over the last axis.

    It is from https://arxiv.org/abs/1607.06450. Keras' own layer uses a batch normalization, and its shapes would be
    computed when the converted file runs.
    """

    quantizes_output = True

    def build(self, input_shape: Any) -> None:
        size = (int(input_shape[-1]),)
        self.gamma = self.add_weight(name="gamma", shape=size, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=size, initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        centred = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
        variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
        return centred * tf.math.rsqrt(variance + 1e-5) * self.gamma + self.beta


@keras.utils.register_keras_serializable("edge")
class Attention(keras.layers.Layer):
    """Scaled dot-product attention with ``heads`` heads (https://arxiv.org/abs/1706.03762, section 3.2).

    The input is (batch, sets, tokens, 3 * size) with queries, keys and values. The output is (batch, sets, tokens,
    size). Tokens attend to those of their own set.
    """

    quantizes_output = True

    def __init__(self, heads: int = HEADS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape: Any) -> None:
        if input_shape[-1] % (3 * self.heads):
            raise InputError(f"{self.name}: size ({input_shape[-1] / 3:g}) must divide by heads ({self.heads})")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        sets, tokens, triple = inputs.shape[1:]
        size = triple // 3
        query, key, value = (self._apart(part, size) for part in tf.split(inputs, 3, -1))
        weights = tf.nn.softmax(tf.matmul(query * (size // self.heads) ** -0.5, key, transpose_b=True))
        x = tf.transpose(tf.matmul(weights, value), (0, 2, 1, 3))
        return tf.reshape(x, (-1, sets, tokens, size))

    def _apart(self, x: Any, size: int) -> Any:
        """Reshape (batch, sets, tokens, size) to (batch * sets, heads, tokens, size / heads)."""
        x = tf.reshape(x, (-1, x.shape[2], self.heads, size // self.heads))
        return tf.transpose(x, (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads}


def mobilevit(
    variant: str, input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0
) -> Any:
    """Return MobileViT. ``width`` multiplies all channels and the size of the tokens.

    Height and width must be multiples of 64, so that the last maps divide into patches.
    """
    v = VARIANTS[variant]
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(v.stem * width), "stem", kernel=3, stride=2, act=ACT)
    for stage, channels in enumerate(v.channels, start=1):
        x = residual(x, channels * width, v.expansion, 1 if stage == 1 else 2, f"stage{stage}_block1")
        if stage == 2:
            for block in (2, 3):
                x = residual(x, channels * width, v.expansion, 1, f"stage{stage}_block{block}")
        if stage >= 3:
            size, depth = round_channels(v.sizes[stage - 3] * width), v.depths[stage - 3]
            x = mobilevit_block(x, size, depth, f"stage{stage}_block2")
    x = conv_bn(x, round_channels(v.head * width), "head", act=ACT)
    return classifier(inputs, x, classes, variant, dropout)


mobilevit_xxs = partial(mobilevit, "mobilevit_xxs")
mobilevit_xs = partial(mobilevit, "mobilevit_xs")
mobilevit_s = partial(mobilevit, "mobilevit_s")


def residual(x: Any, channels: float, expansion: int, stride: int, name: str) -> Any:
    """Apply an inverted residual with swish."""
    return inverted_residual(x, x.shape[-1] * expansion, round_channels(channels), name, stride=stride, act=ACT)


def mobilevit_block(x: Any, size: int, depth: int, name: str) -> Any:
    """Apply the MobileViT block (figure 1 b): a 3x3 convolution, transformer layers, fusion with the input.

    Args:
        x: (batch, height, width, channels).
        size: size of a token.
        depth: number of transformer layers over the unfolded map.
        name: prefix of the layers' names.
    """
    entry = x
    x = conv_bn(x, entry.shape[-1], f"{name}_local", kernel=3, act=ACT)
    x = conv(x, size, f"{name}_embed", act=None, bias=False)
    height = x.shape[1]
    x = Unfold(name=f"{name}_unfold")(x)
    for layer in range(1, depth + 1):
        x = transformer(x, size, f"{name}_layer{layer}")
    x = LayerNorm(name=f"{name}_norm")(x)
    x = Fold(height, name=f"{name}_fold")(x)
    x = conv_bn(x, entry.shape[-1], f"{name}_project", act=ACT)
    x = keras.layers.Concatenate(name=f"{name}_concat")([entry, x])
    return conv_bn(x, entry.shape[-1], f"{name}_fuse", kernel=3, act=ACT)


def transformer(x: Any, size: int, name: str) -> Any:
    """Apply attention, then two dense layers to each token.

    Both parts begin with a normalization and end with the addition of their input. A dense layer over (sets, tokens,
    size) is written as a 1x1 convolution.
    """
    entry = x
    x = LayerNorm(name=f"{name}_norm1")(x)
    x = conv(x, 3 * size, f"{name}_qkv", act=None)
    x = Attention(HEADS, name=f"{name}_attention")(x)
    x = conv(x, size, f"{name}_out", act=None)
    entry = x = keras.layers.Add(name=f"{name}_add1")([entry, x])
    x = LayerNorm(name=f"{name}_norm2")(x)
    x = conv(x, MLP_RATIO * size, f"{name}_mlp1", act=ACT)
    x = conv(x, size, f"{name}_mlp2", act=None)
    return keras.layers.Add(name=f"{name}_add2")([entry, x])
