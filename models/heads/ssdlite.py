"""SSDLite: boxes from several feature maps, with depthwise separable heads and extra layers.

It is from MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381), section 6.2, table 6, and SSD (Liu et
al. 2016, https://arxiv.org/abs/1512.02325), figure 2. Decoding and suppression are not part of the network, see
``edge.decoders.anchors`` and ``edge.decoders.select``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tf_keras as keras

from edge.decoders.anchors import RATIOS, STRIDES, boxes_per_place, numbers
from edge.errors import InputError
from edge.models.backbones import tap, taps
from edge.models.blocks import conv_bn, depthwise_bn
from edge.models.families.mobilenet_v2 import mobilenet_v2
from edge.models.families.shufflenet_v2 import shufflenet_v2
from edge.models.scaling import round_channels

BACKBONE = 32
"""The total stride of the backbones. Maps with larger strides come from extra layers."""

EXTRA = (512, 256, 256, 128)
"""The channels of the extra layers, at strides 64 to 512."""

FIRST = (4, 8, 16, 32)

HEAD_SPREAD = 0.03
"""The standard deviation of the heads' initial weights, as in the authors' configuration. All scores begin nearly
equal."""


def ssdlite_mobilenet_v2(
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    strides: Sequence[int] = STRIDES,
    ratios: Sequence[float] = RATIOS,
) -> Any:
    """Return SSDLite on MobileNetV2, see ``ssdlite``. Its first map is the expansion in the block with stride 2."""
    return ssdlite(mobilenet_v2, "ssdlite_mobilenet_v2", "relu6", input_shape, classes, width, strides, ratios)


def ssdlite_shufflenet_v2(
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    strides: Sequence[int] = STRIDES,
    ratios: Sequence[float] = RATIOS,
) -> Any:
    """Return SSDLite on ShuffleNetV2, see ``ssdlite``."""
    return ssdlite(shufflenet_v2, "ssdlite_shufflenet_v2", "relu", input_shape, classes, width, strides, ratios)


def ssdlite(
    backbone: Callable[..., Any],
    name: str,
    act: str,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float,
    strides: Sequence[int],
    ratios: Sequence[float],
) -> Any:
    """Return a network with two outputs, for n anchors in the order of ``edge.decoders.anchors.anchors``.

    ``boxes`` is (batch, n, 4) float32, offsets from the anchors. ``scores`` is (batch, n, classes + 1) float32,
    probabilities that sum to 1, with the background first.

    Args:
        backbone: the builder of the backbone.
        name: the model's name.
        act: activation of heads and extra layers.
        input_shape: (height, width, channels).
        classes: number of classes without the background.
        width: width multiplier of backbone, heads and extra layers.
        strides: of the feature maps, each twice the one before, beginning with 4, 8, 16 or 32; 8 for small objects.
        ratios: width over height. Each gives one wide and one high anchor, beside two squares.

    Raises:
        InputError: strides or ratios do not fit.
    """
    strides, ratios = check_strides(strides), check_ratios(ratios)
    base = backbone(input_shape=input_shape, classes=1, width=width)
    inputs, maps = feature_maps(base, strides, width, act)
    places = boxes_per_place(ratios)
    boxes = [head(x, 4, places, f"map{k}_boxes", act) for k, x in enumerate(maps, start=1)]
    scores = [head(x, classes + 1, places, f"map{k}_scores", act) for k, x in enumerate(maps, start=1)]
    # Outputs are float32, under mixed precision, too.
    joined = keras.layers.Activation("softmax", dtype="float32", name="scores")(join(scores, "map_scores"))
    return keras.Model(inputs, [join(boxes, "boxes", dtype="float32"), joined], name=name)


def feature_maps(base: Any, strides: Sequence[int], width: float, act: str) -> tuple[Any, list[Any]]:
    """Return the backbone's input and a map for each stride, from layers of the backbone and extra layers behind it."""
    found = taps(base)
    inside = [found[stride] for stride in strides if stride <= BACKBONE]
    features = tap(base, [*inside, found[BACKBONE]])
    *maps, x = features.outputs
    for number, channels in enumerate(EXTRA[: sum(stride > BACKBONE for stride in strides)], start=1):
        x = extra(x, round_channels(channels * width), f"extra{number}", act)
        maps.append(x)
    return features.input, maps


def extra(x: Any, channels: int, name: str, act: str) -> Any:
    """Halve the resolution by 1x1 to half the channels, depthwise 3x3 with stride 2, and 1x1."""
    x = conv_bn(x, channels // 2, f"{name}_reduce", act=act)
    x = depthwise_bn(x, name, stride=2, act=act)
    return conv_bn(x, channels, f"{name}_expand", act=act)


def head(x: Any, values: int, places: int, name: str, act: str) -> Any:
    """Apply depthwise 3x3 and 1x1 with bias, and return (batch, height * width * places, values).

    ``x`` is (batch, height, width, channels), and ``places`` is the number of anchors at each position.
    """
    height, width = x.shape[1:3]
    x = depthwise_bn(x, name, act=act)
    small = keras.initializers.TruncatedNormal(stddev=HEAD_SPREAD)
    x = keras.layers.Conv2D(places * values, 1, kernel_initializer=small, name=f"{name}_conv")(x)
    return keras.layers.Reshape((height * width * places, values), name=f"{name}_rows")(x)


def join(rows: Sequence[Any], name: str, **options: Any) -> Any:
    """Concatenate the rows of the maps. A single map passes through a layer of that name."""
    if len(rows) == 1:
        return keras.layers.Reshape(rows[0].shape[1:], name=name, **options)(rows[0])
    return keras.layers.Concatenate(axis=1, name=name, **options)(list(rows))


def check_strides(strides: Sequence[int]) -> tuple[int, ...]:
    """Return the strides as a tuple.

    Raises:
        InputError: they do not begin with one of FIRST, or one is not twice the one before, or is above 512.
    """
    given = numbers("strides", strides)
    last = BACKBONE << len(EXTRA)
    doubled = tuple(int(given[0]) << k for k in range(len(given))) if given and given[0] in FIRST else ()
    if not given or given != doubled or doubled[-1] > last:
        raise InputError(
            f"strides must start at one of {list(FIRST)} and double up to at most {last}, like (8, 16, 32); got {given}"
        )
    return doubled


def check_ratios(ratios: Sequence[float]) -> tuple[float, ...]:
    """Return the ratios as a tuple.

    Raises:
        InputError: a ratio is not above 1. Its inverse comes with it anyway.
    """
    given = numbers("ratios", ratios)
    if any(not ratio > 1 for ratio in given):
        raise InputError(f"ratios must be above 1, as the inverse of each comes with it, like (2, 3); got {given}")
    return given
