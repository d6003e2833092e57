"""How a network is made smaller: rounding of channels, and where the resolution is reduced."""

import math

from edge.errors import InputError


def round_channels(channels: float, divisor: int = 8, minimum: int | None = None) -> int:
    """Return ``channels`` rounded to a multiple of ``divisor``, but not more than 10 % below ``channels``.

    This is the rule of the MobileNet reference code (tensorflow/models, ``_make_divisible``).

    Args:
        channels: a number of channels, not necessarily whole.
        divisor: what the result is a multiple of.
        minimum: the smallest result; None for ``divisor``.
    """
    least = divisor if minimum is None else minimum
    rounded = max(least, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def scale_channels(channels: int, width: float, name: str, divisor: int = 1) -> int:
    """Return ``channels * width`` rounded to a multiple of ``divisor``, for networks without a rule of their own.

    Args:
        channels: the paper's number of channels.
        width: width multiplier.
        name: the network or layer, for messages.
        divisor: what the result is a multiple of.

    Raises:
        InputError: no channel is left; the message has the smallest width that leaves some.
    """
    scaled = int(channels * width / divisor + 0.5) * divisor
    if scaled < 1:
        least = math.ceil(50 * divisor / channels) / 100
        raise InputError(
            f"{name}: width {width} leaves {channels * width:.2f} of {channels} channels, at least {divisor} needed; "
            f"width must be at least {least}"
        )
    return scaled


class Strides:
    """The strides of a network whose paper divides the resolution by ``total``, for a smaller division.

    The earliest strides of 2 become 1 until the product of all is ``downsample``; the rest of the network stays as it
    is. For images of 32x32 pixels, 8 leaves 4x4 positions before the pooling.
    """

    def __init__(self, downsample: int, total: int = 32) -> None:
        """Choose the product of all strides.

        Args:
            downsample: the product, a power of two from 1 to ``total``.
            total: the product in the paper's network.

        Raises:
            InputError: ``downsample`` is not such a power.
        """
        choices = [1 << k for k in range(total.bit_length())]
        if downsample not in choices:
            raise InputError(f"downsample must be one of {choices}, got {downsample}")
        self._to_skip = choices.index(total) - choices.index(downsample)

    def __call__(self, stride: int) -> int:
        """Return the stride to use where the paper has ``stride``, 1 or 2. Call it in the order of the layers."""
        if stride == 2 and self._to_skip > 0:
            self._to_skip -= 1
            return 1
        return stride


class Dilation:
    """Atrous convolution: strides beyond a total of ``output_stride`` become dilation of the layers behind them.

    The features keep their resolution and their field of view (DeepLab, https://arxiv.org/abs/1606.00915, section 3.1).
    """

    def __init__(self, output_stride: int, total: int = 32) -> None:
        """Choose the product of the remaining strides.

        Args:
            output_stride: the product, a power of two from 1 to ``total``.
            total: the product in the paper's network.

        Raises:
            InputError: ``output_stride`` is not such a power.
        """
        choices = [1 << k for k in range(total.bit_length())]
        if output_stride not in choices:
            raise InputError(f"output_stride must be one of {choices}, got {output_stride}")
        self._left, self._rate = output_stride, 1

    def __call__(self, stride: int) -> tuple[int, int]:
        """Return the stride and the dilation to use where the network has ``stride``. Call it in the layers' order."""
        rate = self._rate
        if stride > self._left:
            self._rate *= stride
            return 1, rate
        self._left //= stride
        return stride, rate


def fitting_downsample(height: int, width: int) -> int:
    """Return the largest total stride from 8 to 32 that leaves at least 4 positions on each side, or else 8."""
    side = min(height, width)
    return next((d for d in (32, 16) if side >= 4 * d), 8)
