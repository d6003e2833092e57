"""The loop, stage by stage: events decide who goes first, never a sleep."""

import itertools
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from edge import pipeline
from edge.control import Control
from edge.errors import FileError, InputError
from edge.imaging import InputFormat, Preprocessor, placement_of
from edge.pipeline import READ_AHEAD, Loop
from edge.results import Prediction, Result
from edge.signature import Input
from edge.sinks import overlay
from edge.sinks.queued import CAPACITY
from edge.tensors import TensorSpec
from tests.loops import BANDS, BandsNetwork, ListSink, ListSource, frame, picture

both_kinds = pytest.mark.parametrize("live", [True, False], ids=["live", "file"])


def frames_of(count):
    return [frame(number) for number in range(count)]


def endless():
    return map(frame, itertools.count())


def test_every_frame_of_a_file_in_order_with_its_label():
    frames = [frame(i, source=f"{i}.png") for i in range(3 * READ_AHEAD)]
    sink = ListSink()
    stats = Loop(ListSource(frames), BandsNetwork()).run([sink])
    assert [r.frame for r in sink.results] == list(range(3 * READ_AHEAD))
    assert [r.predictions[0].label for r in sink.results] == [BANDS[i % 4] for i in range(3 * READ_AHEAD)]
    assert [r.source for r in sink.results] == [f.source for f in frames]
    assert {(r.captured_ns, r.age_clock) for r in sink.results} == {(frames[0].captured_ns, "arrival")}
    assert {(r.dropped, r.skipped) for r in sink.results} == {(0, 0)}
    assert all(0 < r.infer_ms < r.age_ms for r in sink.results)
    assert sink.closed == 1
    assert (stats.frames, stats.dropped, stats.skipped, stats.lost) == (3 * READ_AHEAD, 0, 0, 0)


def test_a_file_is_read_ahead_by_a_bounded_number_of_frames():
    asked, enough = [], threading.Event()

    def before(one):
        asked.append(one.index)
        if one.index == READ_AHEAD + 1:
            enough.set()

    network = BandsNetwork(lambda: enough.wait(10))  # reading goes on while the network runs
    assert Loop(ListSource(frames_of(20), before=before), network).run([ListSink()]).frames == 20
    assert enough.is_set()
    assert asked == list(range(20))


def test_from_a_live_source_the_newest_frame_wins_and_the_replaced_are_counted():
    began, released = threading.Event(), threading.Event()

    def on():
        began.set()
        assert released.wait(10)

    def frames():
        yield frame(0)
        assert began.wait(10)
        yield from map(frame, range(1, 6))
        released.set()  # frame 0 is still in the network: 1 to 4 were replaced by 5

    sink = ListSink()
    stats = Loop(ListSource(frames(), live=True), BandsNetwork(on)).run([sink])
    assert [(r.frame, r.dropped) for r in sink.results] == [(0, 0), (5, 4)]
    assert (stats.frames, stats.dropped, stats.captured) == (2, 4, 6)


def test_frames_that_a_source_dropped_itself_are_counted_too():
    sink = ListSink()
    Loop(ListSource([frame(0), frame(4), frame(5)]), BandsNetwork()).run([sink])
    assert [r.dropped for r in sink.results] == [0, 3, 3]


