"""MediaPipe Tasks open our files without an option, and find what EdgeKit finds.

``EDGE_MEDIAPIPE`` names the interpreter of an environment with ``mediapipe`` 1.x: it pins versions of its own, and is
no part of ours. EdgeKit sees pictures that are resized as MediaPipe does, so that the metadata is compared and not two
ways to resize; docs/metadata.md has the figures for both.
"""

import os
import shutil

import cv2
import numpy as np
import pytest

from edge.backends import open_model
from edge.cli import convert
from edge.deploy import metadata
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.manifest import Artifact, StoredFile
from edge.recognize import Asked, recognize
from edge.results import Prediction
from tests.deploy.metadata.files import described, refused
from tests.shared import needs_shared, shared
from tools.mediapipe_agreement import compare, of_boxes, of_classes, refusal

PYTHON = os.environ.get("EDGE_MEDIAPIPE", "")
needs_mediapipe = pytest.mark.skipif(
    not shutil.which(PYTHON), reason="EDGE_MEDIAPIPE must name a Python with mediapipe"
)

SCORE, PIXELS = 0.03, 0.99
"""The most that a score may differ, and the least share of equal pixels, as MediaPipe's mask is interpolated."""

BOXES = 0.95
"""MediaPipe moves boxes that begin outside the picture; those are a few of a hundred."""


def whole(label, score, *corners):
    return Prediction(label, score, 0, corners)


def test_the_same_classes():
    own = [Prediction("cat", 0.8, 0)]
    assert of_classes(own, [["cat", 0.75], ["dog", 0.2]])[:2] == (True, pytest.approx(0.05))
    assert of_classes(own, [["dog", 0.5], ["cat", 0.4]])[:2] == (False, pytest.approx(0.4))


@pytest.mark.parametrize(
    ("other", "share", "score"),
    [
        pytest.param([["a", 0.5, [10, 10, 30, 30]]], 1.0, 0.1, id="the same in whole pixels"),
        pytest.param([["b", 0.5, [10, 10, 30, 30]]], 0.0, 0.0, id="another class"),
        pytest.param([["a", 0.5, [10, 10, 20, 30]]], 0.0, 0.0, id="another box"),
        pytest.param([["a", 0.6, [10, 10, 30, 30]], ["b", 0.7, [50, 50, 120, 90]]], 1.0, 0.0, id="beyond the edge"),
        pytest.param([], 1.0, 0.0, id="nothing"),
    ],
)
def test_the_same_boxes(other, share, score):
    own = [whole("a", 0.6, 10.2, 10.7, 30.6, 31.1), whole("b", 0.7, 50, 50, 100, 90)]
    found = of_boxes(own, other, (100, 100))
    assert (found.share, found.score) == (share, pytest.approx(score))


def converted(name, folder, *options):
    """Return the float32 file of a bundle that edge-convert makes of a released network."""
    out = folder / name
    assert convert.main([f"zoo:{name}", "--out", str(out), "--tflite", "float32", *options]) == 0
    return out / "model_float32.tflite"


def with_our_metadata(source, folder, labels=(), **form):
    """Return a copy of a published file with the metadata that we would write."""
    path = folder / source.name
    shutil.copy(source, path)
    with open_model(path) as model:
        found = recognize(path, model.inputs, model.outputs, Asked(format=form, labels=len(labels) or None))
    artifact = Artifact("tflite", "float32", (StoredFile(path.name),))
    names = labels or found.labels
    metadata.add([ConvertedArtifact(path, artifact)], "net", found.signature, names, refused)
    return path


def photographs():
    return [shared("images", name) for name in ("cat.bmp", "bird.bmp", "parrot.jpg", "grace_hopper.bmp", "pets.jpg")]


@needs_mediapipe
@needs_shared
@pytest.mark.slow
def test_a_released_classifier(tmp_path):
    found = compare(PYTHON, converted("mobilenet_v2_cifar10", tmp_path), photographs(), same_resize=True)
    assert all(one.same and one.score <= SCORE for one in found)


@needs_mediapipe
@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("ours", [False, True], ids=["its own metadata", "ours"])
def test_a_classifier_of_a_thousand_classes(ours, tmp_path):
    """The scores are compared at the network's size: its 8 bits make much of a pixel that is rounded otherwise."""
    path = shared("models", "coral", "mobilenet_v2_1.0_224_quant.tflite")
    path = with_our_metadata(path, tmp_path) if ours else path
    assert all(one.same for one in compare(PYTHON, path, photographs()))
    pictures = [tmp_path / f"{picture.stem}.png" for picture in photographs()]
    for picture, written in zip(photographs(), pictures, strict=True):
        cv2.imwrite(str(written), cv2.resize(cv2.imread(str(picture)), (224, 224), interpolation=cv2.INTER_AREA))
    assert all(one.same and one.score <= SCORE for one in compare(PYTHON, path, pictures))


@needs_mediapipe
@pytest.mark.slow
def test_a_released_detector(tmp_path):
    """It sees drawn cells on a slide, so that boxes are found without the data set."""
    rng, pictures = np.random.default_rng(0), [tmp_path / f"{number}.png" for number in range(5)]
    for path in pictures:
        slide = np.full((480, 640, 3), (190, 200, 210), np.uint8)
        for x, y in rng.integers(40, 440, (25, 2)):
            cv2.circle(slide, (int(x * 1.4), int(y)), 45, (120, 130, 190), -1)
            cv2.circle(slide, (int(x * 1.4), int(y)), 15, (150, 160, 200), -1)
        cv2.imwrite(str(path), cv2.GaussianBlur(slide, (9, 9), 0))
    found = compare(PYTHON, converted("ssdlite_shufflenet_v2_bccd", tmp_path), pictures, same_resize=True)
    boxes = sum(one.total for one in found)
    assert boxes > 20
    assert sum(one.share * one.total for one in found) >= BOXES * boxes
    assert all(one.score <= SCORE for one in found)


@needs_mediapipe
@needs_shared
@pytest.mark.slow
def test_a_segmenter(tmp_path):
    path = shared("models", "wild", "portrait_segmentation.tflite")
    path = with_our_metadata(path, tmp_path, ("background", "person"), mean=(0.0,), std=(255.0,))
    found = compare(PYTHON, path, photographs(), same_resize=True)
    assert sum(one.share * one.total for one in found) >= PIXELS * sum(one.total for one in found)


@needs_mediapipe
@pytest.mark.slow
def test_mediapipe_refuses_int8_inputs_in_one_line(tmp_path):
    path = described("mobilenet_v2_cifar10", tmp_path)[1]
    assert "uint8/float32, got INT8" in refusal(PYTHON, "classify", path)
