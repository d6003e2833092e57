"""The layers of the family on images and weights for which nothing but a mistake makes a difference.

Both are integers of eight bits. Their sums stay below 2 ** 24, so float32 adds them exactly and in any order, and a
runtime that differs from the reference is wrong, not inexact; only averages divide and so round.
The images span -128 to 127 and every filter holds 127 or -127, so int8 has one step per unit: it stores images,
weights and biases exactly as well, and all that is left is the rounding of each operation's output.

Left out: causal convolutions (zeros before a valid one) and output_padding (another cut of the same transposed sum).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import freeze_keras
from tests.reference.layers import REFERENCES

need("tensorflow")

import tf_keras as keras  # noqa: E402
from tf_keras import layers as L  # noqa: E402, N812

from edge.models.layers import AveragePool, ChannelShuffle, ChannelSplit  # noqa: E402

LINE, PLANE, SPACE = (9, 6), (7, 8, 6), (5, 6, 5, 2)
"""Shapes without the batch: odd and even sides; six channels are two groups of three and three of two."""
SMALL_LINE, SMALL_PLANE, SMALL_SPACE = (5, 3), (4, 5, 3), (3, 4, 3, 2)
"""Shapes that a transposed convolution enlarges."""


@dataclass(frozen=True)
class Case:
    """One layer, built by this, on images of ``shape`` (without the batch).

    rounding: how far float32 may be from the reference.
    steps: how far int8 may be from the reference, in steps of its output; half a step is the output's own rounding.
    no_tflite: the operation that TFLite lacks.
    """

    layer: Any
    shape: tuple[int, ...]
    rounding: float = 0.0
    steps: float = 0.5
    no_tflite: str = ""

    @cached_property
    def images(self):
        """Return two images, float32, the first with the lower end and the second with the upper."""
        images = np.random.default_rng(1).integers(-128, 128, (2, *self.shape)).astype(np.float32)
        images.flat[0], images.flat[-1] = -128, 127
        return images

    @cached_property
    def model(self):
        """Return the layer as a network with one output: two halves are put together the other way round."""
        entry = keras.Input(self.shape)
        out = self.layer(entry)
        rng = np.random.default_rng(2)
        self.layer.set_weights([_integers(tuple(weight.shape), rng) for weight in self.layer.weights])
        return keras.Model(entry, L.Concatenate()(out[::-1]) if isinstance(out, list) else out)

    @cached_property
    def frozen(self):
        return freeze_keras(self.model)

    @cached_property
    def expected(self):
        """Return the reference's output for ``images``."""
        return self.reference(self.images, *(weight.numpy() for weight in self.model.weights))

    def reference(self, images, *weights):
        return REFERENCES[type(self.layer)](self.layer, images, *weights)


def _integers(shape, rng):
    """Return weights; a kernel holds only 127 and -127 at its first window position, or channel if it has no window."""
    weights = rng.integers(-126, 127, shape)
    if weights.ndim > 1:
        pointwise = weights.size == np.prod(shape[-2:])
        loudest = (..., 0, slice(None)) if pointwise else (0,) * (weights.ndim - 2)
        weights[loudest] = rng.choice([-127, 127], weights[loudest].shape)
    return weights.astype(np.float32)


def row(reason, layer, shape, **limits):
    return pytest.param(Case(layer, shape, **limits), id=reason)


MEAN = 2 * 9 * 128 * 2**-24
"""Rounding of an average, real units: two for each of 9 terms up to 128, as a kernel of ninths has; most have fewer."""
BIAS_APART = 1.1
"""Steps where the bias is an addition of its own: half before it and half behind, and the bias itself by 0.001."""
TWO_IN_A_ROW = 1.6
"""Steps of a separable convolution: half of its own, and half of the middle's times the pointwise weights (1.02)."""

