"""The tasks that need no decoder: how each of them reads a file's outputs, and which one a file is for.

A reader returns a Reading for a file that somebody says is for its task, and raises InputError for one that cannot be.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from edge import graph_end
from edge.decoders.heads import layout_of
from edge.errors import InputError
from edge.recognize.asked import Asked, Facts, Reading
from edge.recognize.inputs import pictures
from edge.signature import TaskSpec, describe
from edge.tensors import TensorSpec

AUTO = "auto"
"""The value of a parameter that the task decides by an output's values."""

OF_CLASSIFIERS = {"activation", "multi_label", "threshold", "top"}
"""Parameters of task classify: who gives one says that a vector holds scores."""

IMAGENET = (1000, 1001, 21841, 21843)
"""Numbers of classes of ImageNet, alone and with a background: a vector of this length holds scores of classes."""


def classify(facts: Facts, asked: Asked) -> Reading:
    """One vector of scores; of one number, a classifier of two classes."""
    output = _one(facts, "classify", "one vector of scores")
    count = _vector(output, "classify")
    if facts.ends[0] == graph_end.ARGMAX:
        given = f"{describe([output])} gives the number of the best class"
        raise InputError(f"task classify needs scores, {given}; task raw takes it")
    if count == 1:
        return _binary(facts.ends[0])
    parameters, how, notes = _activation(facts.ends[0], told=asked.task is not None)
    return Reading(TaskSpec("classify", None, parameters), ("scores",), f"one vector of {count} {how}", None, notes)


def _activation(end: str | None, told: bool) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """Return the parameters of a vector of scores, what it is in words, and notes; ``told`` is whether a person said
    that it is one."""
    if end == graph_end.SOFTMAX:
        return {"activation": "none"}, "probabilities", ()
    if end == graph_end.SIGMOID:
        return {"activation": "none", "multi_label": True}, "independent probabilities", ()
    if end in (graph_end.LINEAR, graph_end.TANH):
        other = "--parameter activation=none" if told else "--task regress or embed"
        note = f"no softmax at the end, the scores are taken as logits; {other} says otherwise"
        return {"activation": "softmax"}, "logits", (note,)
    return {"activation": AUTO}, "scores", ("whether scores are logits or probabilities is told by their values",)


def _binary(end: str | None) -> Reading:
    notes: tuple[str, ...] = ()
    known = {graph_end.SIGMOID: "none", graph_end.LINEAR: "sigmoid", graph_end.TANH: "sigmoid"}
    activation = known.get(end or "")
    if activation is None:
        activation, notes = AUTO, ("whether the score is a logit or a probability is told by its value",)
    task = TaskSpec("classify", None, {"activation": activation})
    return Reading(task, ("scores",), "one score, of the second of two classes", None, notes)


def segment(facts: Facts, asked: Asked) -> Reading:
    """One map: a score for each class and pixel, one score a pixel, or the class itself."""
    output = _one(facts, "segment", "one map")
    layout, channels = _map(facts, asked, output, "segment")
    parameters = {"layout": layout, "activation": "none"}
    if output.dtype.kind in "iu" and output.quantization is None:
        if channels != 1:
            raise InputError(f"task segment needs one class a pixel or scores, got {describe([output])}")
        return Reading(TaskSpec("segment", None, parameters), ("mask",), "a map of one class a pixel")
    notes: tuple[str, ...] = ()
    end = facts.ends[0]
    if end == graph_end.ARGMAX and channels == 1:  # cast to real numbers after it
        task = TaskSpec("segment", None, {"layout": layout, "class_numbers": True})
        return Reading(task, ("mask",), "a map of one class a pixel")
    if end in (None, graph_end.OTHER):
        parameters["activation"] = AUTO
        notes = ("whether the map holds logits or probabilities is told by its values",)
    elif end not in (graph_end.SOFTMAX, graph_end.SIGMOID):
        parameters["activation"] = "softmax" if channels > 1 else "sigmoid"
    what = f"a map of scores for {channels} classes" if channels > 1 else "a map of one score a pixel"
    return Reading(TaskSpec("segment", None, parameters), ("mask",), what, None, notes)


def image(facts: Facts, asked: Asked) -> Reading:
    """One picture of one or three channels."""
    output = _one(facts, "image", "one picture")
    layout, channels = _map(facts, asked, output, "image")
    if channels not in (1, 3):
        raise InputError(f"task image needs an output of 1 or 3 channels, got {describe([output])}")
    ranges: dict[str | None, Any] = {graph_end.TANH: [-1.0, 1.0], graph_end.SIGMOID: [0.0, 1.0]}
    span = ranges.get(facts.ends[0], AUTO)
    notes = () if span != AUTO else ("the range of the picture's values is told by the values; --parameter "
                                     "range=[0,255] states another",)  # fmt: skip
    task = TaskSpec("image", None, {"layout": layout, "range": span})
    return Reading(task, ("image",), f"a picture of {channels} channel(s)", None, notes)


def embed(facts: Facts, asked: Asked) -> Reading:
    """One vector."""
    output = _one(facts, "embed", "one vector")
    count = _vector(output, "embed")
    return Reading(TaskSpec("embed"), ("embedding",), f"a vector of {count} numbers")


def regress(facts: Facts, asked: Asked) -> Reading:
    """Measured quantities: every number of every output."""
    return Reading(TaskSpec("regress"), ("value",) * len(facts.outputs), "measured values")