class TestGate:
    @both_kinds
    def test_what_it_passes_over_is_skipped_and_neither_prepared_nor_run(self, live):
        network = BandsNetwork()
        prepared = []
        preprocess = network.preprocess
        network.preprocess = lambda image: prepared.append(image) or preprocess(image)
        loop = Loop(ListSource(frames_of(20), live), network, gate=lambda one: one.index % 2 == 1)
        stats = loop.run([ListSink()])
        assert stats.frames + stats.skipped + stats.dropped == 20
        assert network.inferred == len(prepared) == stats.frames
        if not live:
            assert (stats.frames, stats.skipped) == (10, 10)

    def test_results_say_how_many_were_skipped_and_dropped_before_them(self):
        sink = ListSink()
        frames = [frame(i) for i in (0, 1, 2, 5, 6, 7, 8)]  # 3 and 4 were dropped by the source
        Loop(ListSource(frames), BandsNetwork(), gate=lambda one: one.index in (1, 5, 8)).run([sink])
        assert [(r.frame, r.skipped, r.dropped) for r in sink.results] == [(1, 1, 0), (5, 2, 2), (8, 4, 2)]

    @both_kinds
    def test_it_sees_frames_in_order_and_in_one_thread(self, live):
        seen = []
        gate = lambda one: seen.append((one.index, threading.get_ident())) or True  # noqa: E731
        Loop(ListSource(frames_of(30), live), BandsNetwork(), gate=gate).run()
        indices = [index for index, _ in seen]
        assert indices == sorted(set(indices))
        assert len({thread for _, thread in seen}) == 1

    @both_kinds
    def test_what_it_raises_ends_the_run(self, live):
        def gate(one):
            raise InputError("the gate's area lies outside the frame")

        sink = ListSink()
        with pytest.raises(InputError, match="the gate's area"):
            Loop(ListSource(endless(), live), BandsNetwork(), gate=gate).run([sink])
        assert sink.closed == 1


def test_a_stage_changes_results_before_the_sinks_get_them():
    def track(one, result):
        return replace(result, predictions=tuple(replace(p, id=10 + one.index) for p in result.predictions))

    sink = ListSink()
    Loop(ListSource(frames_of(3)), BandsNetwork(), stages=[track]).run([sink])
    assert [(r.frame, r.predictions[0].id) for r in sink.results] == [(0, 10), (1, 11), (2, 12)]


@both_kinds
def test_max_frames_ends_the_loop_and_closes_the_source(live):
    source, sink = ListSource(endless(), live=live), ListSink()
    assert Loop(source, BandsNetwork(), max_frames=7).run([sink]).frames == 7
    assert source.closed.is_set()
    assert sink.closed == 1
    if not live:
        assert [r.frame for r in sink.results] == list(range(7))


@both_kinds
def test_stop_ends_the_loop_from_another_thread(live):
    loop = Loop(ListSource(endless(), live=live), BandsNetwork())
    sink = ListSink(lambda result: loop.stop())
    assert loop.run([sink]).frames >= 1
    assert sink.closed == 1


def test_stop_gets_through_to_a_loop_that_waits_for_a_sink_that_may_fail():
    """A broker that does not answer must not take Ctrl-C away."""
    inside, release = threading.Event(), threading.Event()

    def block(result):
        inside.set()
        release.wait(30)

    loop = Loop(ListSource(frames_of(100)), BandsNetwork())
    stopper = threading.Thread(target=lambda: inside.wait(10) and loop.stop())
    stopper.start()
    releaser = threading.Thread(target=lambda: loop._stopped.wait(10) and release.set())
    releaser.start()
    stats = loop.run([ListSink(block, on_error="retry")])
    stopper.join()
    releaser.join()
    assert stats.frames <= CAPACITY + 3


@pytest.mark.parametrize("lossless", [True, False])
def test_a_sink_that_blocks_never_holds_a_live_loop_up(lossless, capsys):
    release = threading.Event()
    network = BandsNetwork(lambda: network.inferred == 60 and release.set())
    blocked = ListSink(lambda result: release.wait(60), lossless)
    stats = Loop(ListSource(endless(), live=True), network, max_frames=60).run([blocked])
    assert stats.frames == 60
    assert stats.lost == 60 - len(blocked.results) > 0
    said = "sink list is too slow for this source: it loses results, which are counted\n"
    assert capsys.readouterr().err == (said if lossless else "")