CONVOLUTIONS = [
    row("conv1d: valid", L.Conv1D(4, 3), LINE),
    row("conv1d: same, odd side in steps of two", L.Conv1D(4, 3, 2, "same"), LINE),
    row("conv1d: dilated", L.Conv1D(4, 3, padding="same", dilation_rate=3), LINE),
    row("conv1d: two groups", L.Conv1D(4, 3, groups=2), LINE),
    row("conv2d: valid", L.Conv2D(4, 3), PLANE),
    row("conv2d: no bias", L.Conv2D(4, 3, use_bias=False), PLANE),
    row("conv2d: same, a zero on each side", L.Conv2D(4, 3, padding="same"), PLANE),
    row("conv2d: same, an even window has its zero behind", L.Conv2D(4, (2, 4), padding="same"), PLANE),
    row("conv2d: stride two, odd height and even width", L.Conv2D(4, 3, 2, "same"), PLANE),
    row("conv2d: stride two, valid leaves a column over", L.Conv2D(4, 3, 2), PLANE),
    row("conv2d: window and stride differ by side", L.Conv2D(4, (3, 2), (2, 3), "same"), PLANE),
    row("conv2d: a stride beyond the window skips pixels", L.Conv2D(4, 1, 2, "same"), PLANE),
    row("conv2d: dilated, valid", L.Conv2D(4, 3, dilation_rate=2), PLANE),
    row("conv2d: dilated, same", L.Conv2D(4, 3, padding="same", dilation_rate=2), PLANE),
    row("conv2d: dilated along one side", L.Conv2D(4, 3, padding="same", dilation_rate=(1, 3)), PLANE),
    row("conv2d: two groups", L.Conv2D(4, 3, groups=2), PLANE),
    row("conv2d: three groups, stride two", L.Conv2D(6, 3, 2, "same", groups=3), PLANE),
    row("conv2d: as many groups as channels", L.Conv2D(12, 3, groups=6), PLANE),
    row("conv2d: grouped and dilated", L.Conv2D(4, 3, groups=2, dilation_rate=2), PLANE),
    row("conv2d: grouped pointwise", L.Conv2D(6, 1, groups=3), PLANE),
    row("conv3d: valid", L.Conv3D(4, 3), SPACE, steps=BIAS_APART),
    row("conv3d: no bias", L.Conv3D(4, 3, use_bias=False), SPACE),
    row("conv3d: same, stride two", L.Conv3D(4, 3, 2, "same"), SPACE, steps=BIAS_APART),
    row("conv3d: stride differs by side", L.Conv3D(4, (3, 2, 1), (1, 2, 3), "same"), SPACE, steps=BIAS_APART),
    row("conv3d: dilated", L.Conv3D(4, 3, padding="same", dilation_rate=2), SPACE, no_tflite="SpaceToBatchND"),
    row("conv3d: two groups", L.Conv3D(4, 3, groups=2), SPACE, no_tflite="Conv3D"),
]

DEPTHWISE = [
    row("depthwise1d: two outputs a channel", L.DepthwiseConv1D(3, 2, "same", depth_multiplier=2), LINE),
    row("depthwise2d: valid", L.DepthwiseConv2D(3), PLANE),
    row("depthwise2d: stride two, odd and even", L.DepthwiseConv2D(3, 2, "same"), PLANE),
    row("depthwise2d: two outputs a channel", L.DepthwiseConv2D((3, 2), depth_multiplier=2), PLANE),
    row("depthwise2d: one channel, four outputs", L.DepthwiseConv2D(3, depth_multiplier=4), (7, 8, 1)),
    row("depthwise2d: dilated, valid", L.DepthwiseConv2D(3, dilation_rate=2), PLANE),
    row("depthwise2d: dilated, same", L.DepthwiseConv2D(3, padding="same", dilation_rate=2), PLANE),
    row("separable1d: stride two", L.SeparableConv1D(4, 3, 2, "same"), SMALL_LINE, steps=TWO_IN_A_ROW),
    row("separable2d: stride two", L.SeparableConv2D(4, 3, 2, "same"), (7, 8, 3), steps=TWO_IN_A_ROW),
    row(
        "separable2d: two middle channels each",
        L.SeparableConv2D(4, 3, depth_multiplier=2),
        (7, 8, 2),
        steps=TWO_IN_A_ROW,
    ),
]

