"""``alike_scales`` finds scales with which ONNX Runtime adds or multiplies quantized numbers as TFLite does.

XNNPACK, which runs TFLite's integer kernels, adds in fixed point: it rounds the ratios of the input scales to the
output scale to multiples of 2 ** -shift, so that the larger one has 21 bits, and rounds the sum half up
(https://github.com/google/XNNPACK/blob/master/src/microparams-init.c, xnn_init_qs8_add_minmax_scalar_params). ONNX
Runtime adds in float32, half to even, on x86, and in fixed point of 22 bits, half away from zero, on ARM
(https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/mlas/lib/qladd.cpp). Both multiply in float32, but
ONNX Runtime adds the zero point before it rounds (qlmul.cpp). So they part where a result lies in the middle between
two steps. That is rare for two tensors, but in hard-swish 3 is 127.5 steps of 6 / 255, so that each x of 0 is there.

All 65,536 pairs of 8-bit numbers can be tried. So scales are chosen for which the two agree on every pair.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_BITS = 20
_LEAST, _MOST = 2.0**-10, 2.0**8
"""The ratios of scales that XNNPACK adds with. With others TFLite's own kernel adds."""
_NEAR = 1e-3
"""Results that lie farther than this from the middle between two steps round alike with all scales that are tried."""
_FARTHEST = 12
"""By how many float32 numbers a scale is moved at most: a millionth of its value."""


class Operand(NamedTuple):
    """One input of an operation, or its output.

    Attributes:
        scale: the value of one step.
        zero_point: the integer that stands for 0.
        integers: the integers that it can be, 8 bits each.
        middle: the integer that stands for int8's 0: 128 for uint8.
    """

    scale: np.float32
    zero_point: int
    integers: Integers
    middle: int = 0


Scales = tuple[np.float32, np.float32]
Kernel = Callable[[Operand, Operand, Operand, Integers, Integers], Integers]
"""It takes the two inputs, the output and pairs of integers. It returns results in steps from the output's zero point,
not yet saturated."""


def alike_scales(operation: str, a: Operand, b: Operand, output: Operand) -> Scales:
    """Return the scales of ``a`` and ``b`` with which ONNX Runtime rounds as XNNPACK does, each moved by a millionth.

    Args:
        operation: ``Add`` or ``Mul``.
        a: the first input.
        b: the second input.
        output: the output.

    Returns:
        The nearest scales for which they agree on all pairs. Where there are none, those that do on most; where
        XNNPACK does not take the scales, the scales as they are.
    """
    if a.integers.size == 1 < b.integers.size:  # ONNX Runtime takes one number as the second input
        second, first = alike_scales(operation, b, a, output)
        return first, second
    x, y = (grid.ravel() for grid in np.meshgrid(a.integers, b.integers, indexing="ij"))
    if operation == "Add":
        steps = fixed_point(a, b, output)
        if steps is None:
            return a.scale, b.scale
        around = (np.float32(steps.ratio_a * output.scale), np.float32(steps.ratio_b * output.scale))
        exact = steps.sums(x - a.zero_point, y - b.zero_point) / 2.0**steps.shift
        wanted, kernels = np.floor(exact + 0.5).astype(np.int64), ADDING
    else:
        around = a.scale, b.scale
        exact = _products(a, b, output, x, y).astype(np.float64)
        wanted, kernels = np.rint(exact).astype(np.int64), MULTIPLYING
    near = np.abs(exact - np.floor(exact) - 0.5) < _NEAR
    return _search(kernels, around, (a, b, output), (x[near], y[near]), wanted[near])


def _search(
    kernels: tuple[Kernel, ...],
    around: Scales,
    operands: tuple[Operand, Operand, Operand],
    pairs: tuple[Integers, Integers],
    wanted: Integers,
) -> Scales:
    """Return the scales nearest to ``around`` with which every kernel gives ``wanted`` for the pairs, or most of it."""
    a, b, output = operands
    best, fewest = around, -1
    for scales in _candidates(around):
        tried = a._replace(scale=scales[0]), b._replace(scale=scales[1]), output
        wrong = sum(int((kernel(*tried, *pairs) != wanted).sum()) for kernel in kernels)
        if fewest < 0 or wrong < fewest:
            best, fewest = scales, wrong
        if not wrong:
            break
    return best


def _candidates(around: Scales) -> Iterator[Scales]:
    a, b = around
    moves = range(-_FARTHEST, _FARTHEST + 1)
    for move_a, move_b in sorted(((i, j) for i in moves for j in moves), key=lambda pair: abs(pair[0]) + abs(pair[1])):
        yield a + move_a * np.spacing(a), b + move_b * np.spacing(b)


class FixedPoint(NamedTuple):
    """The multipliers of a fixed-point addition: ratios of scales in units of 2 ** -shift."""

    a: int
    b: int
    shift: int

    @property
    def ratio_a(self) -> float:
        """The ratio of the first scale to the output's, as it is computed with."""
        return self.a / 2.0**self.shift

    @property
    def ratio_b(self) -> float:
        """The ratio of the second scale to the output's, as it is computed with."""
        return self.b / 2.0**self.shift

    def sums(self, x: Integers, y: Integers) -> Integers:
        """Return the sums of integers without their zero points, in units of 2 ** -shift steps."""
        return self.a * x + self.b * y


