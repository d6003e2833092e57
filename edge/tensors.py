"""What a tensor is at a model's border: name, shape, dtype, and the affine map of quantized values.

real = scale * (quantized - zero_point)   (Jacob et al. 2018, https://arxiv.org/abs/1712.05877)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
"""Of the real values of inputs and outputs."""


@dataclass(frozen=True)
class Quantization:
    """Per-tensor affine quantization. scale: real units per step, > 0. zero_point: the integer that is 0.0."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """One input or output. shape: static, batch first. quantization: None for float tensors."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    quantization: Quantization | None = None

    def describe(self) -> str:
        """Return shape and dtype as error messages print them: ``(1, 224, 224, 3) uint8``."""
        return f"{self.shape} {self.dtype.name}"

    def check(self, array: Array) -> None:
        """Raise InputError unless ``array`` has exactly this shape and dtype."""
        if not isinstance(array, np.ndarray) or array.shape != self.shape or array.dtype != self.dtype:
            got = f"{array.shape} {array.dtype.name}" if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(
                f"tensor {self.name!r} must be {self.describe()}, got {got}; see edge.imaging.Preprocessor"
            )


def quantize(real: Array, spec: TensorSpec) -> Array:
    """Map real values to ``spec.dtype``: round half away from zero as the TFLite kernels do, then clip.

    A spec without quantization only casts. Shape is kept.
    """
    if spec.quantization is None:
        return real.astype(spec.dtype)
    scaled = np.asarray(real, np.float64) / spec.quantization.scale
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + spec.quantization.zero_point
    limits = np.iinfo(spec.dtype)
    clipped: Array = np.clip(rounded, limits.min, limits.max).astype(spec.dtype)
    return clipped


def dequantize(array: Array, spec: TensorSpec) -> NDArray[np.float32]:
    """Map ``array`` back to real values, float32, same shape. A spec without quantization only casts."""
    if spec.quantization is None:
        return array.astype(np.float32)
    shifted = array.astype(np.float32) - np.float32(spec.quantization.zero_point)
    return shifted * np.float32(spec.quantization.scale)


def dtype_name(name: Any) -> str:
    """Return a manifest's name of a dtype. Raises InputError for one that is none of ``DTYPES``."""
    if name not in DTYPES:
        raise InputError(f"dtype must be one of {', '.join(DTYPES)}, got {name!r}")
    return str(name)


@dataclass(frozen=True)
class Tensor:
    """One output of a run: the array as the runtime gave it, and what its integers stand for.

    Attributes:
        raw: the runtime's array, quantized or not.
        spec: its name in the file, shape, dtype and quantization.
    """

    raw: Array
    spec: TensorSpec

    @cached_property
    def real(self) -> NDArray[np.float32]:
        """The real values, float32, in the shape of ``raw``; computed once, when somebody asks."""
        return dequantize(self.raw, self.spec)


Outputs = Mapping[str, Tensor]
"""What one run of a network gave, by the signature's names."""


def real_outputs(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return plain arrays of real values as outputs, for tests and for references that are no files."""
    found = {name: np.asarray(value) for name, value in arrays.items()}
    return {name: Tensor(value, TensorSpec(name, value.shape, value.dtype)) for name, value in found.items()}
