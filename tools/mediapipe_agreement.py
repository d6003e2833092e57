"""``python -m tools.mediapipe_agreement PYTHON MODEL PICTURE…`` compares MediaPipe's answers with EdgeKit's.

PYTHON is the interpreter of an environment with ``mediapipe``. MODEL is a ``.tflite`` file with metadata, which both
open without an option. Some differences are MediaPipe's own:

- It resizes pictures with the same interpolation, but at other places: the corner of its pixel, not the centre. With
  ``--same-resize`` EdgeKit's network sees what MediaPipe's sees.
- It suppresses overlapping boxes with a fixed threshold over all classes. EdgeKit is told to do the same here.
- Its boxes are whole pixels, and a box that begins outside the picture is moved inside with its size kept.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

import edge
from edge.cli import _main
from edge.errors import InputError
from edge.imaging import Image
from edge.results import Prediction, Result
from edge.session import Session

SCRIPT = Path(__file__).with_name("mediapipe_tasks.py")
SECONDS = 300

LEAST_IOU = 0.9
"""Boxes with this overlap count as the same."""

SUPPRESSION = {"nms": "class_agnostic", "iou_threshold": 0.3, "clip": False}
"""How MediaPipe's ObjectDetector suppresses boxes unless it is told otherwise."""


class Agreement(NamedTuple):
    """How well two answers for one picture agree.

    Attributes:
        same: whether the best class is the same; for detections and masks always true.
        score: the largest difference of the scores that both give.
        share: the share of boxes with a box of the same class and IoU 0.9, or of equal pixels, from 0 to 1.
        total: the number of boxes or pixels; 1 for a class.
        iou: the mean IoU of the boxes that were found; 1 where there are none.
    """

    same: bool
    score: float
    share: float
    total: int
    iou: float = 1.0


def refusal(python: str, task: str, model: Path) -> str:
    """Return the line with which MediaPipe refuses a model, or an empty text when it opens it."""
    with tempfile.TemporaryDirectory() as folder:
        return _last_line(_run(python, task, model, Path(folder), ()))


def compare(python: str, model: Path, pictures: Sequence[Path], same_resize: bool = False) -> list[Agreement]:
    """Return how well MediaPipe and EdgeKit agree on each picture.

    Args:
        python: the interpreter of an environment with ``mediapipe``.
        model: the ``.tflite`` file.
        pictures: the picture files.
        same_resize: whether pictures are resized as MediaPipe does before EdgeKit sees them.

    Raises:
        InputError: a picture cannot be read, or MediaPipe cannot run the model.
    """
    with _opened(model) as net, tempfile.TemporaryDirectory() as scratch:
        signature, folder = net.signature, Path(scratch)
        given = [_pixels(picture) for picture in pictures]
        written = [folder / f"{index}.png" for index in range(len(given))]
        for path, pixels in zip(written, given, strict=True):
            cv2.imwrite(str(path), pixels)
        done = _run(python, signature.task.name, model, folder, written)
        if done.returncode:
            raise InputError(f"MediaPipe does not run {model}: {_last_line(done)}")
        answers = json.loads((folder / "answers.json").read_text())
        least = float(signature.task.parameters.get("score_threshold", 0.0))
        see = _as_mediapipe if same_resize else Session.__call__
        return [
            _agreement(see(net, pixels), pixels.shape[1::-1], answer, least, folder / f"{index}.npy")
            for index, (pixels, answer) in enumerate(zip(given, answers, strict=True))
        ]