def test_a_viewer_does_not_slow_a_file_down_and_the_recording_beside_it_is_complete():
    release = threading.Event()
    network = BandsNetwork(lambda: network.inferred == 60 and release.set())
    viewer = ListSink(lambda result: release.wait(60), lossless=False, on_error="retry", name="viewer")
    recording = ListSink(name="recording")
    stats = Loop(ListSource(frames_of(60)), network).run([viewer, recording])
    assert [r.frame for r in recording.results] == list(range(60))
    assert stats.lost_by_sink == {"viewer": 60 - len(viewer.results)}
    assert viewer.results[-1].frame == 59


def test_every_frame_of_a_file_reaches_a_slow_lossless_sink():
    done = threading.Semaphore(0)
    slow = ListSink(lambda result: done.acquire(timeout=10))
    releaser = threading.Thread(target=lambda: [done.release() for _ in range(40)])
    releaser.start()
    stats = Loop(ListSource(frames_of(40)), BandsNetwork()).run([slow])
    releaser.join()
    assert [r.frame for r in slow.results] == list(range(40))
    assert stats.lost == 0


def test_the_picture_is_drawn_once_for_all_sinks_that_show_it_and_not_at_all_for_none(monkeypatch):
    drawn = []
    annotated = overlay.annotated
    monkeypatch.setattr(overlay, "annotated", lambda *a: drawn.append(a[1].frame) or annotated(*a))
    pictures = []

    class Showing(ListSink):
        def emit(self, event):
            pictures.append(event.picture)

    Loop(ListSource(frames_of(12)), BandsNetwork()).run([Showing(), Showing(), Showing(), ListSink()])
    assert len(pictures) == 36
    assert sorted(drawn) == list(range(12))
    assert len({id(picture) for picture in pictures}) == 12
    Loop(ListSource(frames_of(12)), BandsNetwork()).run([ListSink()])
    assert len(drawn) == 12


def test_what_the_source_raises_ends_the_run_after_the_frames_before_it():
    sink = ListSink()
    source = ListSource(frames_of(2), error=FileError("disk gone"))
    with pytest.raises(FileError, match="disk gone"):
        Loop(source, BandsNetwork()).run([sink])
    assert [r.frame for r in sink.results] == [0, 1]
    assert sink.closed == 1


def failing(error, **policy):
    def fail(result):
        raise error

    return ListSink(fail, **policy)


@both_kinds
@pytest.mark.parametrize("error", [FileError("cannot write out.avi: the disk is full"), ZeroDivisionError("bug")])
def test_a_sink_that_keeps_something_ends_the_run_when_it_cannot_and_the_others_are_completed(live, error):
    broken, other = failing(error), ListSink()
    with pytest.raises(type(error), match=str(error)):
        Loop(ListSource(endless(), live=live), BandsNetwork()).run([broken, other])
    assert (broken.closed, other.closed) == (1, 1)


@both_kinds
@pytest.mark.parametrize(
    "error", [ConnectionResetError(104, "reset by peer"), BrokenPipeError(), TimeoutError("timed out"), KeyError("bug")]
)
def test_a_network_s_fault_never_ends_the_run(live, error, capsys):
    broken, other = failing(error, lossless=False, on_error="retry", name="mqtt"), ListSink()
    stats = Loop(ListSource(frames_of(30), live), BandsNetwork()).run([broken, other])
    assert stats.captured == 30
    assert len(other.results) == stats.frames
    assert stats.errors_by_sink["mqtt"] >= 1
    assert stats.lost_by_sink == {"mqtt": stats.frames}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sink mqtt: {type(error).__name__}")
    assert broken.closed == 1


