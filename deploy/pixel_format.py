"""``form_of`` returns how pixels become an image input, from what is said of mean, std, colour and resize."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.errors import InputError
from edge.imaging import InputFormat, default_format
from edge.tensors import TensorSpec

FORM = ("mean", "std", "colour", "resize")


def form_of(
    spec: TensorSpec, given: Mapping[str, Any], base: InputFormat | None = None, said: str = "--{}"
) -> InputFormat:
    """Return the format of an image input: the given fields over ``base``, or over the default format.

    Args:
        spec: the input.
        given: fields of FORM.
        base: the format without them.
        said: how a message names a field.

    Raises:
        InputError: mean or std are neither one number nor one a channel.
    """
    form = base or default_format(frame_of(spec))
    changes: dict[str, Any] = {k: numbers(v, said.format(k)) if k in ("mean", "std") else v for k, v in given.items()}
    form = replace(form, raw=form.raw and not {"mean", "std"} & set(changes), **changes)
    channels = 1 if len(spec.shape) == 3 else spec.shape[1] if form.layout == "NCHW" else spec.shape[-1]
    for name, values in (("mean", form.mean), ("std", form.std)):
        if len(values) not in (1, channels):
            more = f" or {channels}" if channels > 1 else ", as there is one channel"
            raise InputError(f"{said.format(name)} must be one number{more}, got {len(values)}")
    return form


def numbers(value: Any, name: str) -> tuple[float, ...]:
    """Return a mean or std, which is one number or a list of them. Raises InputError for anything else.

    Args:
        value: as somebody stated it.
        name: what a message calls it.
    """
    found = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not found or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in found):
        raise InputError(f"{name} must be one number, or one for each channel, got {value!r}"[:200])
    if not all(map(math.isfinite, found)):
        raise InputError(f"{name} must be finite, got {value!r}"[:200])
    return tuple(map(float, found))


def frame_of(spec: TensorSpec) -> TensorSpec:
    """Return the spec of one picture (1, height, width, channels): one frame of a clip, or the input itself."""
    return replace(spec, shape=(1, *spec.shape[2:])) if len(spec.shape) == 5 else spec


def is_clip(spec: TensorSpec) -> bool:
    """Return whether an input takes a clip: (1, frames, height, width, 1 or 3) of real numbers."""
    return len(spec.shape) == 5 and spec.shape[-1] in (1, 3) and spec.dtype.kind == "f"
