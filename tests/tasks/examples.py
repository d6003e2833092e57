"""One small network for each task of the table, with two answers that differ, and what each must refuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.imaging import placement_of
from edge.signature import Signature
from edge.tasks.average_precision import Truth
from edge.tensors import Outputs
from tests.tasks.networks import HEIGHT, WIDTH, outputs, signature

FRAME = (300, 200)
"""Width and height of the frame that every example's placement is for."""

PLACEMENT = placement_of(FRAME, (WIDTH, HEIGHT), "letterbox")


@dataclass(frozen=True)
class Example:
    """One task.

    Attributes:
        network: that fits.
        reference: its outputs.
        candidate: outputs of another file, that differ.
        truth: of the sample; the reference is right, as far as a task measures that.
        wrong: a network that does not fit.
        both_sides: what the refusal must say: what was expected and what came.
        labels: class names.
    """

    network: Signature
    reference: Outputs
    candidate: Outputs
    truth: Any
    wrong: Signature
    both_sides: tuple[str, ...]
    labels: tuple[str, ...] | None = None


def _classify() -> Example:
    return Example(
        signature("classify", [("y", "scores", (1, 3))], activation="none", top=2),
        outputs(y=[[0.7, 0.2, 0.1]]),
        outputs(y=[[0.1, 0.2, 0.7]]),
        0,
        signature("classify", [("y", "scores", (1, 7, 7, 3))]),
        ("(1, n)", "(1, 7, 7, 3)"),
        ("cat", "dog", "Ägyptische Maus"),
    )


def _detections(boxes: list[list[float]], classes: list[int], scores: list[float]) -> Outputs:
    return outputs(b=[boxes], c=[classes], s=[scores], n=[len(classes)])


def _detect() -> Example:
    rows = [("b", "boxes", (1, 2, 4)), ("c", "classes", (1, 2)), ("s", "scores", (1, 2)), ("n", "count", (1,))]
    wrong = [("b", "boxes", (1, 2, 5)), *rows[1:]]
    boxes = [[0.2, 0.1, 0.6, 0.4], [0.3, 0.5, 0.9, 0.9]]
    corners = np.asarray([[30, 40, 120, 120], [150, 60, 270, 180]], np.float32)
    return Example(
        signature("detect", rows, "tflite_detection", classes=2),
        _detections(boxes, [0, 1], [0.9, 0.8]),
        _detections([boxes[0], [0.1, 0.5, 0.5, 0.9]], [0, 1], [0.9, 0.8]),
        Truth(corners, np.asarray([0, 1]), np.zeros(2, bool)),
        signature("detect", wrong, "tflite_detection"),
        ("(1, n, 4)", "(1, 2, 5)"),
        ("cat", "dog"),
    )


def _segment() -> Example:
    reference = np.zeros((1, 8, 12, 3), np.float32)
    reference[..., :6, 1] = 1
    candidate = reference.copy()
    candidate[:, 3:5, :, 2] = 2
    truth = np.zeros((FRAME[1], FRAME[0]), np.uint8)
    truth[:, : FRAME[0] // 2] = 1
    return Example(
        signature("segment", [("y", "mask", (1, 8, 12, 3))]),
        outputs(y=reference),
        outputs(y=candidate),
        truth,
        signature("segment", [("y", "mask", (1, 100))]),
        ("(1, rows, columns, channels)", "(1, 100)"),
        ("background", "cat", "dog"),
    )


def _keypoints() -> Example:
    points = [[0.5, 0.5, 0.9], [0.3, 0.4, 0.8], [0.3, 0.6, 0.2]]
    moved = [[0.5, 0.5, 0.9], [0.5, 0.4, 0.8], [0.3, 0.6, 0.2]]
    return Example(
        signature("keypoints", [("y", "points", (1, 1, 3, 3))], "movenet", edges=[[0, 1], [0, 2]]),
        outputs(y=[[points]]),
        outputs(y=[[moved]]),
        [(150.0, 100.0), (120.0, 60.0), (180.0, 60.0)],
        signature("keypoints", [("y", "points", (1, 1, 3, 4))], "movenet"),
        ("(1, 1, k, 3)", "(1, 1, 3, 4)"),
        ("nose", "left eye", "right eye"),
    )


def _embed() -> Example:
    return Example(
        signature("embed", [("y", "embedding", (1, 16))]),
        outputs(y=[np.sin(np.arange(16))]),
        outputs(y=[np.sin(np.arange(16) + 1)]),
        None,
        signature("embed", [("y", "embedding", (1, 4, 4, 16))]),
        ("(1, n)", "(1, 4, 4, 16)"),
    )


def _regress() -> Example:
    return Example(
        signature("regress", [("yaw", "value", (1, 1)), ("pitch", "value", (1, 1))], units=["deg", ""]),
        outputs(yaw=[[3.25]], pitch=[[-14.5]]),
        outputs(yaw=[[3.5]], pitch=[[-14.5]]),
        (3.25, -14.5),
        signature("regress", [("y", "value", (1, 2))], units=["deg"]),
        ("2 texts", "['deg']"),
    )


def _image() -> Example:
    picture = np.random.default_rng(3).uniform(0, 1, (1, 2 * HEIGHT, 2 * WIDTH, 3)).astype(np.float32)
    return Example(
        signature("image", [("y", "image", picture.shape)], range=[0, 1]),
        outputs(y=picture),
        outputs(y=np.clip(picture + 0.1, 0, 1)),
        None,
        signature("image", [("y", "image", (1, 64, 96, 4))]),
        ("3 channel(s)", "(1, 64, 96, 4)"),
    )


def _raw() -> Example:
    return Example(
        signature("raw", [("state", "tensor", (1, 300)), ("word", "tensor", (1, 1))]),
        outputs(state=[np.linspace(-1, 1, 300)], word=[[0.5]]),
        outputs(state=[np.linspace(-1, 1.1, 300)], word=[[0.5]]),
        None,
        signature("raw", [("y", "tensor", (1, 3))], top=3),
        ("known: none", "'top'"),
    )


EXAMPLES: Mapping[str, Any] = {
    "classify": _classify,
    "detect": _detect,
    "segment": _segment,
    "keypoints": _keypoints,
    "embed": _embed,
    "regress": _regress,
    "image": _image,
    "raw": _raw,
}