def test_what_the_network_raises_ends_the_run():
    def refuse():
        raise InputError("the model is closed")

    sink = ListSink()
    with pytest.raises(InputError, match="closed"):
        Loop(ListSource(endless()), BandsNetwork(refuse)).run([sink])
    assert sink.closed == 1


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ([Input("tokens", "tensor", (1, 64), "int32")], r"tokens \(1, 64\) int32 is no image: run it with edge.load"),
        (
            [Input("a", "tensor", (1, 3)), Input("b", "tensor", (1, 3))],
            r"a \(1, 3\) .*, b \(1, 3\) .* are not one image",
        ),
    ],
)
def test_a_network_without_one_image_input_is_one_line(inputs, line):
    network = BandsNetwork()
    network.signature, network.preprocess = replace(network.signature, inputs=tuple(inputs)), None
    with pytest.raises(InputError, match=line) as caught:
        Loop(ListSource([]), network)
    assert "\n" not in str(caught.value)


def test_nothing_to_process_is_no_error():
    stats = Loop(ListSource([]), BandsNetwork()).run([ListSink()])
    assert (stats.frames, stats.fps, stats.age_median) == (0, 0.0, 0.0)
    assert stats.line().startswith("0 frames, 0 dropped, 0.0 frames/s")


def test_frames_of_any_size_are_resized():
    frames = [frame(i, picture(3, size)) for i, size in enumerate([(8, 8), (640, 480), (33, 91)])]
    sink = ListSink()
    Loop(ListSource(frames), BandsNetwork()).run([sink])
    assert {r.predictions[0].label for r in sink.results} == {"bottom"}


def test_tensors_that_wait_are_not_written_over():
    """A Preprocessor has one tensor, and frames of a file are prepared before the ones ahead of them ran."""
    prepared = threading.Semaphore(0)
    preprocess = Preprocessor(TensorSpec("x", (1, 8, 8, 3), np.dtype("uint8")), InputFormat(raw=True))

    class Waiting(BandsNetwork):
        def infer(self, given):
            assert prepared.acquire(timeout=10)
            if self.inferred == 0:
                assert prepared.acquire(timeout=10)  # the second is prepared before the first runs
                prepared.release()
            return super().infer(given)

    network = Waiting()
    network.preprocess = lambda image: (preprocess(image), prepared.release())[0]
    sink = ListSink()
    Loop(ListSource(frames_of(8)), network).run([sink])
    assert [r.predictions[0].label for r in sink.results] == [*BANDS, *BANDS]


def test_no_thread_outlives_a_run():
    before = set(threading.enumerate())
    Loop(ListSource(frames_of(5)), BandsNetwork()).run([ListSink()])
    assert set(threading.enumerate()) <= before


def test_a_result_keeps_what_the_task_gave():
    class Full(BandsNetwork):
        def infer(self, prepared):
            return Result("detect", (Prediction("cat", 0.5, 0, (1.0, 2.0, 3.0, 4.0)),), values={"x": 1.0})

    sink = ListSink()
    Loop(ListSource(frames_of(1)), Full()).run([sink])
    (result,) = sink.results
    assert (result.task, result.predictions[0].box, result.values) == ("detect", (1.0, 2.0, 3.0, 4.0), {"x": 1.0})


@both_kinds
def test_the_heartbeat_follows_every_frame(live):
    beats = []
    loop = Loop(ListSource(frames_of(5), live=live), BandsNetwork(), heartbeat=lambda: beats.append(loop.stats.frames))
    stats = loop.run([ListSink()])
    assert beats == list(range(1, stats.frames + 1))


def test_the_heartbeat_goes_on_while_no_frame_comes(monkeypatch):
    monkeypatch.setattr(pipeline, "HEARTBEAT_SECONDS", 0.01)
    several, beats = threading.Event(), []

    def beat():
        beats.append(1)
        if len(beats) == 3:
            several.set()

    source = ListSource(frames_of(1), live=True, before=lambda _: several.wait(10))
    Loop(source, BandsNetwork(), heartbeat=beat).run()
    assert several.is_set()


def test_a_network_that_hangs_has_no_heartbeat(monkeypatch):
    """Or a watchdog would not notice it."""
    monkeypatch.setattr(pipeline, "HEARTBEAT_SECONDS", 0.01)
    beats, during = [], []

    def hang():
        before = len(beats)
        threading.Event().wait(0.2)
        during.append(len(beats) - before)

    Loop(ListSource(frames_of(1), live=True), BandsNetwork(hang), heartbeat=lambda: beats.append(1)).run()
    assert during == [0]


