"""Tracks: which object keeps which number, at any frame rate, through gaps and with any result."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.frames import Frame
from edge.results import Pose, Prediction, Result
from edge.stages.base import PerSource
from edge.stages.tracker import Tracker, TrackerOptions
from tests.performance import tracking
from tests.performance.tracking import HIGH, ours, plain
from tests.stages.crossing_clip import clip

pytest.importorskip("lap", reason="a tracker needs lapx")

PIXELS = np.zeros((720, 1280), np.uint8)


def frame(seconds, index=0, source="cam"):
    return Frame(PIXELS, "GRAY", index, round(seconds * 1e9), "arrival", source, position=seconds)


def person(x, y=100.0, score=0.9, label="person", side=80.0):
    return Prediction(label, score, 0, (x, y, x + side, y + side))


def ids(tracker, rows, times=None):
    """Return the ids of each frame's predictions. rows: the predictions of each frame."""
    times = [i / 30 for i in range(len(rows))] if times is None else times
    results = [tracker(frame(t), Result("detect", tuple(row))) for t, row in zip(times, rows, strict=True)]
    return [[one.id for one in result.predictions] for result in results]


@pytest.mark.parametrize("method", ["sort", "bytetrack"])
def test_objects_keep_their_numbers(method):
    rows = [[person(10 + 4 * i), person(600 - 4 * i)] for i in range(40)]
    assert ids(Tracker(TrackerOptions(method=method)), rows) == [[1, 2]] * 40


@pytest.mark.parametrize(
    ("fps", "speed"), [(5.0, 120.0), (30.0, 400.0), (120.0, 800.0)], ids=["5 fps", "30 fps", "120 fps"]
)
def test_any_frame_rate_is_followed(fps, speed):
    times = [i / fps for i in range(int(2 * fps))]
    rows = [[person(10 + speed * t)] for t in times]
    assert {one for row in ids(Tracker(), rows, times) for one in row} == {1}


@pytest.mark.parametrize("fps", [3.0, 5.0, 10.0])
@pytest.mark.parametrize(
    ("sizes", "followed"),
    [
        pytest.param(2.0, True, id="boxes overlap"),
        pytest.param(9.0, True, id="boxes need not overlap"),
        pytest.param(11.0, False, id="too fast"),
    ],
)
def test_an_object_may_move_ten_sizes_in_a_second(fps, sizes, followed):
    """So it gets its number with the second detection, which gives it a speed, and keeps it."""
    times = [i / fps for i in range(6)]
    rows = [[], *[[person(10 + sizes * 80 * t)] for t in times[1:]]]
    found = ids(Tracker(), rows, times)
    assert found == [[], [None], *[[1]] * 4] if followed else {one for row in found for one in row} == {None}


def test_after_a_pause_nobody_takes_the_place_of_another():
    rows = [[], [person(10)], [person(400)], [person(400)]]
    assert ids(Tracker(), rows, [0.0, 0.1, 5.0, 5.1]) == [[], [None], [None], [1]]


def test_a_rate_that_changes_is_followed():
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(0.01, 0.25, 60)).tolist()
    assert {one for row in ids(Tracker(), [[person(10 + 90 * t)] for t in times], times) for one in row} == {1}


def test_an_object_that_was_away_for_less_than_max_age_keeps_its_number():
    def seen(away):
        times = [i / 10 for i in range(10)] + [0.9 + away]
        empty = [0.9 + i / 10 for i in range(1, int(away * 10))]
        times = sorted({*times, *empty})
        return ids(Tracker(), [[] if t in empty else [person(100)] for t in times], times)[-1]

    assert seen(0.8) == [1]
    assert seen(1.5) == [None]  # a new object, not confirmed yet


def test_a_pause_without_frames_ends_no_track_of_an_object_that_stayed():
    """A motion gate passes one frame in ten seconds while nothing moves."""
    times = [0, 0.1, 0.2, 10.2, 20.2]
    assert ids(Tracker(), [[person(100)]] * 5, times) == [[1]] * 5


def test_a_new_object_is_confirmed_by_its_hits():
    rows = [[person(10)], *[[person(10), person(500)]] * 3, [person(10)], [person(10), person(800)], [person(10)]]
    assert ids(Tracker(TrackerOptions(min_hits=3)), rows) == [[1], [1, None], [1, None], [1, 2], [1], [1, None], [1]]


def test_a_low_score_continues_a_track_and_begins_none():
    faint = person(700, score=0.2)
    rows = [[person(100)], [person(102, score=0.2)], [person(104, score=0.2), faint], [person(106), faint]]
    assert ids(Tracker(), rows) == [[1], [1], [1, None], [1, None]]
    assert ids(Tracker(TrackerOptions(method="sort")), rows) == [[1], [None], [None, None], [1, None]]
    tracked = Tracker(TrackerOptions(only_tracked=True))
    assert ids(tracked, rows) == [[1], [1], [1], [1]]


def test_labels_are_not_mixed():
    rows = [[person(100), person(100, label="dog")]] * 3 + [[person(100, label="dog")]] * 2
    assert ids(Tracker(), rows) == [[1, 2]] * 3 + [[2]] * 2


def test_sources_are_not_mixed():
    stage = PerSource(Tracker)
    for index in range(3):
        for source, x in (("one", 100), ("two", 130)):
            found = stage(frame(index / 30, source=source), Result("detect", (person(x), person(900))))
            assert [one.id for one in found.predictions] == [1, 2]