TRANSPOSED = [
    row("transpose1d: valid", L.Conv1DTranspose(4, 3, 2), SMALL_LINE),
    row("transpose1d: same", L.Conv1DTranspose(4, 3, 2, "same"), SMALL_LINE),
    row("transpose2d: stride one", L.Conv2DTranspose(4, 3), SMALL_PLANE),
    row("transpose2d: valid", L.Conv2DTranspose(4, 3, 2), SMALL_PLANE),
    row("transpose2d: same, cuts the last row", L.Conv2DTranspose(4, 3, 2, "same"), SMALL_PLANE),
    row("transpose2d: same, cuts a row on each side", L.Conv2DTranspose(4, 4, 2, "same"), SMALL_PLANE),
    row("transpose2d: no bias", L.Conv2DTranspose(4, 3, 2, "same", use_bias=False), SMALL_PLANE),
    row("transpose2d: windows side by side", L.Conv2DTranspose(4, 2, 2), SMALL_PLANE),
    row("transpose2d: window and stride differ by side", L.Conv2DTranspose(4, (3, 4), (1, 3), "same"), SMALL_PLANE),
    row("transpose2d: dilated", L.Conv2DTranspose(4, 3, dilation_rate=2), SMALL_PLANE, steps=BIAS_APART),
    row("transpose2d: gaps, valid", L.Conv2DTranspose(4, 2, 3), SMALL_PLANE),
    row("transpose2d: gaps, same", L.Conv2DTranspose(4, 2, 4, "same"), SMALL_PLANE),
    row("transpose3d: valid", L.Conv3DTranspose(4, 3, 2), SMALL_SPACE, steps=BIAS_APART),
    row("transpose3d: same", L.Conv3DTranspose(4, 3, 2, "same"), SMALL_SPACE, steps=BIAS_APART),
    row("transpose3d: no bias", L.Conv3DTranspose(4, 2, 2, "same", use_bias=False), SMALL_SPACE),
]

POOLS = [
    row("max1d: same", L.MaxPooling1D(2, 2, "same"), LINE),
    row("max2d: valid leaves a row over", L.MaxPooling2D(2), PLANE),
    row("max2d: same, overlapping", L.MaxPooling2D(3, 2, "same"), PLANE),
    row("max3d: same", L.MaxPooling3D(2, padding="same"), SPACE, no_tflite="MaxPool3D"),
    row("average1d: same divides by what is inside", L.AveragePooling1D(3, 2, "same"), LINE, rounding=MEAN),
    row("average2d: valid leaves a row over", L.AveragePooling2D(2), PLANE, rounding=MEAN),
    row("average2d: same divides by what is inside", L.AveragePooling2D(3, 2, "same"), PLANE, rounding=MEAN),
    row("average2d: sides differ", L.AveragePooling2D((2, 3), (1, 2), "same"), PLANE, rounding=MEAN),
    row("average3d: same", L.AveragePooling3D(2, padding="same"), SPACE, rounding=MEAN, no_tflite="AvgPool3D"),
    row("global max1d", L.GlobalMaxPooling1D(), LINE),
    row("global max2d", L.GlobalMaxPooling2D(), PLANE),
    row("global max3d", L.GlobalMaxPooling3D(), SPACE),
    row("global average1d", L.GlobalAveragePooling1D(), LINE, rounding=MEAN),
    row("global average2d", L.GlobalAveragePooling2D(), PLANE, rounding=MEAN),
    row("global average3d", L.GlobalAveragePooling3D(), SPACE, rounding=MEAN),
]

OURS = [
    row("average pool: stride two, odd and even", AveragePool(3, 2), PLANE, rounding=MEAN),
    row("average pool: even window", AveragePool(2, 1), PLANE, rounding=MEAN),
    row("shuffle: two groups", ChannelShuffle(2), PLANE),
    row("shuffle: three groups", ChannelShuffle(3), PLANE),
    row("split", ChannelSplit(), PLANE),
]

CASES = [*CONVOLUTIONS, *DEPTHWISE, *TRANSPOSED, *POOLS, *OURS]