class TestSeveralSources:
    def test_every_frame_of_several_files_in_turn_with_its_own_counts(self):
        sources = [ListSource(frames_of(3), name="one"), ListSource(frames_of(5), name="two")]
        sink = ListSink()
        stats = Loop(sources, BandsNetwork()).run([sink])
        assert stats.by_source == {"one": (3, 0, 0), "two": (5, 0, 0)}
        assert stats.frames == 8
        assert len(sink.results) == 8

    def test_a_fast_camera_starves_no_slow_one(self):
        """Four endless sources that are always ready: each gets a quarter of the results."""
        sources = [ListSource(endless(), live=True, name=f"camera {n}") for n in range(4)]

        def until_each_has_a_frame():
            deadline = time.monotonic() + 30
            while not all(queue.ready for queue in loop._queues) and time.monotonic() < deadline:
                time.sleep(0)

        loop = Loop(sources, BandsNetwork(on=until_each_has_a_frame), max_frames=80)
        stats = loop.run([])
        assert [counts.frames for counts in stats.by_source.values()] == [20] * 4

    def test_the_loop_goes_on_without_one_that_fails(self):
        lines = []
        sources = [
            ListSource([], error=FileError("camera 1 is in use"), name="bad"),
            ListSource(frames_of(4), name="good"),
        ]
        stats = Loop(sources, BandsNetwork(), report=lines.append).run([])
        assert stats.frames == 4
        assert lines in ([], ["camera 1 is in use; the loop goes on without source bad"])

    def test_the_error_of_the_last_one_is_raised(self):
        sources = [ListSource([], error=FileError(f"camera {n} is in use"), name=f"{n}") for n in range(2)]
        with pytest.raises(FileError, match="is in use"):
            Loop(sources, BandsNetwork(), report=lambda line: None).run([])
        assert all(source.closed.is_set() for source in sources)

    def test_two_with_one_name_are_refused(self):
        with pytest.raises(InputError, match="two sources are called 'list'"):
            Loop([ListSource([]), ListSource([])], BandsNetwork())

    def test_the_pictures_of_a_folder_are_one_stream(self):
        """Each picture has its own source name; counters and gates are kept for the folder."""
        seen = []

        def gate(one):
            seen.append((one.source, one.stream))
            return True

        frames = [frame(n, source=f"{n}.png") for n in range(3)]
        stats = Loop(ListSource(frames, name="folder"), BandsNetwork(), gate=gate).run([])
        assert seen == [(f"{n}.png", "folder") for n in range(3)]
        assert stats.by_source == {"folder": (3, 0, 0)}

    def test_a_network_over_clips_gets_one_source_alone(self):
        """Its frames in a row would come from two cameras."""
        network = BandsNetwork()
        clip = Input("clip", "image", (1, 4, 8, 8, 3), format=InputFormat(raw=True))
        network.signature = replace(network.signature, inputs=(clip,))
        Loop(ListSource([]), network)
        with pytest.raises(InputError, match="a network over clips needs one source"):
            Loop([ListSource([], name="one"), ListSource([], name="two")], network)


