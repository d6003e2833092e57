"""The inputs of a bare file: pictures or other numbers, and how pixels become them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge.errors import InputError
from edge.imaging import InputFormat, default_format
from edge.recognize.asked import Asked, Facts, Reading
from edge.signature import Input
from edge.tensors import TensorSpec

LEAST_SIDE = 8
"""Pixels; smaller ones are no picture."""

GREY_ASPECTS = ((1, 1), (4, 3), (16, 9))
"""A map of one channel is a picture when its sides are as those of a camera: sounds come as maps, too, such as 49 times
10 coefficients, 76 times 32 or 96 times 64 mel bands."""

PLAIN = {"mean": (0.0,), "std": (1.0,)}
"""Pixels from 0 to 255 as they are."""


def is_image(spec: TensorSpec) -> bool:
    """Return whether an input takes a picture: (1, h, w, c) or (1, c, h, w) with c 1 or 3, or (1, h, w)."""
    channels, short, long = _channels_and_sides(spec)
    if not channels or short < LEAST_SIDE:
        return False
    return channels == 3 or any(abs(long * b - short * a) < a for a, b in GREY_ASPECTS)


def pictures(inputs: Sequence[TensorSpec], asked: Asked) -> list[TensorSpec]:
    """Return the inputs that take a picture: by their shapes, or because a person said so.

    To say how pixels become a network's only input is to say that it takes a picture.
    """
    if asked.kind == "tensor":
        return []
    if asked.kind == "image" or (asked.format and len(inputs) == 1):
        return [spec for spec in inputs if len(spec.shape) in (3, 4)]
    return [spec for spec in inputs if is_image(spec)]


def _channels_and_sides(spec: TensorSpec) -> tuple[int, int, int]:
    """Return the channels, the shorter and the longer side of a map of 1 or 3 channels; 0 channels for what is none."""
    shape = spec.shape
    if len(shape) not in (3, 4) or shape[0] != 1 or spec.dtype.kind not in "fiu":
        return 0, 0, 0
    channels = 1 if len(shape) == 3 else next((c for c in (shape[3], shape[1]) if c in (1, 3)), 0)
    short, long = sorted(shape[2:] if len(shape) == 4 and shape[3] not in (1, 3) else shape[1:3])
    return channels, short, long


def entries(facts: Facts, reading: Reading, asked: Asked) -> tuple[tuple[Input, ...], tuple[str, ...]]:
    """Return the signature's inputs, and notes on what was assumed about their pixels.

    What a person said counts most, then what the head's published network has, then the file's metadata.
    """
    found: list[Input] = []
    notes: list[str] = []
    taken = pictures(facts.inputs, asked)
    for name, spec in zip(unique([spec.name for spec in facts.inputs], "input"), facts.inputs, strict=True):
        if spec not in taken:
            found.append(Input(name, "tensor", spec.shape, real_dtype(spec)))
            notes += _note_on_map(name, spec) if asked.kind is None else []
            continue
        form, note = _format(spec, facts, reading, asked)
        found.append(Input(name, "image", spec.shape, "float32", form))
        notes += [note] if note and note not in notes else []
    return tuple(found), tuple(notes)


def _note_on_map(name: str, spec: TensorSpec) -> list[str]:
    """Return what to say of an input of one channel that may be a grey picture or a sound."""
    channels, short, _ = _channels_and_sides(spec)
    if channels != 1 or short < LEAST_SIDE:
        return []
    return [f"{name} {spec.shape} is taken for numbers, such as a spectrogram; --colour GRAY says that it is a picture"]


def _format(spec: TensorSpec, facts: Facts, reading: Reading, asked: Asked) -> tuple[InputFormat, str | None]:
    """Return the format of an image input, and what was assumed about it."""
    form, known, note = own_scale(default_format(spec), spec), _known(spec, facts, reading), None
    check_asked(form, spec, asked)
    plain = not known and spec.dtype.kind == "f" and not {"mean", "std"} & set(asked.format) and facts.scales_pixels
    if known or plain:
        form = changed(form, known or PLAIN)
    if not {"mean", "std"} <= set(asked.format):
        told = {name: value for name, value in asked.format.items() if name in ("mean", "std")}
        note = _half_told(changed(form, told), told) if told else _note(form, spec, reading, bool(known), plain)
    return changed(form, asked.format), note


def own_scale(form: InputFormat, spec: TensorSpec) -> InputFormat:
    """Return the format in which pixels 0 to 255 fill an 8-bit quantized input.

    The input's own scale states what they mean: the pixel p is stored as p, or as p - 128 in int8, and stands for
    real = scale * (stored - zero point). A file of another precision then takes the same real values.
    """
    if not form.raw or spec.quantization is None or spec.dtype.itemsize != 1:
        return form
    scale, zero_point = spec.quantization
    return replace(form, mean=(float(zero_point - np.iinfo(spec.dtype).min),), std=(1 / scale,), raw=False)


def check_asked(form: InputFormat, spec: TensorSpec, asked: Asked) -> None:
    """Raise InputError when what a person said of pixels does not fit an image input of this format."""
    told = {"mean", "std"} & set(asked.format)
    if told and spec.dtype.kind in "iu" and spec.quantization is None:
        raise InputError(
            f"input {spec.name} {spec.describe()} takes pixels as they are, 0 to 255; leave out mean and std"
        )
    if form.colour == "GRAY" and asked.format.get("colour", "GRAY") != "GRAY":
        raise InputError(
            f"input {spec.name} {spec.describe()} has one channel and takes grey pictures; "
            f"leave out colour {asked.format['colour']}"
        )


def _known(spec: TensorSpec, facts: Facts, reading: Reading) -> Mapping[str, Any]:
    """Return what the head or the file's metadata says of pixels."""
    if reading.input:
        return reading.input
    if facts.metadata.mean and facts.metadata.std and spec.dtype.kind == "f":
        return {"mean": facts.metadata.mean, "std": facts.metadata.std}
    return {}


