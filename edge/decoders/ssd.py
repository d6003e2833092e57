"""SSD and its relatives: two outputs, offsets from anchors and scores (Liu et al. 2016, arXiv:1512.02325)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from edge.decoders import anchors as boxes_of
from edge.decoders.activations import ACTIVATIONS, REMEDY, activate, probabilities
from edge.decoders.anchors import Boxes
from edge.decoders.base import Candidates, Ends, Recognized
from edge.decoders.heads import Size, boxes_and_scores, input_size, pixels_of, rows_of, size_of_input, unchecked
from edge.decoders.parameters import MissingParameter, choice, flag, numbers
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec


class Ssd:
    """Decodes an output with the role ``boxes``, (1, n, 4) offsets, and one ``scores``, (1, n, columns).

    Parameters:
        anchors: one of three forms. ``{"strides": …, "ratios": …, "scales": …}`` is the recipe of
            ``edge.decoders.anchors.anchors``, which our SSDLite has. ``{"levels": [{"grid": [rows, columns],
            "sizes": [[height, width], …]}, …]}`` names the anchors of each map, in fractions of the input. A list
            ``[[centre y, centre x, height, width], …]`` names all n, in fractions of the input.
        offsets: the order of an offset's four numbers, ``yxhw`` (default) or ``xywh``.
        variances: what offsets of centres and of sides are multiplied by; default [0.1, 0.2].
        background: whether the first column of the scores is the background (default true).
        activation: what is still to be applied to the scores, ``none`` (default), ``softmax`` or ``sigmoid``.
        clip: whether boxes are cut off at the input's border before they are compared with each other, as our training
            and TensorFlow's detectors do (default true).
    """

    task: ClassVar[str] = "detect"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._boxes, self._scores = signature.one("boxes"), signature.one("scores")
        self._size = input_size(signature, "ssd")
        self._anchors = anchors_from(parameters.get("anchors"), self._size)
        self._xywh = choice(parameters, "offsets", "yxhw", ("yxhw", "xywh")) == "xywh"
        centre, side = numbers(parameters, "variances", (0.1, 0.2), 2)
        self._variances = (centre, centre, side, side)
        self._background = flag(parameters, "background", True)
        self._activation = choice(parameters, "activation", "none", ACTIVATIONS)
        self.logits = (self._scores.name,) if self._activation == "sigmoid" else ()
        self._clip = flag(parameters, "clip", True)
        self.classes: int = self._scores.shape[-1] - self._background
        self._check()

    def _check(self) -> None:
        count = len(self._anchors)
        boxes, scores = self._boxes.shape, self._scores.shape
        if boxes != (1, count, 4) or len(scores) != 3 or scores[:2] != (1, count) or self.classes < 1:
            columns = "classes + 1" if self._background else "classes"
            raise InputError(
                f"a detector with {count} anchors must give boxes (1, {count}, 4) and scores (1, {count}, {columns}), "
                f"got {boxes} and {scores}; the parameters anchors and background say what they are"
            )

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            offsets = rows_of(outputs[self._boxes.name], 4)
            scores = activate(rows_of(outputs[self._scores.name], self._scores.shape[-1]), self._activation)
            scores = probabilities(scores, self._scores.name, REMEDY)
            if self._xywh:
                offsets = offsets[:, [1, 0, 3, 2]]
            boxes = boxes_of.decode(offsets, self._anchors, self._variances)
            if self._clip:
                boxes = np.clip(boxes, 0.0, 1.0)
            return Candidates(pixels_of(boxes, self._size), scores[:, int(self._background) :])


def anchors_from(recipe: Any, size: Size) -> Boxes:
    """Return (n, 4) anchors of the parameter ``anchors``, see ``Ssd``.

    Args:
        recipe: the parameter's value.
        size: of the input, in pixels.

    Raises:
        InputError: the parameter is missing or has none of the three forms.
    """
    try:
        if isinstance(recipe, Mapping) and "strides" in recipe:
            return _by_strides(recipe, size)
        if isinstance(recipe, Mapping):
            return np.concatenate([_level(row) for row in recipe["levels"]]).astype(np.float32)
        found = np.asarray(recipe, np.float32)
        if found.ndim == 2 and found.shape[1] == 4 and np.isfinite(found).all():
            return found
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        pass
    shown = f"{recipe!r}"[:80]
    kind = MissingParameter if recipe is None else InputError
    raise kind(
        "decoder ssd needs the parameter anchors: the strides, ratios and scales of a recipe, levels of grid and "
        f"sizes, or rows of centre y, centre x, height, width; got {shown}"
    )


def _by_strides(recipe: Mapping[str, Any], size: Size) -> Boxes:
    width, height = size
    strides = numbers(recipe, "strides", ())
    ratios = numbers(recipe, "ratios", boxes_of.RATIOS)
    low, high = boxes_of.check_scales(tuple(numbers(recipe, "scales", boxes_of.SCALES, 2)))
    if min(strides) < 1 or min(ratios) <= 0:
        raise InputError(f"anchors need strides of at least 1 and ratios above 0, got {strides} and {ratios}")
    return boxes_of.anchors((height, width), [int(stride) for stride in strides], ratios, (low, high))


def _level(row: Mapping[str, Any]) -> Any:
    rows, columns = (int(size) for size in row["grid"])
    if not 0 < rows * columns <= 1 << 20:
        raise InputError(f"a level of anchors needs a grid of 1 to 2^20 places, got {row['grid']}")
    return boxes_of.level((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, row["sizes"])


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return boxes_and_scores("ssd", outputs)


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer; AIZOOTech's face-mask detector is the one SSD whose anchors are known without being told."""
    if size_of_input(inputs) != (260, 260) or sorted(o.shape for o in outputs) != [(1, 5972, 2), (1, 5972, 4)]:
        return None
    parameters = {"anchors": {"levels": _face_mask_levels()}, "offsets": "xywh", "background": False}
    return Recognized(
        TaskSpec("detect", "ssd", parameters),
        roles(outputs),
        "the 5972 anchors of AIZOOTech's face-mask detector in two outputs",
        {"colour": "RGB", "mean": (0.0,), "std": (255.0,), "resize": "stretch"},
    )


FACE_MASK_SIZES = {33: (0.04, 0.056), 17: (0.08, 0.11), 9: (0.16, 0.22), 5: (0.32, 0.45), 3: (0.64, 0.72)}
"""Two sizes for each grid, https://github.com/AIZOOTech/FaceMaskDetection."""

FACE_MASK_RATIOS = (0.62, 0.42)
"""Of width to height; beside the two squares the smaller size has these."""


def _face_mask_levels() -> list[dict[str, Any]]:
    return [
        {
            "grid": [cells, cells],
            "sizes": [[small, small], [large, large]] + [[small / r**0.5, small * r**0.5] for r in FACE_MASK_RATIOS],
        }
        for cells, (small, large) in FACE_MASK_SIZES.items()
    ]
