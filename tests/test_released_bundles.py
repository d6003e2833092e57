"""Bundles that were released once still open and still answer: one of each is kept in ``tests/released``."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
from edge import golden
from edge.bundle import open_bundle
from tools import upgrade

FOLDER = Path(__file__).with_name("released")
BUNDLES = sorted(FOLDER.glob("*.edge"))
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def picture():
    """Return a blue sky over green land with a white spot."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:40], image[40:] = (230, 160, 90), (40, 120, 60)
    return cv2.circle(image, (30, 25), 8, (250, 250, 250), -1)


def test_there_are_some():
    assert [path.name for path in BUNDLES] == ["mobilenet_v2_cifar10_int8.edge", "shufflenet_v2_cifar10_int8.edge"]


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_schema_1_becomes_a_signature(path):
    manifest = open_bundle(path).manifest
    assert (manifest.schema, manifest.labels) == (1, CLASSES)
    (image,), (scores,) = manifest.signature.inputs, manifest.signature.outputs
    assert (image.kind, image.shape, image.size) == ("image", (1, 32, 32, 3), (32, 32))
    assert (scores.role, scores.shape) == ("scores", (1, 10))
    assert manifest.signature.task.name == "classify"
    assert {a.target for a in manifest.artifacts} == {"cpu"}


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_it_answers_as_the_same_bundle_of_schema_2_does(path, tmp_path):
    new = tmp_path / "new.edge"
    assert upgrade.main([str(path), str(new)]) == 0
    with edge.load(path) as old, edge.load(new) as upgraded:
        before, after = old(picture()).predictions, upgraded(picture()).predictions
        assert before == after
        assert 0 < before[0].score <= 1
        assert golden.check(upgraded) == {"scores": 0.0}
    assert open_bundle(new).manifest.schema == 2