def changed(form: InputFormat, given: Mapping[str, Any]) -> InputFormat:
    """Return the format with what is given; a mean or std means that an input's quantization counts."""
    given = {key: tuple(value) if key in ("mean", "std") else value for key, value in given.items()}
    if form.colour == "GRAY":
        given.pop("colour", None)
    return replace(form, raw=form.raw and not {"mean", "std"} & set(given), **given)


def _note(form: InputFormat, spec: TensorSpec, reading: Reading, known: bool, plain: bool) -> str | None:
    if form.raw:
        return (
            "pixels assumed -128 to 127, pixel - 128: the file states no scale" if spec.dtype.name == "int8" else None
        )
    numbers = f"(pixel - {_numbers(form.mean)}) / {_numbers(form.std)}"
    scale = f"{form.colour}, {numbers}, {form.resize}"
    if reading.input:
        return f"pixels taken as the network's publishers prepare them: {scale}"
    if known:
        return f"pixels as the file's metadata says: {scale}"
    if spec.quantization is not None:
        return f"pixels 0 to 255 fill the quantized input, {numbers} by its own scale; --mean and --std say otherwise"
    if plain:
        return "pixels taken as 0 to 255, which the network's first arithmetic scales; --mean and --std say otherwise"
    return "pixels assumed -1 to 1; --mean and --std say otherwise"


def _half_told(form: InputFormat, told: Mapping[str, Any]) -> str:
    """Return the note on pixels of which a person gave the mean or the std alone."""
    missing = "std" if "mean" in told else "mean"
    return (
        f"pixels taken as (pixel - {_numbers(form.mean)}) / {_numbers(form.std)}: no --{missing} is given, and "
        f"{_numbers(getattr(form, missing))} is assumed"
    )


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)


def real_dtype(spec: TensorSpec) -> str:
    """Return the dtype of a tensor's real values: float32 for floats and for integers that stand for them."""
    return "float32" if spec.quantization is not None or spec.dtype.kind == "f" else spec.dtype.name


def unique(names: Sequence[str], kind: str) -> list[str]:
    """Return a name of its own for each tensor: a file may leave them out or give one twice."""
    found: list[str] = []
    for index, name in enumerate(names):
        name = name or f"{kind}_{index}"
        found.append(name if name not in found else f"{name}_{index}")
    return found
