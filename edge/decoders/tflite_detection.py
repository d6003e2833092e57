"""Boxes that the graph has decoded and suppressed itself, by TFLite_Detection_PostProcess or the like.

The four outputs are boxes (1, n, 4), classes (1, n), scores (1, n) and their count (1). TF1's converter gives them in
this order. TF2's gives scores, boxes, count, classes in most releases and the first order in some
(https://github.com/tensorflow/tensorflow/issues/52259), so the order alone says nothing: classes and scores are told
apart by their names, and the values are checked in every run.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edge.decoders.base import Candidates, Ends, Floats, Recognized
from edge.decoders.heads import input_size, is_named, pixels_of, unchecked
from edge.decoders.parameters import whole
from edge.errors import InputError
from edge.signature import Signature, TaskSpec, describe
from edge.tensors import Outputs, TensorSpec

BY_NUMBER = {
    "tflite_detection_postprocess": ("boxes", "classes", "scores", "count"),
    "statefulpartitionedcall": ("count", "scores", "classes", "boxes"),
}
"""What TF1's and TF2's converter mean by the number behind the name: ``TFLite_Detection_PostProcess:1`` are the
classes, ``StatefulPartitionedCall:1`` the scores."""

WORDS = {"classes": ("class", "categor"), "scores": ("score",)}
"""What names that are words have in them; ``category`` is what TFLite Metadata says."""

MOST_CLASSES = 100_000

_NUMBERED = re.compile(r"(tflite_detection_postprocess|statefulpartitionedcall)(?::(\d+))?", re.ASCII)


class TfliteDetection:
    """Takes the outputs with the roles ``boxes``, ``classes``, ``scores`` and ``count`` as they are.

    Boxes are ymin, xmin, ymax, xmax in fractions of the input.

    Parameters:
        first_class: the number of the first class in the outputs; default 0, in exports of the TensorFlow object
            detection API other than TFLite's 1.
        classes: how many classes there are; without it the scores have a column for each class up to the largest.
        order: the roles in the order of the file's outputs, where names do not tell them.
    """

    task: ClassVar[str] = "detect"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "tflite_detection")
        self._names = {role: signature.one(role).name for role in ("boxes", "classes", "scores", "count")}
        self._first = whole(parameters, "first_class", 0, 0, 1)
        self.classes: int | None = whole(parameters, "classes", 0, 1, MOST_CLASSES) if "classes" in parameters else None
        boxes, classes, scores = (signature.one(role).shape for role in ("boxes", "classes", "scores"))
        n = boxes[1] if len(boxes) == 3 else 0
        if boxes != (1, n, 4) or classes != (1, n) or scores != (1, n) or np.prod(signature.one("count").shape) != 1:
            raise InputError(
                "decoder tflite_detection takes boxes (1, n, 4), classes (1, n), scores (1, n) and a count (1), "
                f"got {describe(signature.outputs)}"
            )

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder. Raises InputError when the values show that two outputs were taken for one another."""
        with unchecked():
            boxes, classes, scores, count = (outputs[name].real for name in self._names.values())
            found = int(np.clip(np.nan_to_num(count.ravel()[0]), 0, boxes.shape[1]))
            numbers = self._class_numbers(classes.ravel()[:found], scores.ravel()[:found])
            columns = self.classes or int(numbers.max(initial=0)) + 1
            table = np.zeros((found, columns), np.float32)
            table[np.arange(found), numbers] = scores.ravel()[:found]
            return Candidates(pixels_of(boxes.reshape(-1, 4)[:found], self._size), table, suppressed=True)

    def _class_numbers(self, classes: Floats, scores: Floats) -> np.ndarray:
        whole_numbers = np.isfinite(classes).all() and (classes == np.round(classes)).all()
        numbers = np.nan_to_num(classes).astype(np.int64) - self._first
        if not whole_numbers or (scores < 0).any() or (scores > 1).any() or (numbers < 0).any():
            raise InputError(
                f"output {self._names['classes']!r} must give class numbers from {self._first} on and "
                f"{self._names['scores']!r} scores from 0 to 1, got {classes[:3].tolist()} and {scores[:3].tolist()}; "
                "the parameter order says which output is which, first_class where the classes begin"
            )
        if (numbers >= (self.classes or MOST_CLASSES)).any():
            raise InputError(
                f"the network gave class {numbers.max()} of at most {self.classes or MOST_CLASSES}, counted from 0"
            )
        return numbers


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder. Raises InputError when names and shapes do not tell the four outputs apart."""
    found = tuple(_role(output) for output in outputs)
    if sorted(map(str, found)) != ["boxes", "classes", "count", "scores"]:
        raise InputError(
            "decoder tflite_detection takes boxes (1, n, 4), classes (1, n), scores (1, n) and a count (1) that names "
            'tell apart; say which is which with the parameter order, like ["boxes", "classes", "scores", "count"]; '
            f"the file gives {describe(outputs)}"
        )
    return tuple(map(str, found))


def _role(output: TensorSpec) -> str | None:
    """Return the role by the shape, and where that leaves two by the name; None when nothing tells it."""
    if len(output.shape) == 3 and output.shape[2] == 4:
        return "boxes"
    if len(output.shape) != 2:
        return "count" if output.shape in ((), (1,)) else None
    numbered = _NUMBERED.fullmatch(output.name.lower())
    if numbered:
        role = dict(enumerate(BY_NUMBER[numbered[1]])).get(int(numbered[2] or 0))
        return role if role in ("classes", "scores") else None
    found = [role for role, words in WORDS.items() if is_named(output, words)]
    return found[0] if len(found) == 1 else None


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer."""
    try:
        found = roles(outputs)
    except InputError:
        return None
    shapes = {role: output.shape for role, output in zip(found, outputs, strict=True)}
    if shapes["boxes"][:2] != shapes["classes"] or shapes["classes"] != shapes["scores"]:
        return None
    # Exports of the object detection API for TensorFlow itself and ONNX count classes from 1.
    first = int(any("detection_classes" in output.name.lower() for output in outputs))
    parameters = {"first_class": first} if first else {}
    reason = f"up to {shapes['boxes'][1]} detections that the graph has made, in four outputs"
    return Recognized(TaskSpec("detect", "tflite_detection", parameters), found, reason)
