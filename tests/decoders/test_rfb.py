"""The priors of Ultra-Light-Fast against its authors' loops, and its three files on one picture."""

import itertools
import math

import numpy as np
import pytest

from edge.decoders.rfb import Rfb, prior_count, priors, recognize
from edge.errors import InputError
from tests.decoders.heads import assert_found, decode, detections, image, signature, spec
from tests.shared import needs_shared


def authors_priors(width, height):
    """Return centre x, centre y, width, height, as vision/ssd/config/fd_config.py and box_utils.py make them."""
    boxes = [[10, 16, 24], [32, 48], [64, 96], [128, 192, 256]]
    maps = [[math.ceil(size / stride) for stride in (8, 16, 32, 64)] for size in (width, height)]
    found = []
    for index in range(4):
        columns, rows = maps[0][index], maps[1][index]
        for j, i in itertools.product(range(rows), range(columns)):
            for box in boxes[index]:
                found.append([(i + 0.5) / columns, (j + 0.5) / rows, box / width, box / height])
    return np.clip(found, 0, 1)


@pytest.mark.parametrize(("size", "count"), [((320, 240), 4420), ((640, 480), 17640), ((128, 96), 708)])
def test_priors_are_the_authors(size, count):
    found = priors(size)
    assert len(found) == prior_count(size) == count
    np.testing.assert_allclose(found[:, [1, 0, 3, 2]], authors_priors(*size), rtol=1e-6)


def test_offsets_are_decoded_as_the_authors_do():
    size = (128, 96)
    known = authors_priors(*size)
    offsets = np.random.default_rng(0).normal(0, 1, (len(known), 4)).astype(np.float32)
    scores = np.random.default_rng(1).random((len(known), 2)).astype(np.float32)
    found = decode("rfb", {"b": ("boxes", [offsets]), "s": ("scores", [scores])}, size)
    centres = offsets[:, :2] * 0.1 * known[:, 2:] + known[:, :2]
    sides = np.exp(offsets[:, 2:] * 0.2) * known[:, 2:]
    expected = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1) * (*size, *size)
    np.testing.assert_allclose(found.boxes, expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found.scores, scores[:, 1:])


def test_boxes_that_the_graph_has_decoded_are_corners_in_fractions():
    size = (128, 96)
    boxes = np.tile(np.array([0.25, 0.5, 0.75, 1.0], np.float32), (708, 1))
    outputs = {"b": ("boxes", [boxes]), "s": ("scores", np.ones((1, 708, 2)))}
    np.testing.assert_allclose(decode("rfb", outputs, size, decoded=True).boxes[0], [32, 48, 96, 96])


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"4420 priors for an input of 320x240.*got \(1, 4421, 4\) and \(1, 4420, 2\)"):
        Rfb(signature("rfb", {"b": ("boxes", (1, 4421, 4)), "s": ("scores", (1, 4420, 2))}, (320, 240)))


@pytest.mark.parametrize(
    ("ends", "decoded"),
    [(("softmax", "linear"), False), (("softmax", "mixed"), True), (("softmax", None), None)],
)
def test_what_made_the_boxes_tells_whether_they_are_decoded(ends, decoded):
    rows = [spec("scores", (1, 4420, 2)), spec("boxes", (1, 4420, 4))]
    found = recognize([image((320, 240))], rows, ends)
    assert (found and found.task.parameters) == (None if decoded is None else {"decoded": decoded})


@needs_shared
@pytest.mark.parametrize(
    "name",
    [
        "version-RFB-320.onnx",
        "version-RFB-320_without_postprocessing.onnx",
        "version-RFB-320_without_postprocessing.tflite",
    ],
)
def test_the_published_detectors(name):
    found = detections(name, "grace_hopper.bmp")
    assert_found(found, (172, 121, 357, 334), 1.0)
    assert len(found[1]) == 1
