"""Segmentation finds one class per pixel, from maps of scores or from a map of class numbers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import labels as label_files
from edge.decoders.activations import ACTIVATIONS, activate
from edge.decoders.parameters import choice, flag, number
from edge.errors import InputError
from edge.imaging import Image
from edge.placement import Placement
from edge.results import Mask, Result, unknown_class
from edge.signature import Signature
from edge.tasks import json_form, mask_drawing
from edge.tasks.activation import are_probabilities
from edge.tasks.base import Budget, Comparer, Figures, Task
from edge.tasks.difference import Difference, Share
from edge.tasks.parameters import Parameters
from edge.tasks.pixel_counts import Counts, count, foreground
from edge.tasks.shapes import LAYOUTS, channels_last, likely_layout, map_channels
from edge.tensors import Outputs, Tensor

Classes = NDArray[Any]
"""Class numbers, uint8, or uint16 for more than 255 classes."""

RESIZE = ("nearest", "bilinear")
NOWHERE = 65535
"""A class number in a truth that is ignored."""

FROM_WHOLE = 0.25
"""How far the rounding of a quantized file may put a class number from a whole number."""

MOST_NUMBERED = 255
"""The number of classes that are compared for a map of class numbers without labels."""


class Segment(Task):
    """Decodes the output with the role ``mask``: (1, rows, columns, classes) or (1, classes, rows, columns) scores.

    One channel of real values is a score of the second of two classes. One channel of an integer type, also without
    the axis, holds class numbers, and so does one of real values where it is stated. The answer is the class with the
    largest score, the first of equal ones.

    Parameters in the manifest:
        layout: NHWC or NCHW; unless stated, the one whose sides have the ratio of the input's.
        resize: how the map comes to the frame's size. nearest (default) takes the class of the cell that a pixel
            lies in; bilinear first interpolates the scores, which draws smoother borders and takes longer.
        activation: of one channel: none, sigmoid, or auto, which looks at the numbers.
        threshold: of one channel, the least score of the second class, 0.5 unless stated.
        class_numbers: whether one channel of real values holds class numbers (default false).

    The truth of a sample is (height, width) of class numbers, in the frame's pixels; numbers that are no class, such
    as 255, count nowhere, and neither do pixels that the input does not hold.
    """

    name: ClassVar[str] = "segment"
    budget: ClassVar[Budget] = Budget(98.0, 0.5)
    joins_tiles: ClassVar[bool] = True

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        signature.only("mask")
        output = signature.one("mask")
        given = Parameters(signature)
        self._output = output.name
        self._layout = choice(given, "layout", likely_layout(signature, output), LAYOUTS)
        self._resize = choice(given, "resize", "nearest", RESIZE)
        self._activation = choice(given, "activation", "auto", ("auto", *ACTIVATIONS))
        self._threshold = number(given, "threshold", 0.5, 0, 1)
        stated_numbers = flag(given, "class_numbers", False)
        given.finish()
        channels = map_channels(output, self.name, self._layout)
        if stated_numbers and channels != 1:
            raise InputError(f"parameter class_numbers needs a map of one channel, got {channels} in {output.shape}")
        self._numbered = channels == 1 and (stated_numbers or np.dtype(output.dtype).kind in "iu")
        self.labels = self._names(labels, channels, f"{origin} (layout {self._layout})")
        if channels == 1 and self._activation == "softmax":
            raise InputError(f"a softmax over one channel is always 1: state activation sigmoid for {output.shape}")
        if signature.tiled and channels == 1 and not self._numbered and self._activation == "auto":
            raise InputError(
                "with resize tile the activation of one channel cannot be told from the numbers of one window: it must "
                "be stated, got auto; state the parameter activation, none or sigmoid"
            )
        if self._numbered and self._resize == "bilinear":
            raise InputError(f"class numbers cannot be interpolated: resize must be nearest for output {output.name!r}")

    def _names(self, labels: Sequence[str] | None, channels: int, origin: str) -> tuple[str, ...]:
        """Return the labels. Class numbers without a label get their names from each map."""
        classes = 2 if channels == 1 else channels
        if labels is not None:
            if not self._numbered:
                label_files.check_count(labels, classes, origin)
            return tuple(labels)
        if self._numbered:
            return ()
        return ("background", "foreground") if channels == 1 else tuple(str(i) for i in range(classes))

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task. Without a placement the mask has the size of the output."""
        if placement is not None and self._resize == "bilinear":
            classes = self._interpolated(outputs[self._output], placement)
        else:
            classes = self.classes(outputs)
            classes = classes if placement is None else _on_frame(classes, placement)
        return Result(self.name, mask=Mask(classes, self._labels_for(classes)))

    def classes(self, outputs: Outputs) -> Classes:
        """Return (rows, columns) class numbers at the output's own resolution."""
        tensor = outputs[self._output]
        # The largest quantized value is the largest real value, so nothing needs to be dequantized.
        scores = channels_last(tensor.raw, self._layout)
        if self._numbered:
            integers = tensor.spec.quantization is None and scores.dtype.kind in "iu"
            return _numbers((scores if integers else channels_last(tensor.real, self._layout))[..., 0])
        if scores.shape[-1] == 1:
            return self._second(tensor, channels_last(tensor.real, self._layout)[..., 0])
        if scores.shape[-1] == 2:
            return (scores[..., 1] > scores[..., 0]).astype(np.uint8)
        return np.asarray(scores.argmax(axis=-1), _dtype(scores.shape[-1]))

    def comparer(self) -> Comparer:
        """See Task: the share of equal pixels; against the truth the mean Dice of all classes but the first."""
        return _Pixels(self)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: each class in its colour over the picture, and a legend with the classes' shares."""
        if result.mask is not None:
            mask_drawing.paint(image, result.mask)

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        return {"mask": None if result.mask is None else json_form.mask(result.mask)}

    @staticmethod
    def line(result: Result) -> str:
        """See Task: the classes with their shares, the largest first: ``background 71% | bird 29%``."""
        shares = {} if result.mask is None else result.mask.shares()
        rows = sorted(shares.items(), key=lambda row: -row[1])
        return " | ".join(f"{label} {share:.0%}" for label, share in rows if share >= 0.005) or "nothing"

    def _second(self, tensor: Tensor, values: NDArray[np.float32]) -> Classes:
        """Return 1 where the score of one channel reaches the threshold, else 0.

        Args:
            tensor: the whole output, by which ``auto`` tells the activation.
            values: of the channel, before the activation.
        """
        kind = self._activation
        if kind == "auto":
            kind = "none" if are_probabilities([tensor]) else "sigmoid"
            if kind == "sigmoid" and (tensor.real >= 0).all() and (tensor.real == np.rint(tensor.real)).all():
                raise InputError(
                    f"output {self._output!r} holds whole numbers up to {tensor.real.max():g}, as class numbers are; "
                    "state the parameter class_numbers as true, or the activation"
                )
        return (activate(values, kind) >= self._threshold).astype(np.uint8)

    def _interpolated(self, tensor: Tensor, placement: Placement) -> Classes:
        """Return the classes of scores that are first interpolated, channel by channel to spare memory."""
        scores = channels_last(tensor.real, self._layout)
        best = placement.mask_to_frame(np.ascontiguousarray(scores[..., 0]), cv2.INTER_LINEAR)
        if scores.shape[-1] == 1:
            classes = self._second(tensor, best)
        else:
            classes = np.zeros(best.shape, _dtype(scores.shape[-1]))
        for channel in range(1, scores.shape[-1]):
            plane = placement.mask_to_frame(np.ascontiguousarray(scores[..., channel]), cv2.INTER_LINEAR)
            larger = plane > best
            np.copyto(best, plane, where=larger)
            classes[larger] = channel
        seen = _on_frame(np.zeros((1, 1), classes.dtype), placement)
        return np.maximum(classes, seen)  # pixels outside the input have the largest number

    def _labels_for(self, classes: Classes) -> tuple[str, ...]:
        """Return the labels, and numbers as names for classes beyond them, which only maps of numbers can have."""
        if not self._numbered:
            return self.labels
        known = classes[classes != unknown_class(classes.dtype)]
        largest = int(known.max(initial=0))
        return self.labels + tuple(str(i) for i in range(len(self.labels), largest + 1))