def raw(facts: Facts, asked: Asked) -> Reading:
    """The numbers as they are."""
    return Reading(TaskSpec("raw"), ("tensor",) * len(facts.outputs), "tensors as they are")


READERS: dict[str, Callable[[Facts, Asked], Reading]] = {
    "classify": classify,
    "segment": segment,
    "embed": embed,
    "regress": regress,
    "image": image,
    "raw": raw,
}


def guess(facts: Facts, asked: Asked) -> list[Reading]:
    """Return the readings that the file itself speaks for: one when it is clear, several or none when it is not."""
    if len(facts.outputs) != 1 or facts.outputs[0].dtype.kind not in "fiu":
        return []
    output, end = facts.outputs[0], facts.ends[0]
    if int(np.prod(output.shape)) == max(output.shape, default=0):
        return [reader(facts, asked) for reader in _of_vector(asked, output, end)]
    return [reader(facts, asked) for reader in _of_map(facts, asked, output, end)]


Reader = Callable[[Facts, Asked], Reading]


def _of_vector(asked: Asked, output: TensorSpec, end: str | None) -> list[Reader]:
    count = max(output.shape)
    if (output.dtype.kind in "iu" and output.quantization is None) or end == graph_end.ARGMAX:
        return []  # class numbers or indices, not scores
    if end == graph_end.L2_NORM:
        return [embed]
    if count == 1:
        return [classify] if end == graph_end.SIGMOID or asked.labels == 2 else []
    return [classify] if _are_scores(asked, output, end) else []


def _are_scores(asked: Asked, output: TensorSpec, end: str | None) -> bool:
    """Return whether a vector holds scores of classes for sure.

    A softmax at the end, a quantization from 0 to 1, ImageNet's number of classes, or labels or parameters that a
    person gave tell. Numbers that end in a dense layer may as well be coordinates, an angle, an embedding or what an
    autoencoder gives, and those that end in a sigmoid may be a box in fractions of the picture.
    """
    told = asked.labels is not None or OF_CLASSIFIERS & set(asked.parameters)
    if told or end == graph_end.SOFTMAX or max(output.shape) in IMAGENET:
        return True
    return end not in (graph_end.LINEAR, graph_end.TANH, graph_end.SIGMOID) and _fills_probabilities(output)


def _fills_probabilities(output: TensorSpec) -> bool:
    """Return whether the 256 steps of an output go from 0 to 1, as the converters quantize a softmax or sigmoid."""
    if output.quantization is None or output.dtype.itemsize != 1:
        return False
    scale, zero_point = output.quantization
    return zero_point == np.iinfo(output.dtype).min and abs(256 * scale - 1) < 0.01


def _of_map(facts: Facts, asked: Asked, output: TensorSpec, end: str | None) -> list[Reader]:
    """Return the readers of a map at least half as fine as the input; a coarser one may be many things."""
    try:
        layout, channels = _map(facts, asked, output, "segment")
    except InputError:
        return []
    rows, columns = _sides(output.shape, layout)
    height, width = _input_sides(pictures(facts.inputs, asked)[0])
    if 2 * rows < height or 2 * columns < width:
        return []
    if output.dtype.kind in "iu" and output.quantization is None:
        return [segment] if channels == 1 else []
    if channels not in (1, 3):
        return [segment]
    if end in (graph_end.SOFTMAX, graph_end.ARGMAX) or (channels == 1 and end == graph_end.SIGMOID):
        return [segment]
    if len(output.shape) == 3:
        return []  # a depth, a mask or a picture
    if end == graph_end.TANH or rows > height or columns > width:
        return [image]
    return [segment, image]


def _one(facts: Facts, task: str, what: str) -> TensorSpec:
    if len(facts.outputs) != 1:
        raise InputError(
            f"task {task} needs {what} as the only output, {facts.path.name} gives {describe(facts.outputs)}"
        )
    return facts.outputs[0]


def _vector(output: TensorSpec, task: str) -> int:
    """Return how many numbers a vector has; all axes but one are 1."""
    count = int(np.prod(output.shape))
    if not output.shape or count != max(output.shape) or (output.dtype.kind != "f" and output.quantization is None):
        raise InputError(f"task {task} needs one vector of real numbers, got {describe([output])}")
    return count


def _map(facts: Facts, asked: Asked, output: TensorSpec, task: str) -> tuple[str, int]:
    """Return the layout of a map and how many channels it has. Raises InputError for what is no map of the image."""
    shape = output.shape
    images = pictures(facts.inputs, asked)
    if len(images) == 1 and len(shape) == 3 and shape[0] == 1 and shape[1:] == _input_sides(images[0]):
        return "NHWC", 1
    layout = layout_of(images, output)
    if layout is None:
        raise InputError(f"task {task} needs an image input and a map of its proportions, got {describe([output])}")
    return layout, shape[1] if layout == "NCHW" else shape[3]


def _sides(shape: tuple[int, ...], layout: str) -> tuple[int, int]:
    if len(shape) == 3:
        return shape[1], shape[2]
    return (shape[2], shape[3]) if layout == "NCHW" else (shape[1], shape[2])


def _input_sides(image: TensorSpec) -> tuple[int, int]:
    shape = image.shape
    nchw = len(shape) == 4 and shape[3] not in (1, 3)
    return (shape[2], shape[3]) if nchw else (shape[1], shape[2])
