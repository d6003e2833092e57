"""One small network for each task with what its training would have left beside it, and a drawn set for it.

The weights are random, with the statistics of one batch, so that the outputs are of an ordinary size.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

from edge.models import build
from edge.models.training.text import vocabulary
from edge.scenes.box_set import write_boxes
from edge.scenes.faces import write_faces
from edge.scenes.keypoint_set import write_keypoints
from edge.scenes.mask_set import write_masks
from edge.scenes.motions import MOTIONS, write_clips
from edge.scenes.sentences import write_sentences
from edge.scenes.tones import LABELS, write_sounds
from tests import zoo

SENTENCE = 8
"""Words that the text network reads."""

PIXELS = {"mean": [127.5], "std": [127.5]}


@dataclass(frozen=True)
class Case:
    """One network.

    Attributes:
        make: builds it.
        draw: writes a small set for it.
        record: of its training, beside what all records have.
        tokens: the largest of an input of tokens; 0 for real numbers.
    """

    make: Callable[[], Any]
    draw: Callable[[Path], None]
    record: dict[str, Any]
    tokens: int = 0


def of_zoo(name: str, *arguments: Any, **options: Any) -> Callable[[], Any]:
    return lambda: build(name, *arguments, **options)


def features(stride: int = 4, shape: tuple[int, ...] = (32, 32, 3)) -> tuple[Any, Any]:
    """Return an input and a map of it, ``stride`` times smaller."""
    entry = keras.Input(shape, name="image")
    x = entry
    for step in range(stride.bit_length() - 1):
        x = keras.layers.Conv2D(8, 3, 2, "same", activation="relu", name=f"conv{step}")(x)
    return entry, x


def tiny_detector() -> Any:
    """Four anchors at each of 2 x 2 places, two classes behind the background."""
    entry, x = features(16)
    boxes = keras.layers.Reshape((16, 4), name="boxes")(keras.layers.Conv2D(16, 1)(x))
    scores = keras.layers.Reshape((16, 3))(keras.layers.Conv2D(12, 1)(x))
    return keras.Model(entry, [boxes, keras.layers.Softmax(name="scores")(scores)])


def tiny_segmenter() -> Any:
    entry, x = features(1, (32, 32, 1))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    return keras.Model(entry, keras.layers.Softmax(name="probabilities")(keras.layers.Conv2D(3, 1)(x)))


def tiny_pose() -> Any:
    entry, x = features(4)
    return keras.Model(entry, keras.layers.Conv2D(5, 1, name="heatmaps")(x))


def tiny_embedder() -> Any:
    entry, x = features(4)
    return keras.Model(entry, keras.layers.Dense(16, name="vector")(keras.layers.GlobalAveragePooling2D()(x)))


ANCHORS = {"strides": [16], "ratios": [2.0], "scales": [0.3, 0.7]}
LARGER = {"strides": [16, 32], "ratios": [2.0], "scales": [0.3, 0.7]}
SHAPES = ("disc", "ring")
POINTS = {"names": ["head", "left_hand", "right_hand", "left_foot", "right_foot"], "edges": []}
SPEAKERS = {"train": [], "report": []}
MFCC = {"sound": {"rate": 8000, "samples": 8000, "kind": "mfcc", "hop": 380}, "speakers": SPEAKERS}
WAVE = {"sound": {"rate": 8000, "samples": 1024, "kind": "waveform"}, "speakers": SPEAKERS}
WORDS = {"text": {"vocabulary": "vocabulary.txt", "length": SENTENCE}}
CLASSES_OF_CLIPS, CLASSES_OF_SOUNDS = len(MOTIONS), len(LABELS)


def boxes(to: Path) -> None:
    write_boxes(to, 6, 4, 64, classes=SHAPES)


def masks(to: Path) -> None:
    write_masks(to, 6, 2, 48, classes=SHAPES)


def points(to: Path) -> None:
    write_keypoints(to, 6, 4, 64)


def faces(to: Path) -> None:
    write_faces(to, 3, 2, 3, 32)


def sounds(to: Path) -> None:
    write_sounds(to, 3, 2)


FAST = {
    "detect": Case(tiny_detector, boxes, {**PIXELS, "anchors": ANCHORS}),
    "segment": Case(tiny_segmenter, masks, {**PIXELS, "view": "resize"}),
    "windows": Case(tiny_segmenter, masks, {**PIXELS, "view": "crop"}),
    "keypoints": Case(tiny_pose, points, {**PIXELS, "keypoints": POINTS}),
    "embed": Case(tiny_embedder, faces, {**PIXELS, "embedding": {"people": 3}}),
    "sound": Case(of_zoo("ds_cnn", (20, 10, 1), CLASSES_OF_SOUNDS, 0.25), sounds, MFCC),
    "text": Case(
        of_zoo("text_cnn", (SENTENCE,), 2, 0.25, vocabulary=40, embedding=8),
        lambda to: write_sentences(to, 20, 8),
        WORDS,
        40,
    ),
}

SLOW = {
    "ssdlite": Case(
        of_zoo("ssdlite_mobilenet_v2", (64, 64, 3), 2, 0.25, strides=(16, 32), ratios=(2.0,)),
        boxes,
        {**PIXELS, "anchors": LARGER},
    ),
    "unet": Case(of_zoo("unet", (32, 32, 1), 3, 0.1), masks, {**PIXELS, "view": "crop"}),
    "poses": Case(of_zoo("keypoints_mobilenet_v2", (64, 64, 3), 5, 0.25), points, {**PIXELS, "keypoints": POINTS}),
    "faces": Case(
        of_zoo("mobilefacenet", (32, 32, 3), 16, 0.25, downsample=4), faces, {**PIXELS, "embedding": {"people": 3}}
    ),
    "waveform": Case(of_zoo("m5", (1024, 1), CLASSES_OF_SOUNDS, 0.25), sounds, WAVE),
    "clip": Case(
        of_zoo("c3d", (16, 32, 32, 3), CLASSES_OF_CLIPS, 0.1),
        lambda to: write_clips(to, 2, 1, 16, 32),
        {**PIXELS, "clip": {"step": 0}},
    ),
}


def saved(case: Case, folder: Path) -> Path:
    """Write model.keras, train.json and what belongs to it into ``folder``; return the model's path."""
    keras.utils.set_random_seed(7)
    model = case.make()
    rng = np.random.default_rng(0)
    shape = tuple(model.input_shape[1:])
    tokens = rng.integers(0, case.tokens or 1, (16, *shape)).astype(np.int32)
    zoo.settle(model, tokens if case.tokens else rng.normal(size=(16, *shape)).astype(np.float32))
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    record = {"network": model.name, "input_shape": list(shape), **case.record}
    (folder / "train.json").write_text(json.dumps(record))
    if case.tokens:
        words = [*vocabulary.RESERVED, *(f"word{number}" for number in range(case.tokens - 2))]
        (folder / "vocabulary.txt").write_text("".join(f"{word}\n" for word in words))
    return folder / "model.keras"
