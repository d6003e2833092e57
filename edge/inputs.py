"""Values of a caller are converted to the arrays that a network takes."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import InputError
from edge.imaging import Colour, Image
from edge.tensors import Array, TensorSpec, quantize


def as_tensor(value: Any, spec: TensorSpec) -> Array:
    """Convert a value to an input of the file: add a missing batch axis, and quantize real values.

    Args:
        value: numbers in the shape of the input. An array in the dtype of the file is not converted.
        spec: the file's input.

    Raises:
        InputError: the shape differs, the values are not numeric, or the file's dtype cannot represent them.
    """
    if isinstance(value, (str, Path)):
        raise InputError(
            f"input {spec.name!r} takes numbers of shape {spec.shape}, got the text {str(value)!r}; "
            "give what the network was trained on, such as the features of a sound or the numbers of words"
        )
    array = _array(value, spec)
    if array.shape == spec.shape[1:]:
        array = array[None]
    if array.shape != spec.shape or array.dtype.kind not in "fiub":
        raise InputError(f"input {spec.name!r} must be numbers of shape {spec.shape}, got {array.shape} {array.dtype}")
    if array.dtype == spec.dtype:
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(_cast(array, spec))


def _array(value: Any, spec: TensorSpec) -> Array:
    try:
        return np.asarray(value)
    except ValueError:  # nested lists of different lengths
        raise InputError(f"input {spec.name!r} must be numbers of shape {spec.shape}, got rows that differ") from None


def _cast(array: Array, spec: TensorSpec) -> Array:
    """Return the values in the file's dtype. Raises InputError for integers that the dtype cannot represent.

    Quantization may clip and round real values, which is intended.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        cast = quantize(array, spec)
    if spec.quantization is not None:
        kept, what = ~np.isnan(array), "must be numbers"
    elif spec.dtype.kind == "f":
        kept, what = np.isfinite(cast) | ~np.isfinite(array), f"must be numbers that {spec.dtype.name} holds"
    else:
        kept, what = cast == array, f"takes whole numbers that {spec.dtype.name} holds, not scaled ones"
    if not kept.all():
        raise InputError(f"input {spec.name!r} {what}, got {array[~kept][0]}")
    return cast


def check_not_pixels(value: Array, spec: TensorSpec) -> None:
    """Raise InputError for uint8 values in the shape of an image input, unless the file takes uint8.

    Such values are probably pixels. Without preprocessing they would count as real values from 0 to 255, which ignores
    the mean and std of the input.
    """
    if value.dtype == np.uint8 and spec.dtype != np.uint8:
        raise InputError(
            f"input {spec.name!r} in its own shape {spec.shape} must be the network's numbers, (pixel - mean) / std, "
            "got uint8; give pixels as a picture (height, width, 3), which is made ready"
        )


def as_picture(value: Any, colour: Colour) -> Image:
    """Return a picture as (height, width, 3) uint8 BGR.

    Args:
        value: (height, width, 3) or (height, width[, 1]) uint8, or the path of a picture file.
        colour: the order of the channels, ``BGR`` or ``RGB``. It does not matter for picture files.

    Raises:
        InputError: the value is not a picture.
        FileError: the file is missing, damaged or not a picture.
    """
    if colour not in ("BGR", "RGB"):
        raise InputError(f"a picture's colour must be BGR or RGB, the order of its channels, got {colour!r}")
    if isinstance(value, (str, Path)):
        from edge.sources.images import load_image

        return load_image(Path(value))
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
