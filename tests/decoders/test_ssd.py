"""SSD heads against loops over the paper's formulas, and a published detector."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders import anchors as boxes_of
from edge.decoders import ssd
from edge.decoders.select import Selection, select
from edge.decoders.ssd import anchors_from, recognize, roles
from edge.errors import InputError
from tests.decoders.heads import assert_found, decode, detections, image, signature, spec
from tests.shared import needs_shared

ANCHORS = [[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.25], [0.5, 0.5, 0.2, 0.2]]
SIZE = (64, 48)


def plain(offset, anchor, centre=0.1, side=0.2):
    """Return x0, y0, x1, y1 in pixels of one offset y, x, h, w from one anchor: SSD, section 2.2, in Python numbers."""
    y = offset[0] * centre * anchor[2] + anchor[0]
    x = offset[1] * centre * anchor[3] + anchor[1]
    h = math.exp(offset[2] * side) * anchor[2]
    w = math.exp(offset[3] * side) * anchor[3]
    return [(x - w / 2) * SIZE[0], (y - h / 2) * SIZE[1], (x + w / 2) * SIZE[0], (y + h / 2) * SIZE[1]]


def ran(offsets, scores, /, **parameters):
    outputs = {"boxes": ("boxes", [offsets]), "scores": ("scores", [scores])}
    return decode("ssd", outputs, SIZE, **{"anchors": ANCHORS, **parameters})


OFFSETS = np.random.default_rng(0).normal(0, 2, (3, 4)).astype(np.float32)
SCORES = np.array([[0.1, 0.9, 0.0], [0.2, 0.1, 0.7], [0.8, 0.1, 0.1]], np.float32)


def test_boxes_are_those_of_the_formula():
    found = ran(OFFSETS, SCORES, clip=False)
    expected = [plain(offset, anchor) for offset, anchor in zip(OFFSETS.tolist(), ANCHORS, strict=True)]
    np.testing.assert_allclose(found.boxes, expected, rtol=1e-5, atol=1e-4)  # float32 of some hundred pixels
    np.testing.assert_array_equal(found.scores, SCORES[:, 1:])
    assert not found.suppressed
    assert found.points is None


def test_variances_and_the_other_order_of_offsets():
    swapped = OFFSETS[:, [1, 0, 3, 2]]
    np.testing.assert_array_equal(ran(swapped, SCORES, offsets="xywh").boxes, ran(OFFSETS, SCORES).boxes)
    found = ran(OFFSETS * 0.1, SCORES, variances=[1, 2])
    np.testing.assert_allclose(found.boxes, ran(OFFSETS, SCORES).boxes, rtol=1e-4, atol=1e-3)


def test_scores_without_a_background_column_and_with_an_activation():
    np.testing.assert_array_equal(ran(OFFSETS, SCORES, background=False).scores, SCORES)
    soft = ran(OFFSETS, SCORES, activation="softmax").scores
    expected = [[math.exp(v) / sum(math.exp(u) for u in row) for v in row[1:]] for row in SCORES.tolist()]
    np.testing.assert_allclose(soft, expected, rtol=1e-6)
    some = ran(OFFSETS, SCORES - 0.5, activation="sigmoid", background=False).scores
    np.testing.assert_allclose(some, 1 / (1 + np.exp(0.5 - SCORES)), rtol=1e-6)


def test_boxes_are_cut_off_at_the_border_unless_told_otherwise():
    far = np.tile([[-40.0, 40.0, 0.0, 0.0]], (3, 1))
    whole, cut = ran(far, SCORES, clip=False).boxes, ran(far, SCORES).boxes
    np.testing.assert_allclose(cut, np.clip(whole, 0, (*SIZE, *SIZE)), atol=1e-4)
    assert not np.allclose(whole, cut)


def test_from_offsets_to_detections():
    # The third anchor's background wins; nothing else is above 0.3.
    found = select(ran(np.zeros((3, 4)), SCORES), Selection())
    np.testing.assert_allclose(found.boxes, [[0, 0, 32, 24], [40, 24, 56, 48]], atol=1e-4)
    assert found.classes.tolist() == [0, 1]


def test_the_recipe_is_the_one_of_training():
    recipe = {"strides": [16, 32], "ratios": [2.0], "scales": [0.2, 0.5]}
    expected = boxes_of.anchors((48, 64, 3), (16, 32), (2.0,), (0.2, 0.5))
    np.testing.assert_array_equal(anchors_from(recipe, SIZE), expected)


def test_levels_by_hand():
    recipe = {"levels": [{"grid": [1, 2], "sizes": [[0.1, 0.2], [0.3, 0.4]]}, {"grid": [1, 1], "sizes": [[0.9, 0.9]]}]}
    expected = [
        [0.5, 0.25, 0.1, 0.2],
        [0.5, 0.25, 0.3, 0.4],
        [0.5, 0.75, 0.1, 0.2],
        [0.5, 0.75, 0.3, 0.4],
        [0.5, 0.5, 0.9, 0.9],
    ]
    np.testing.assert_allclose(anchors_from(recipe, SIZE), expected, rtol=1e-6)


@st.composite
def boxes_and_anchors(draw):
    """Boxes inside the input, each with an anchor of its own, sides from a pixel on."""
    side, centre = st.integers(4, 256), st.integers(0, 256)
    rows = draw(st.lists(st.tuples(centre, centre, side, side, centre, centre, side, side), min_size=1, max_size=6))
    table = np.array(rows, np.float32) / 256
    return boxes_of.corners(table[:, :4]), table[:, 4:]


@given(boxes_and_anchors())
@settings(max_examples=50, deadline=None)
def test_the_decoder_undoes_the_encoding_of_training(drawn):
    boxes, anchors = drawn
    offsets = boxes_of.encode(boxes, anchors)
    outputs = {"boxes": ("boxes", offsets[None]), "scores": ("scores", np.ones((1, len(boxes), 2)))}
    found = decode("ssd", outputs, SIZE, anchors=anchors.tolist(), clip=False)
    expected = boxes[:, [1, 0, 3, 2]] * (*SIZE, *SIZE)
    np.testing.assert_allclose(found.boxes, expected, atol=2e-3)  # float32, offsets up to some hundred


@pytest.mark.parametrize(
    ("boxes", "scores"),
    [((1, 2, 4), (1, 3, 3)), ((1, 3, 5), (1, 3, 3)), ((1, 3, 4), (1, 4, 3)), ((1, 3, 4), (1, 3, 1)), ((1, 3, 4), (3,))],
)
def test_outputs_that_do_not_fit_the_anchors_are_refused(boxes, scores):
    with pytest.raises(InputError) as caught:
        ssd.Ssd(signature("ssd", {"b": ("boxes", boxes), "s": ("scores", scores)}, SIZE, anchors=ANCHORS))
    assert "3 anchors must give boxes (1, 3, 4) and scores (1, 3, classes + 1), got" in str(caught.value)
    assert str(boxes) in str(caught.value)
    assert str(scores) in str(caught.value)


@pytest.mark.parametrize(
    ("anchors", "words"),
    [
        (None, "needs the parameter anchors"),
        ("default", "needs the parameter anchors.*got 'default'"),
        ([[0.1, 0.2, 0.3]], "rows of centre y"),
        ([[0.1, 0.2, 0.3, float("nan")]], "rows of centre y"),
        ({"levels": [{"grid": [2, 2]}]}, "levels of grid and sizes"),
        ({"levels": [{"grid": [1 << 20, 1 << 20], "sizes": [[1, 1]]}]}, "a grid of 1 to 2\\^20 places"),
        ({"levels": []}, "levels of grid"),
        ({"strides": [0], "ratios": [2.0]}, "strides of at least 1"),
        ({"strides": [8], "ratios": [-2.0]}, "ratios above 0"),
        ({"strides": [8], "scales": [0.9, 0.2]}, "0 < smallest <= largest"),
        ({"strides": "8"}, "strides must be some numbers"),
    ],
)
def test_anchors_that_are_none_are_refused(anchors, words):
    with pytest.raises(InputError, match=words):
        anchors_from(anchors, SIZE)


@pytest.mark.parametrize("name", ["offsets", "activation", "background", "variances"])
def test_parameters_that_are_none_are_refused(name):
    with pytest.raises(InputError, match=f"parameter {name} must be"):
        ran(OFFSETS, SCORES, **{name: "other"})


def test_roles_are_told_by_shapes_then_by_names():
    assert roles([spec("a", (1, 9, 3)), spec("b", (1, 9, 4))]) == ("scores", "boxes")
    assert roles([spec("class_probabilities", (1, 9, 4)), spec("bbox_locations", (1, 9, 4))]) == ("scores", "boxes")
    with pytest.raises(InputError, match=r"cannot tell boxes from scores.*parameter order"):
        roles([spec("a", (1, 9, 4)), spec("b", (1, 9, 4))])
    with pytest.raises(InputError, match="takes boxes"):
        roles([spec("a", (1, 9, 3)), spec("b", (1, 9, 5))])


def test_unknown_anchors_are_not_guessed():
    outputs = [spec("boxes", (1, 3234, 4)), spec("scores", (1, 3234, 4))]
    assert recognize([image((320, 320))], outputs, ("linear", "softmax")) is None


@needs_shared
def test_the_published_face_mask_detector():
    found = detections("face_mask_detection.tflite", "grace_hopper.bmp")
    assert_found(found, (187, 142, 353, 325), 0.999, number=1)
    assert len(found[1]) == 1
