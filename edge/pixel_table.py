"""The input value of each pixel value: ``Preprocessor`` normalizes and quantizes by looking pixels up in a table."""

import numpy as np

from edge.errors import InputError
from edge.tensors import Array, TensorSpec, quantize


def lookup_table(
    spec: TensorSpec, mean: tuple[float, ...], std: tuple[float, ...], raw: bool, channels: int
) -> Array | None:
    """Return the input value of each pixel value, (1, 256, channels), int8 as uint8 bits. None means the identity.

    Args:
        spec: the input.
        mean: the mean of each channel, or one for all.
        std: the divisor of each channel, or one for all.
        raw: whether the input takes 8-bit pixels as they are.
        channels: the number of channels.

    Raises:
        InputError: the input's dtype holds no pixels, or not these.
    """
    pixel = np.arange(256, dtype=np.float64)[:, None]
    means, stds = (np.broadcast_to(np.asarray(v, np.float64), (channels,)) for v in (mean, std))
    real = (pixel - means) / stds
    if spec.dtype.kind == "f":
        if np.abs(real).max() > np.finfo(spec.dtype).max:
            raise InputError(f"mean {mean} and std {std} give values beyond the input {spec.describe()}")
        return np.ascontiguousarray(real.astype(spec.dtype)[None])
    if spec.dtype.kind not in "iu":
        raise InputError(f"an image input must be of floats or integers, got {spec.describe()}")
    if spec.quantization is None or (raw and spec.dtype.itemsize == 1):
        lowest = np.iinfo(spec.dtype).min if spec.dtype == np.int8 else 0
        values = np.broadcast_to(pixel + lowest, (256, channels)).astype(spec.dtype)
    else:
        values = quantize(real, spec)
    table = np.ascontiguousarray(values.view(np.uint8) if spec.dtype == np.int8 else values)[None]
    identity = spec.dtype == np.uint8 and bool((table[0] == pixel).all())
    return None if identity else table


def shifts(table: Array | None, dtype: object) -> bool:
    """Return whether a table only turns a uint8 pixel p into the int8 number p - 128, which flips its highest bit."""
    return table is not None and dtype == np.int8 and bool((table[0] == (np.arange(256)[:, None] ^ 128)).all())
