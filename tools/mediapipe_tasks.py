"""What MediaPipe Tasks find in pictures. This script runs in an environment with ``mediapipe`` and without EdgeKit.

    python mediapipe_tasks.py classify|detect|segment MODEL FOLDER PICTURE…

It writes ``answers.json`` into FOLDER, with one entry for each picture, and ``N.npy`` for the mask of picture N. A
model that MediaPipe refuses ends it with MediaPipe's message. ``tools.mediapipe_agreement`` reads the answers.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import vision


def classify(task: Any, image: Any, mask: Path) -> list[Any]:
    """Return [label, score] of every class, best first."""
    rows = task.classify(image).classifications[0].categories
    return [[row.category_name, row.score] for row in rows]


def detect(task: Any, image: Any, mask: Path) -> list[Any]:
    """Return [label, score, [left, top, right, bottom]] of every box, in pixels, best first."""
    found = []
    for one in task.detect(image).detections:
        box, best = one.bounding_box, one.categories[0]
        corners = [box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height]
        found.append([best.category_name, best.score, corners])
    return found


def segment(task: Any, image: Any, mask: Path) -> list[str]:
    """Write the class of every pixel, (height, width) uint8, and return the labels."""
    np.save(mask, task.segment(image).category_mask.numpy_view().squeeze())
    return list(task.labels)


def segmenter(model: str) -> Any:
    """Return an ImageSegmenter that gives the class of every pixel, which it does not by default."""
    base = mediapipe.tasks.BaseOptions(model_asset_path=model)
    options = vision.ImageSegmenterOptions(base_options=base, output_category_mask=True)
    return vision.ImageSegmenter.create_from_options(options)


TASKS: dict[str, tuple[Callable[[str], Any], Callable[[Any, Any, Path], Any]]] = {
    "classify": (vision.ImageClassifier.create_from_model_path, classify),
    "detect": (vision.ObjectDetector.create_from_model_path, detect),
    "segment": (segmenter, segment),
}


def main(words: list[str]) -> None:
    """Run one task on the pictures."""
    name, model, folder, *pictures = words
    make, ask = TASKS[name]
    out = Path(folder)
    with make(model) as task:
        answers = [
            ask(task, mediapipe.Image.create_from_file(picture), out / f"{index}.npy")
            for index, picture in enumerate(pictures)
        ]
    (out / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1:])
