"""The loop, step by step: events decide who goes first, never a sleep."""

import threading

import numpy as np
import pytest

from edge.backends import open_model
from edge.errors import FileError, InputError
from edge.imaging import InputFormat, Preprocessor
from edge.pipeline import AHEAD, Loop
from edge.tasks.classify import Classify
from tests.loops import BANDS, ListSink, ListSource, fake_model, frame, picture


@pytest.fixture
def model(tmp_path):
    with open_model(fake_model(tmp_path), "fake") as opened:
        yield opened


def loop_of(source, model, max_frames=None, labels=BANDS):
    preprocess = Preprocessor(model.inputs[0], InputFormat(raw=True))
    return Loop(source, model, preprocess, Classify(labels), max_frames)


def test_every_frame_of_a_file_in_order_with_its_label(model):
    frames = [frame(i, source=f"{i}.png") for i in range(3 * AHEAD)]
    sink = ListSink()
    stats = loop_of(ListSource(frames), model).run([sink])
    assert [r.frame for r in sink.results] == list(range(3 * AHEAD))
    assert [r.predictions[0].label for r in sink.results] == [BANDS[i % 4] for i in range(3 * AHEAD)]
    assert [r.source for r in sink.results] == [f.source for f in frames]
    assert {r.captured_ns for r in sink.results} == {frames[0].captured_ns}
    assert {r.dropped for r in sink.results} == {0}
    assert sink.closed == 1
    assert (stats.frames, stats.dropped, stats.sinks_dropped) == (3 * AHEAD, 0, 0)


def test_a_file_is_read_ahead_by_a_bounded_number_of_frames(model):
    asked = []
    enough = threading.Event()

    def before(one):
        asked.append(one.index)
        if one.index == AHEAD + 1:
            enough.set()

    class Slow(Classify):
        def decode(self, *arguments):
            assert enough.wait(10)  # reading goes on while the model runs
            return super().decode(*arguments)

    source = ListSource([frame(i) for i in range(20)], before=before)
    loop = Loop(source, model, Preprocessor(model.inputs[0], InputFormat(raw=True)), Slow(BANDS))
    assert loop.run([ListSink()]).frames == 20
    assert asked == list(range(20))


class Paced(Classify):
    """Decodes the first frame only after ``released``; says when it began."""

    def __init__(self):
        super().__init__(BANDS)
        self.began, self.released = threading.Event(), threading.Event()

    def decode(self, *arguments):
        self.began.set()
        assert self.released.wait(10)
        return super().decode(*arguments)


def test_from_a_live_source_the_newest_frame_wins_and_the_replaced_are_counted(model):
    task = Paced()

    def before(one):
        if one.index == 1:
            assert task.began.wait(10)

    def frames():
        for number in range(6):
            yield frame(number)
        task.released.set()  # frame 0 is still in the model: 1 to 4 were replaced by 5

    source = ListSource(frames(), live=True, before=before)
    sink = ListSink()
    stats = Loop(source, model, Preprocessor(model.inputs[0], InputFormat(raw=True)), task).run([sink])
    assert [(r.frame, r.dropped) for r in sink.results] == [(0, 0), (5, 4)]
    assert (stats.frames, stats.dropped) == (2, 4)


def test_frames_that_a_source_skipped_itself_are_counted_too(model):
    sink = ListSink()
    loop_of(ListSource([frame(0), frame(4), frame(5)]), model).run([sink])
    assert [r.dropped for r in sink.results] == [0, 3, 3]


def endless():
    number = 0
    while True:
        yield frame(number)
        number += 1


@pytest.mark.parametrize("live", [True, False])
def test_max_frames_ends_the_loop_and_closes_the_source(model, live):
    source = ListSource(endless(), live=live)
    sink = ListSink()
    assert loop_of(source, model, max_frames=7).run([sink]).frames == 7
    assert source.closed.is_set()
    assert sink.closed == 1
    if not live:
        assert [r.frame for r in sink.results] == list(range(7))


@pytest.mark.parametrize("live", [True, False])
def test_stop_ends_the_loop_from_another_thread(model, live):
    loop = loop_of(ListSource(endless(), live=live), model)
    sink = ListSink(lambda result: loop.stop())
    stats = loop.run([sink])
    assert stats.frames >= 1
    assert sink.closed == 1


