"""The overlay on any frame size and with any result: it can be read, and it never raises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import tasks
from edge.results import Mask, Place, Pose, Prediction, Result
from edge.sinks.overlay import annotated
from edge.tasks import canvas, lettering, place_drawing

YARD = Place("yard", "zone", ((20.0, 60.0), (120.0, 60.0), (120.0, 200.0), (20.0, 200.0)), {"now": 1, "entered": 2})
DOOR = Place("door", "line", ((240.0, 240.0), (240.0, 0.0)), {"in": 3, "out": 1})
GREY = np.full((240, 320, 3), 128, np.uint8)


def test_places_are_drawn_with_their_counts():
    out = annotated(GREY, Result("detect", places=(YARD, DOOR)))
    for row, column in ((60, 70), (130, 20), (130, 120), (30, 240)):
        assert out[row, column] == pytest.approx(place_drawing.INK, abs=25)  # edges are smoothed
    line = lettering.line_height(GREY)
    caption = out[200 + 3 : 200 + line, 24:60]  # below the zone's lower edge
    assert (caption == canvas.DARK).all(axis=-1).mean() > 0.5
    assert (out[100, 60] != 128).any()  # a zone with an object is tinted
    assert (annotated(GREY, Result("detect", places=(Place("yard", "zone", YARD.points),)))[100, 60] == 128).all()


def test_captions_of_places_cover_no_caption_of_an_object():
    objects = tuple(
        Prediction("dog", 0.9, row, (left, top, left + 90.0, top + 30.0))
        for row, (left, top) in enumerate([(20.0, 216.0), (24.0, 60.0), (110.0, 200.0)])  # around the yard's edges
    )
    alone = annotated(GREY, Result("detect", objects))
    both = annotated(GREY, Result("detect", objects, places=(YARD,)))
    line = lettering.line_height(GREY)
    for one in objects:
        left, top = int(one.box[0]), int(one.box[1]) - line
        np.testing.assert_array_equal(
            both[top : top + line, left : left + 40], alone[top : top + line, left : left + 40]
        )
    dark = (both == canvas.DARK).all(axis=-1).sum() - (alone == canvas.DARK).all(axis=-1).sum()
    assert dark > 20 * line, "the yard's caption is there"


def test_the_arrow_of_a_line_points_to_where_in_is():
    out = annotated(GREY, Result("detect", places=(DOOR,)))
    inked = (np.abs(out[100:140].astype(int) - place_drawing.INK) < 25).all(axis=-1)
    assert inked[:, 243:].any()  # drawn upwards, so that in is to the right
    assert not inked[:, :237].any()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({"in": 3, "out": 1}, "door: 3 in, 1 out"), ({"now": 2}, "door: 2 now"), ({}, "door")],
)
def test_the_caption_states_the_counts(counts, expected):
    assert place_drawing.caption(Place("door", "line", DOOR.points, counts)) == expected


def test_a_track_keeps_its_colour():
    def colour(**fields):
        one = Prediction("dog", 0.9, 1, (100.0, 80.0, 200.0, 160.0), **fields)
        return annotated(GREY, Result("detect", (one,)))[120, 100].tolist()

    assert colour() == list(canvas.colour_of(1))
    assert colour(id=5) == list(canvas.colour_of(5))
    pose = Pose(((150.5, 120.5, 0.9),), ("nose",), 0.9, id=5)
    assert annotated(GREY, Result("keypoints", poses=(pose,)))[120, 150].tolist() == list(canvas.colour_of(5))


@pytest.mark.parametrize("size", [(96, 96), (160, 120), (640, 480), (1080, 1920), (3840, 2160)])
def test_text_has_a_share_of_the_frame_that_can_be_read(size):
    """A letter of Hershey's font needs lines of 14 pixels; a line is at most a seventh of the shorter side."""
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    height = lettering.line_height(image)
    assert 14 <= height <= max(14, min(size) / 7)
    one = Prediction("dog", 0.9, 1, tuple(v * s for v, s in zip((0.1, 0.4, 0.6, 0.9), size * 2, strict=True)), 7)
    out = annotated(image, Result("detect", (one,)))
    ground = (out == canvas.DARK).all(axis=-1)
    letters = (out > 200).all(axis=-1)
    assert ground.sum() > height * height
    assert 0.03 < letters.sum() / ground.sum() < 0.6


ODD = st.one_of(st.floats(-100, 500), st.sampled_from([float("nan"), float("inf"), -1e30, 1e300]))
SCORES = st.one_of(st.floats(0, 1), st.just(float("nan")))
TEXTS = st.text(max_size=12)
BOXES = st.one_of(st.none(), st.tuples(ODD, ODD, ODD, ODD))
POINTS = st.lists(st.tuples(ODD, ODD, SCORES), min_size=2, max_size=4).map(tuple)
IDS = st.one_of(st.none(), st.integers(0, 10**12))
TRAILS = st.lists(st.tuples(ODD, ODD), max_size=4).map(tuple)
RESULTS = st.builds(
    Result,
    st.sampled_from(list(tasks.TASKS)),
    st.lists(
        st.builds(Prediction, TEXTS, SCORES, st.integers(0, 2000), BOXES, IDS, POINTS, st.none(), TRAILS), max_size=3
    ).map(tuple),
    st.one_of(
        st.none(),
        st.builds(
            lambda value, labels: Mask(np.full((9, 7), value, np.uint8), labels),
            st.integers(0, 255),
            st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
        ),
    ),
    st.lists(
        st.builds(lambda p, s, b, i: Pose(p, ("a",) * len(p), s, b, ((0, 1),), 0.3, "", i), POINTS, SCORES, BOXES, IDS),
        max_size=2,
    ).map(tuple),
    embedding=st.one_of(st.none(), st.lists(ODD, max_size=5).map(lambda v: np.asarray(v, np.float32))),
    values=st.dictionaries(TEXTS, ODD, max_size=3),
    units=st.dictionaries(TEXTS, TEXTS, max_size=3),
    places=st.lists(
        st.builds(
            Place,
            TEXTS,
            st.sampled_from(["line", "zone"]),
            st.lists(st.tuples(ODD, ODD), max_size=5).map(tuple),
            st.dictionaries(TEXTS, st.integers(0, 10**12), max_size=3),
        ),
        max_size=3,
    ).map(tuple),
    fault=st.one_of(st.just(""), TEXTS),
)
SIZES = st.sampled_from([(1, 1), (2, 300), (16, 16), (96, 96), (120, 160), (240, 320)])


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@settings(max_examples=300, deadline=None)
@given(RESULTS, SIZES)
def test_no_result_makes_the_overlay_raise(result, size):
    image = np.full((*size, 3), 128, np.uint8)
    assert annotated(image, result).shape == image.shape
    assert (image == 128).all()