class TestRegions:
    """A gate's region is all that the network sees, and results stay in the frame's pixels."""

    @pytest.mark.parametrize("rotation", [0, 90, 180, 270])
    @pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
    def test_points_of_the_input_are_mapped_to_the_whole_frame(self, resize, rotation):
        region, whole = (40, 10, 100, 90), (160, 120)
        local = placement_of((60, 80), (32, 48), resize, rotation)
        placed = local.within(region[:2], whole)
        points = np.random.default_rng(0).uniform(0, 32, (20, 2))
        np.testing.assert_allclose(placed.to_frame(points), local.to_frame(points) + region[:2], atol=1e-3)
        np.testing.assert_allclose(placed.to_input(placed.to_frame(points)), points, atol=1e-3)

    def test_the_network_gets_the_region_alone(self):
        image = picture(0, (64, 64))  # the upper quarter is bright
        image[48:, 32:] = 255
        sink = ListSink()
        Loop(ListSource([frame(image=image)]), BandsNetwork(), gate=lambda one: (32, 32, 64, 64)).run([sink])
        assert sink.results[0].predictions[0].label == "lower"

    @pytest.mark.parametrize(
        ("region", "inside"),
        [
            pytest.param((-10, -5, 50, 40), (0, 0, 50, 40), id="begins before the frame"),
            pytest.param((32, 24, 1000, 1000), (32, 24, 64, 48), id="ends after it"),
            pytest.param([0, 12, 32, 24], (0, 12, 32, 24), id="a list"),
            pytest.param(np.array([0, 12, 32, 24]), (0, 12, 32, 24), id="an array"),
        ],
    )
    def test_a_region_is_clipped_to_the_frame(self, region, inside):
        seen, network = [], BandsNetwork()
        preprocess = network.preprocess
        network.preprocess = lambda image: seen.append(image) or preprocess(image)
        Loop(ListSource([frame()]), network, gate=lambda one: region).run()
        x0, y0, x1, y1 = inside
        np.testing.assert_array_equal(seen[0], picture()[y0:y1, x0:x1])

    @pytest.mark.parametrize(
        "region", [(0, 0, 0, 0), (10, 10, 5, 5), (64, 48, 80, 60), (0.0, 0.0, 32.0, 24.0), (0, 0, 32), (0, 0, 9, None)]
    )
    @pytest.mark.parametrize("live", [True, False])
    def test_a_region_without_a_part_of_the_frame_ends_the_run_with_one_line(self, region, live):
        with pytest.raises(InputError, match=r"a gate's region must be x0, y0, x1, y1 .* frame of 64x48, got"):
            Loop(ListSource([frame()], live), BandsNetwork(), gate=lambda one: region).run()

    def test_a_mask_is_unknown_outside_of_the_region(self):
        placed = placement_of((4, 4), (4, 4), "stretch").within((2, 1), (8, 6))
        mask = placed.mask_to_frame(np.ones((4, 4), np.uint8), fill=255)
        expected = np.full((6, 8), 255)
        expected[1:5, 2:6] = 1
        np.testing.assert_array_equal(mask, expected)


class TestControl:
    def test_a_changed_threshold_reaches_the_network_before_the_next_frame(self):
        control, network, seen = Control(), BandsNetwork(), []

        def before(one):
            if one.index == 2:
                control.change(score_threshold=0.7)
            if one.index == 4:
                control.change(score_threshold=None)

        def look(one, result):
            seen.append(network.threshold)
            return result

        Loop(ListSource(frames_of(6)), network, stages=[lambda f, r: (before(f), look(f, r))[1]], control=control).run(
            []
        )
        assert seen == [None, None, None, 0.7, 0.7, None]

    def test_the_context_of_sinks_names_what_runs(self):
        loop = Loop(ListSource([], name="door"), BandsNetwork())
        assert [source.name for source in loop.context.sources] == ["door"]
        assert loop.context.stats is loop.stats
        assert loop.context.control is loop.control
        assert loop.context.signature.task.name == "classify"


def test_a_function_is_called_with_each_event():
    seen = []

    def keep(event):
        seen.append((event.frame.index, event.result.predictions[0].label))

    Loop(ListSource(frames_of(4)), BandsNetwork()).run([keep])
    assert seen == list(enumerate(BANDS))


def test_a_mistake_in_a_function_ends_the_run():
    def wrong(event):
        raise KeyError("no such name")

    with pytest.raises(KeyError, match="no such name"):
        Loop(ListSource(endless(), live=True), BandsNetwork()).run([wrong])