def test_a_sink_that_blocks_never_holds_a_live_loop_up(model):
    release = threading.Event()

    class Releasing(Classify):
        decoded = 0

        def decode(self, *arguments):
            self.decoded += 1
            if self.decoded == 40:
                release.set()
            return super().decode(*arguments)

    blocked = ListSink(lambda result: release.wait(60))
    preprocess = Preprocessor(model.inputs[0], InputFormat(raw=True))
    loop = Loop(ListSource(endless(), live=True), model, preprocess, Releasing(BANDS), max_frames=40)
    stats = loop.run([blocked])
    assert stats.frames == 40
    assert stats.sinks_dropped == 40 - len(blocked.results) > 0


def test_every_frame_of_a_file_reaches_a_slow_sink(model):
    done = threading.Semaphore(0)
    slow = ListSink(lambda result: done.acquire(timeout=10))
    releaser = threading.Thread(target=lambda: [done.release() for _ in range(40)])
    releaser.start()
    loop_of(ListSource([frame(i) for i in range(40)]), model).run([slow])
    releaser.join()
    assert [r.frame for r in slow.results] == list(range(40))


def test_what_the_source_raises_ends_the_run_after_the_frames_before_it(model):
    sink = ListSink()
    source = ListSource([frame(0), frame(1)], error=FileError("disk gone"))
    with pytest.raises(FileError, match="disk gone"):
        loop_of(source, model).run([sink])
    assert [r.frame for r in sink.results] == [0, 1]
    assert sink.closed == 1


def fail(result):
    raise FileError("cannot write out.avi: the disk is full")


@pytest.mark.parametrize("live", [True, False])
def test_a_sink_that_cannot_write_ends_the_run_and_the_others_are_completed(model, live):
    failing, other = ListSink(fail), ListSink()
    with pytest.raises(FileError, match="the disk is full"):
        loop_of(ListSource(endless(), live=live), model).run([failing, other])
    assert (failing.closed, other.closed) == (1, 1)


def test_a_bug_in_a_sink_does_not_end_the_run(model, capsys):
    def bug(result):
        raise ZeroDivisionError("bug")

    other = ListSink()
    stats = loop_of(ListSource([frame(i) for i in range(30)]), model).run([ListSink(bug), other])
    assert (stats.frames, len(other.results)) == (30, 30)
    assert capsys.readouterr().err == "sink ListSink is dropped: ZeroDivisionError bug\n"


def test_what_the_model_raises_ends_the_run(model):
    model.close()
    sink = ListSink()
    with pytest.raises(InputError, match="closed"):
        loop_of(ListSource(endless()), model).run([sink])
    assert sink.closed == 1


def test_labels_that_do_not_fit_are_refused_before_anything_runs(model):
    with pytest.raises(InputError, match="each of the model's 4 classes, got 3"):
        loop_of(ListSource([]), model, labels=BANDS[:3])


def test_nothing_to_process_is_no_error(model):
    stats = loop_of(ListSource([]), model).run([ListSink()])
    assert (stats.frames, stats.fps, stats.age_median) == (0, 0.0, 0.0)
    assert stats.line().startswith("0 frames, 0 dropped")


def test_frames_of_any_size_are_resized(model):
    frames = [frame(i, picture(3, size)) for i, size in enumerate([(8, 8), (640, 480), (33, 91)])]
    sink = ListSink()
    loop_of(ListSource(frames), model).run([sink])
    assert {r.predictions[0].label for r in sink.results} == {"bottom"}


def test_no_thread_outlives_a_run(model):
    before = set(threading.enumerate())
    loop_of(ListSource([frame(i) for i in range(5)]), model).run([ListSink()])
    assert set(threading.enumerate()) <= before


def test_the_summary_as_json(model):
    stats = loop_of(ListSource([frame(i) for i in range(5)]), model).run()
    row = stats.as_json()
    assert row["frames"] == 5
    assert row["age_p90"] >= row["age_median"] >= row["infer_median"] > 0
    assert np.isfinite(list(row.values())).all()
