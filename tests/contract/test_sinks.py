"""What every sink in the table must do; a new one is covered as soon as it is listed."""

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.results import Prediction, Result
from edge.sinks import SINKS, open_sink
from edge.sinks.queued import Queued
from tests.loops import ListSource, frame, picture

RESULT = Result((Prediction("star", 0.9, 0), Prediction("ring", 0.1, 1, (1.0, 2.0, 30.0, 20.0), 5)), 0, "test", 1, 2.0)
FILES = {"jsonl": "out.jsonl", "record": "out.avi", "snapshot": "out.png", "terminal": None}


@pytest.fixture
def target(request, tmp_path):
    """A name and a target that it can write."""
    name = request.param
    if missing := SINKS[name].missing():
        pytest.skip(f"{name} needs {', '.join(missing)}, not installed here")
    assert name in FILES, "give the new sink a target here"
    return name, str(tmp_path / FILES[name]) if FILES[name] else "stdout"


every_sink = pytest.mark.parametrize("target", list(SINKS), indirect=True)
both_kinds = pytest.mark.parametrize("live", [True, False], ids=["live", "file"])


@every_sink
@both_kinds
def test_frames_of_any_size_are_taken_and_left_alone(target, live):
    sizes = [(320, 240), (64, 48), (33, 91)]
    frames = [frame(i, picture(i, size), captured_ns=10**18 + i * 10**9) for i, size in enumerate(sizes)]
    with open_sink(*target, ListSource([], live)) as sink:
        for one in frames:
            sink.emit(one, RESULT)
    for i, (one, size) in enumerate(zip(frames, sizes, strict=True)):
        np.testing.assert_array_equal(one.image, picture(i, size))


@every_sink
def test_what_it_wrote_is_complete_after_close_and_alone_in_its_folder(target, tmp_path):
    with open_sink(*target, ListSource([])) as sink:
        sink.emit(frame(), RESULT)
    written = [p.name for p in tmp_path.iterdir()]
    assert written == ([FILES[target[0]]] if FILES[target[0]] else [])
    assert all((tmp_path / name).stat().st_size > 0 for name in written)


@every_sink
def test_closing_twice_and_without_a_frame_does_nothing(target, tmp_path):
    sink = open_sink(*target, ListSource([]))
    sink.close()
    sink.close()
    assert not list(tmp_path.iterdir())


@every_sink
def test_it_works_in_a_thread_of_its_own(target):
    with Queued(open_sink(*target, ListSource([])), lossless=True) as sink:
        for number in range(20):
            sink.emit(frame(number), RESULT)


@every_sink
def test_a_frame_without_predictions_is_taken(target):
    with open_sink(*target, ListSource([])) as sink:
        sink.emit(frame(), Result(()))


@every_sink
def test_a_target_that_cannot_be_is_one_line(target, tmp_path):
    (tmp_path / "file").touch()
    name = target[0]
    bad = f"{tmp_path}/file/{FILES[name]}" if FILES[name] else "nowhere"
    with pytest.raises(EdgeError) as caught:
        open_sink(name, bad, ListSource([]))
    assert "\n" not in str(caught.value)