class _Pixels(Comparer):
    def __init__(self, task: Segment) -> None:
        self._task, self._difference, self._equal = task, Difference(), Share()
        self._counts: dict[str, Counts] = {}

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        expected, got = self._task.classes(reference), self._task.classes(candidate)
        self._equal.add((expected == got).sum(), expected.size)
        if truth is not None:
            for who, outputs in (("reference", reference), ("candidate", candidate)):
                self._count(who, self._task.decode(outputs, placement).mask, np.asarray(truth))

    def figures(self) -> Figures:
        known, details = None, {}
        if self._counts:
            got, expected = self._counts["candidate"], self._counts["reference"]
            known = ("Dice", 100 * foreground(got.dice()), 100 * foreground(expected.dice()))
            details = {
                "IoU, %": 100 * foreground(got.iou()),
                "IoU of the reference, %": 100 * foreground(expected.iou()),
                "pixel accuracy, %": 100 * got.accuracy(),
            }
        return self._difference.figures("pixels", self._equal.percent, quality=known, details=details)

    def _count(self, who: str, mask: Mask | None, truth: Classes) -> None:
        assert mask is not None
        if truth.shape != mask.classes.shape:
            raise InputError(f"the true mask must be {mask.classes.shape} class numbers, got {truth.shape}")
        true = np.where(mask.classes == mask.unknown, NOWHERE, truth)
        classes = len(self._task.labels) or MOST_NUMBERED
        counts = count(mask.classes, true, classes)
        self._counts[who] = self._counts[who] + counts if who in self._counts else counts


def _on_frame(classes: Classes, placement: Placement) -> Classes:
    return placement.mask_to_frame(classes, fill=unknown_class(classes.dtype))


def _dtype(classes: int) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if classes <= np.iinfo(np.uint8).max else np.uint16


def _numbers(values: NDArray[Any]) -> Classes:
    """Return a map of class numbers as integers.

    Raises:
        InputError: the values are no class numbers. Those of a quantized file may be off by a part of its step.
    """
    rounded = values if values.dtype.kind in "iu" else np.rint(values)
    low, high = float(rounded.min()), float(rounded.max())
    if low < 0 or high >= np.iinfo(np.uint16).max:
        raise InputError(f"class numbers must be from 0 to {np.iinfo(np.uint16).max - 1}, got {low:g} to {high:g}")
    if rounded is not values and (apart := np.abs(values - rounded) > FROM_WHOLE).any():
        wrong = values[apart][0]
        raise InputError(f"class numbers must be whole, got {wrong:g}; leave out the parameter class_numbers")
    return np.asarray(rounded, _dtype(int(high) + 1))