def _as_mediapipe(net: Session, pixels: Image) -> Result:
    """Return the result for a picture that is resized as MediaPipe resizes it, in the picture's own pixels."""
    assert net.signature.image is not None
    (height, width), size = pixels.shape[:2], net.signature.image.size
    corners = np.asarray([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    ours, theirs = (corners * np.asarray(side, np.float32) for side in ((width, height), size))
    to_input = cv2.getPerspectiveTransform(ours, theirs)
    seen = cv2.warpPerspective(pixels, to_input, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    result = net(np.asarray(seen, np.uint8))
    if result.mask is not None:
        classes = cv2.resize(result.mask.classes, (width, height), interpolation=cv2.INTER_NEAREST)
        return replace(result, mask=replace(result.mask, classes=classes))
    scale = np.asarray((width, height) * 2) / (size * 2)
    return replace(result, predictions=tuple(_scaled(one, scale) for one in result.predictions))


def _scaled(one: Prediction, scale: Any) -> Prediction:
    if one.box is None:
        return one
    left, top, right, bottom = (float(value) for value in np.asarray(one.box) * scale)
    return replace(one, box=(left, top, right, bottom))


def _opened(model: Path) -> Session:
    """Return the network, with MediaPipe's suppression where it is a detector with anchors."""
    net = edge.load(model)
    if net.signature.task.decoder != "ssd":
        return net
    net.close()
    return edge.load(model, parameters=SUPPRESSION)


def _run(python: str, task: str, model: Path, folder: Path, pictures: Sequence[Path]) -> Any:
    words = [python, str(SCRIPT), task, str(model), str(folder), *map(str, pictures)]
    return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)


def _last_line(done: Any) -> str:
    lines: list[str] = [line for line in done.stderr.splitlines() if line.strip()] if done.returncode else []
    errors: list[str] = [line for line in lines if "Error: " in line]
    return (errors or lines or [""])[-1]


def _pixels(picture: Path) -> Image:
    """Return a picture of three channels."""
    pixels = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError(f"picture {picture} cannot be read")
    return np.asarray(pixels, np.uint8)


def _agreement(result: Result, size: tuple[int, int], answer: Any, least: float, path: Path) -> Agreement:
    if result.task == "classify":
        return of_classes(result.predictions, answer)
    if result.task == "detect":
        return of_boxes(result.predictions, [row for row in answer if row[1] >= least], size)
    assert result.mask is not None
    mask = np.load(path)
    return Agreement(True, 0.0, float((result.mask.classes == mask).mean()), mask.size)


def of_classes(own: Sequence[Prediction], other: Sequence[Any]) -> Agreement:
    """Compare the best classes; ``other`` has rows [label, score]. Of equal scores each may be the best."""
    scores = dict(map(tuple, reversed(other)))  # of two classes with the same name the better one counts
    score = scores[own[0].label]
    return Agreement(score == other[0][1], abs(own[0].score - score), 1.0, 1)


def of_boxes(own: Sequence[Prediction], other: Sequence[Any], size: tuple[int, int]) -> Agreement:
    """Compare detections in a picture of a width and height.

    ``other`` has rows [label, score, corners]. Each is matched with the nearest box of its class.
    """
    ious, scores = [], [0.0]
    boxes = [_whole(one.box, size) for one in own]
    for label, score, corners in other:
        box = _clipped(corners, size)
        fitting = [(_iou(mine, box), one.score) for one, mine in zip(own, boxes, strict=True) if one.label == label]
        iou, near = max(fitting, default=(0.0, 0.0))
        ious.append(iou)
        if iou >= LEAST_IOU:
            scores.append(abs(near - score))
    share = float(np.mean(np.asarray(ious) >= LEAST_IOU)) if ious else 1.0
    return Agreement(True, max(scores), share, len(ious), float(np.mean(ious)) if ious else 1.0)


def _whole(box: Any, size: tuple[int, int]) -> Any:
    """Return a box in whole pixels as MediaPipe has them: left, top, width and height without their fractions."""
    left, top, right, bottom = box
    corner = np.trunc((left, top))
    return _clipped((*corner, *(corner + np.trunc((right - left, bottom - top)))), size)


def _clipped(corners: Any, size: tuple[int, int]) -> Any:
    return np.clip(np.asarray(corners, float), 0, (*size, *size))


def _iou(first: Any, second: Any) -> float:
    a, b = first, second
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    common = float(np.prod(sides))
    return common / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common, 1e-9)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser("python -m tools.mediapipe_agreement", description=__doc__)
    p.add_argument("python", metavar="PYTHON", help="interpreter of an environment with mediapipe")
    p.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file with metadata")
    p.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    p.add_argument("--same-resize", action="store_true", help="resize as MediaPipe does before EdgeKit sees a picture")
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command: one line for each picture, and one for all."""
    found = compare(a.python, a.model, a.pictures, a.same_resize)
    for picture, one in zip(a.pictures, found, strict=True):
        print(
            f"{picture.name}: best class {'the same' if one.same else 'another'}, scores within {one.score:.3f}, "
            f"{100 * one.share:.2f} % of {one.total}, mean IoU {one.iou:.3f}"
        )
    total = max(1, sum(one.total for one in found))
    share = sum(one.share * one.total for one in found) / total
    print(
        f"all {len(found)}: best class the same in {sum(one.same for one in found)}, "
        f"scores within {max(one.score for one in found):.3f}, {100 * share:.2f} % of {total}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    raise SystemExit(main())