def fixed_point(a: Operand, b: Operand, output: Operand, bits: int = _BITS) -> FixedPoint | None:
    """Return the multipliers, the larger one of ``bits`` + 1 bits; None for scales that XNNPACK does not take."""
    ratios = [float(np.float32(one.scale / output.scale)) for one in (a, b)]
    if not (min(ratios) >= _LEAST and max(ratios) < _MOST):
        return None
    shift = bits - int(np.floor(np.log2(max(ratios))))
    first, second = (int(np.rint(ratio * 2.0**shift)) for ratio in ratios)
    return FixedPoint(first, second, shift)


def _add_in_float(
    a: Operand, b: Operand, output: Operand, x: Integers, y: Integers, offset: np.float32, is_fused: bool
) -> Integers:
    """Return sums as ONNX Runtime computes them on x86.

    Args:
        a: the first input.
        b: the second input.
        output: the output.
        x: integers of ``a``.
        y: integers of ``b``.
        offset: what the zero points contribute.
        is_fused: whether multiplications and additions are rounded once, as with AVX2, rather than each.
    """
    ratio_a, ratio_b = _ratios(a, b, output)
    if is_fused:
        sums = (y * float(ratio_b) + float(offset)).astype(np.float32)
        sums = (x * float(ratio_a) + sums.astype(np.float64)).astype(np.float32)
    else:
        sums = (offset + x.astype(np.float32) * ratio_a) + y.astype(np.float32) * ratio_b
    return np.asarray(np.rint(sums), np.int64) - output.zero_point


def _ratios(a: Operand, b: Operand, output: Operand) -> Scales:
    return np.float32(a.scale / output.scale), np.float32(b.scale / output.scale)


def _sse2(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    ratio_a, ratio_b = _ratios(a, b, output)
    zero = ratio_a * np.float32(a.zero_point) + ratio_b * np.float32(b.zero_point)
    return _add_in_float(a, b, output, x, y, np.float32(output.zero_point) - zero, is_fused=False)


def _avx2(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    """Compilers fuse the first or the second product of the offset with the addition; both ways occur."""
    ratio_a, ratio_b = _ratios(a, b, output)
    zero = np.float32(float(ratio_a) * a.zero_point + float(ratio_b * np.float32(b.zero_point)))
    return _add_in_float(a, b, output, x, y, np.float32(output.zero_point) - zero, is_fused=True)


def _avx2_second(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    ratio_a, ratio_b = _ratios(a, b, output)
    zero = np.float32(float(ratio_a * np.float32(a.zero_point)) + float(ratio_b) * b.zero_point)
    return _add_in_float(a, b, output, x, y, np.float32(output.zero_point) - zero, is_fused=True)


def _avx2_constant(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    """With AVX2, one number as ``b`` is added to the offset first, and its product is rounded."""
    ratio_a, ratio_b = _ratios(a, b, output)
    zero = ratio_a * np.float32(a.zero_point) + ratio_b * np.float32(b.zero_point)
    offsets = (np.float32(output.zero_point) - zero) + y.astype(np.float32) * ratio_b
    sums = (x * float(ratio_a) + offsets.astype(np.float64)).astype(np.float32)
    return np.asarray(np.rint(sums), np.int64) - output.zero_point


def _neon(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    steps = fixed_point(a, b, output, _BITS + 1)
    assert steps is not None
    sums = steps.sums(x - a.zero_point, y - b.zero_point)
    return np.asarray((sums - (sums < 0) + (1 << steps.shift - 1)) >> steps.shift, np.int64)


ADDING: tuple[Kernel, ...] = (_avx2, _avx2_second, _avx2_constant, _sse2, _neon)
"""The ways in which ONNX Runtime adds on processors."""


def _products(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> NDArray[np.float32]:
    """Return products in steps of the output, float32, as XNNPACK computes them before it rounds half to even."""
    ratio = np.float32(np.float32(a.scale * b.scale) / output.scale)
    return ((x - a.zero_point) * (y - b.zero_point)).astype(np.float32) * ratio


def _multiply(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    sums = _products(a, b, output, x, y) + np.float32(output.zero_point)
    return np.asarray(np.rint(sums), np.int64) - output.zero_point


def _multiply_fused(a: Operand, b: Operand, output: Operand, x: Integers, y: Integers) -> Integers:
    """Return the products where a compiler fuses the multiplication with the addition of the zero point."""
    ratio = float(np.float32(np.float32(a.scale * b.scale) / output.scale))
    products = (x - a.zero_point) * (y - b.zero_point)
    sums = (products * ratio + output.zero_point).astype(np.float32)
    return np.asarray(np.rint(sums), np.int64) - output.zero_point


MULTIPLYING: tuple[Kernel, ...] = (_multiply, _multiply_fused)
"""The ways in which ONNX Runtime multiplies on processors."""