def test_a_clock_that_is_set_back_loses_nothing():
    times = [100, 100.03, 50, 50.03, 900]
    assert ids(Tracker(), [[person(100)]] * 5, times) == [[1]] * 5


def test_videos_are_timed_by_their_frames():
    """A file is decoded ten times faster than it was recorded; an absence of 2 s ends a track all the same."""
    tracker = Tracker()
    shown = [*range(10), *range(70, 73)]
    found = []
    for index in range(73):
        row = (person(100),) if index in shown else ()
        result = tracker(replace(frame(index / 300, index), position=index / 30), Result("detect", row))
        found += [one.id for one in result.predictions]
    assert found == [1] * 10 + [None, 2, 2]


def test_poses_are_tracked_by_their_box_or_their_points():
    def pose(x, box):
        points = ((x, 100.0, 0.9), (x + 60, 220.0, 0.9), (5.0, 5.0, 0.1))
        corners = (x - 10, 90.0, x + 70, 230.0) if box else None
        return Pose(points, ("a", "b", "c"), 0.9, corners, point_threshold=0.3)

    for box in (True, False):
        tracker = Tracker()
        for index in range(5):
            result = tracker(frame(index / 30), Result("keypoints", poses=(pose(100.0 + index, box), pose(500.0, box))))
            assert [one.id for one in result.poses] == [1, 2]


def test_a_trail_is_where_the_object_was_in_the_last_second():
    tracker = Tracker(TrackerOptions(trail=1.0))
    for index in range(90):
        one = tracker(frame(index / 30), Result("detect", (person(10 + index),))).predictions[0]
    assert one.trail[-1] == (10 + 89 + 40, 180)
    assert 11 <= len(one.trail) <= 13
    xs = [x for x, _ in one.trail]
    assert xs == sorted(xs)
    assert 25 <= xs[-1] - xs[0] <= 31
    assert Tracker(TrackerOptions(trail=0))(frame(0), Result("detect", (person(10),))).predictions[0].trail == ()


def test_the_rest_of_a_prediction_stays():
    one = Prediction("dog", 0.9, 16, (1.0, 2.0, 30.0, 40.0), points=((1.0, 2.0, 1.0),), nested=Result())
    two = Prediction("whole picture", 0.9, 1)
    result = Tracker()(frame(0), Result("detect", (two, one), infer_ms=3.0))
    assert result.predictions[0] is two
    assert result.predictions[1].nested == one.nested
    assert result.predictions[1].points == one.points
    assert (result.predictions[1].id, result.infer_ms) == (1, 3.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "deep"}, "bytetrack or sort"),
        ({"high_threshold": 1.1}, "from 0 to 1, got 1.1"),
        ({"low_threshold": 0.7}, "at most high_threshold 0.5, got 0.7"),
        ({"max_age": 0}, "above 0, got 0"),
        ({"max_age": float("nan")}, "above 0, got nan"),
        ({"trail": -1}, "0 or more seconds, got -1"),
        ({"min_hits": 0}, "1 or more, got 0"),
    ],
)
def test_options_are_checked(options, said):
    with pytest.raises(InputError, match=said):
        TrackerOptions(**options)


NUMBERS = st.one_of(st.floats(-50, 1400), st.sampled_from([float("nan"), float("inf"), -1e30, 1e30]))
PREDICTIONS = st.builds(
    Prediction,
    st.sampled_from(["a", "b"]),
    st.one_of(st.floats(0, 1), st.just(float("nan"))),
    st.integers(0, 3),
    st.one_of(st.none(), st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 30), st.lists(PREDICTIONS, max_size=6)), max_size=12))
def test_any_results_are_taken(rows):
    tracker = Tracker()
    for seconds, row in rows:
        found = tracker(frame(1000 + seconds), Result("detect", tuple(row))).predictions
        assert len(found) == len(row)
        numbers = [one.id for one in found if one.id is not None]
        assert len(numbers) == len(set(numbers))


def switches(frames, shown):
    """Count by hand, in the frames' order, how often a true object's best track has another number than before."""
    before, count = {}, 0
    for one, tracks in zip(frames, shown, strict=True):
        for row in np.flatnonzero(one.there):
            near = [(np.abs(np.asarray(box) - one.truth[row]).max(), number) for number, box in tracks]
            distance, number = min(near, default=(np.inf, 0))
            if distance < 20:
                count += row in before and before[row] != number
                before[row] = number
    return count


def test_crossing_objects_are_followed_better_than_by_a_plain_sort():
    """``tests/performance/tracking.py`` states MOTA and identity switches by trackeval."""
    pytest.importorskip("scipy", reason="the plain SORT assigns by scipy")
    clips = [clip(seed, 150) for seed in (11, 12)]
    of_ours = sum(switches(frames, ours(frames, "bytetrack")) for frames in clips)
    of_sort = sum(switches(frames, ours(frames, "sort")) for frames in clips)
    of_plain = sum(switches(frames, plain(frames)) for frames in clips)
    assert of_ours < of_plain
    assert of_sort < of_plain
    assert TrackerOptions().high_threshold == HIGH


def test_a_tracker_is_imported_without_its_assignment():
    code = "import sys, edge.stages.tracker; sys.exit('lap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_evaluation_says_why_it_is_skipped(monkeypatch):
    def absent(folder):
        raise OSError("no network")

    monkeypatch.setattr(tracking, "environment", absent)
    monkeypatch.setattr(tracking, "SEEDS", range(1))
    found = tracking.measure()
    assert found["skipped"] == "trackeval==1.3.0 cannot be installed here: no network"
    assert found["ms_100_boxes"] > 0
