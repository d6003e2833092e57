"""What a caller gives a network, as the arrays that the network takes."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import FileError, InputError
from edge.imaging import Colour, Image
from edge.tensors import Array, TensorSpec, quantize


def as_tensor(value: Any, spec: TensorSpec) -> Array:
    """Return ``value`` as the file's input: the batch of 1 is added when it is missing, real values are quantized.

    Args:
        value: numbers in the input's shape. An array of the file's own dtype is passed on as it is.
        spec: the file's input.

    Raises:
        InputError: the shape is another, it holds no numbers, or the file's dtype cannot hold them.
    """
    array = _array(value, spec)
    if array.shape == spec.shape[1:]:
        array = array[None]
    if array.shape != spec.shape or array.dtype.kind not in "fiub":
        raise InputError(f"input {spec.name!r} must be numbers of shape {spec.shape}, got {array.shape} {array.dtype}")
    if array.dtype == spec.dtype:
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(_held(array, spec))


def _array(value: Any, spec: TensorSpec) -> Array:
    try:
        return np.asarray(value)
    except ValueError:  # lists of several lengths
        raise InputError(f"input {spec.name!r} must be numbers of shape {spec.shape}, got rows that differ") from None


def _held(array: Array, spec: TensorSpec) -> Array:
    """Return the values in the file's dtype. Raises InputError for values that would become others in it.

    Quantization clips to the range that the network was calibrated for, and floats are rounded; both are meant.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        made = quantize(array, spec)
    if spec.quantization is not None:
        kept, what = ~np.isnan(array), "must be numbers"
    elif spec.dtype.kind == "f":
        kept, what = np.isfinite(made) | ~np.isfinite(array), f"must be numbers that {spec.dtype.name} holds"
    else:
        kept, what = made == array, f"takes whole numbers that {spec.dtype.name} holds, not scaled ones"
    if not kept.all():
        raise InputError(f"input {spec.name!r} {what}, got {array[~kept][0]}")
    return made


def check_not_pixels(value: Array, spec: TensorSpec) -> None:
    """Raise InputError for uint8 in an image input's own shape, unless the file takes uint8.

    Passed on as they are, pixels would be real values 0 to 255, whatever mean and std the input has.
    """
    if value.dtype == np.uint8 and spec.dtype != np.uint8:
        raise InputError(
            f"input {spec.name!r} in its own shape {spec.shape} must be the network's numbers, (pixel - mean) / std, "
            "got uint8; give pixels as a picture (height, width, 3), which is made ready"
        )


def as_picture(value: Any, colour: Colour) -> Image:
    """Return (height, width, 3) uint8 BGR.

    Args:
        value: (height, width, 3) or (height, width[, 1]) uint8, or the path of a picture file.
        colour: the order of the channels, ``BGR`` or ``RGB``; picture files have their own.

    Raises:
        InputError: it is no picture.
        FileError: the file is missing, damaged or no picture.
    """
    if isinstance(value, (str, Path)):
        from edge.sources.images import read_image

        found = read_image(Path(value))
        if found is None:
            raise FileError(f"picture {value} is missing, damaged or no picture")
        return found
    image = np.asarray(value)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise InputError(
            "a picture must be (height, width, 3) or (height, width) uint8; the network's own numbers need its shape, "
            "batch included, "
            f"got {image.shape} {image.dtype}"
        )
    if not image.size:
        raise InputError(f"a picture must have pixels, got {image.shape}")
    if image.ndim == 2 or image.shape[2] == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8) if colour == "RGB" else image
