"""Descriptions of a model's inputs and outputs: name, shape, dtype and quantization.

The quantization is affine:
real = scale * (quantized - zero_point)   (Jacob et al. 2018, https://arxiv.org/abs/1712.05877)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Array = NDArray[Any]

DTYPES = (
    "float16",
    "float32",
    "float64",
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
)
"""The dtypes that a signature may state for the real values of inputs and outputs."""


class Quantization(NamedTuple):
    """Affine quantization with one scale for the whole tensor.

    Attributes:
        scale: the real value of one quantization step, above 0.
        zero_point: the integer that stands for the real value 0.
    """

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a model.

    Attributes:
        name: the tensor's name.
        shape: the static shape, with the batch axis first.
        dtype: the dtype of the array that the model takes or returns.
        quantization: the quantization of integers. None when the values are real values already.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    quantization: Quantization | None = None

    def describe(self) -> str:
        """Return shape and dtype for messages, such as ``(1, 224, 224, 3) uint8``."""
        return f"{self.shape} {self.dtype.name}"

    def check(self, array: Array) -> None:
        """Raise InputError unless ``array`` has exactly this shape and dtype."""
        if not isinstance(array, np.ndarray) or array.shape != self.shape or array.dtype != self.dtype:
            got = f"{array.shape} {array.dtype.name}" if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(
                f"tensor {self.name!r} must be {self.describe()}, got {got}; see edge.imaging.Preprocessor"
            )


def quantize(real: Array, spec: TensorSpec) -> Array:
    """Quantize real values: divide by the scale, round, add the zero point and clip.

    Values halfway between two integers are rounded away from zero, as in the TFLite kernels.

    Args:
        real: real values of any shape.
        spec: the tensor's dtype and quantization. Without quantization the values are only cast.

    Returns:
        The quantized values in the shape of ``real`` and the dtype of ``spec``.
    """
    if spec.quantization is None:
        return real.astype(spec.dtype)
    scaled = np.asarray(real, np.float64) / spec.quantization.scale
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + spec.quantization.zero_point
    limits = np.iinfo(spec.dtype)
    clipped: Array = np.clip(rounded, limits.min, limits.max).astype(spec.dtype)
    return clipped


def dequantize(array: Array, spec: TensorSpec) -> NDArray[np.float32]:
    """Return the real values of quantized values.

    Args:
        array: quantized values of any shape.
        spec: the tensor's quantization. Without quantization the values are only cast.

    Returns:
        The real values, float32, in the shape of ``array``.
    """
    if spec.quantization is None:
        return array.astype(np.float32)
    shifted = array.astype(np.float32) - np.float32(spec.quantization.zero_point)
    return shifted * np.float32(spec.quantization.scale)


def dtype_name(name: Any) -> str:
    """Check the name of a dtype from a manifest and return it. Raises InputError unless it is in ``DTYPES``."""
    if name not in DTYPES:
        raise InputError(f"dtype must be one of {', '.join(DTYPES)}, got {name!r}")
    return str(name)


@dataclass(frozen=True)
class Tensor:
    """One output of a network.

    Attributes:
        raw: the array as the runtime returned it, quantized or not.
        spec: the array's name in the file, shape, dtype and quantization.
    """

    raw: Array
    spec: TensorSpec

    @cached_property
    def real(self) -> NDArray[np.float32]:
        """The real values, float32, in the shape of ``raw``. They are computed at the first use."""
        return dequantize(self.raw, self.spec)


Outputs = Mapping[str, Tensor]
"""The outputs of one run of a network, by their names in the signature."""


def real_outputs(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return plain arrays of real values as outputs. Tests, and references that are not files, need it.

    Args:
        arrays: arrays of real values by output name.
    """
    found = {name: np.asarray(value) for name, value in arrays.items()}
    return {name: Tensor(value, TensorSpec(name, value.shape, value.dtype)) for name, value in found.items()}
