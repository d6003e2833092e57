"""Videos that are cut or damaged: they are read to their end, and what is lost is counted and said."""

import random
import subprocess
import sys

import cv2
import numpy as np
import pytest

from edge.errors import FileError
from edge.sources import open_source
from edge.sources.options import SourceOptions
from edge.sources.video import Video
from edge.sources.video_losses import VideoLosses
from tests.sources.clips import CODECS, COUNT, RATE, cut, ffmpeg, make, needs_ffmpeg, zero

pytestmark = needs_ffmpeg


def read(path):
    """Return the frames, the number of lost ones, and the lines."""
    lines = []
    source = Video(path, report=lines.append)
    frames = list(source)
    return frames, source.lost_frames, lines


@pytest.mark.parametrize("kind", CODECS)
def test_a_healthy_file_loses_nothing(tmp_path, kind):
    frames, lost, lines = read(make(tmp_path, kind))
    assert (len(frames), lost, lines) == (COUNT, 0, [])
    assert [frame.position for frame in frames] == pytest.approx([n / RATE for n in range(COUNT)], abs=0.002)
    assert [frame.index for frame in frames] == list(range(COUNT))


DROPS = ("-vf", "select='not(between(n,20,39))*not(eq(mod(n,7),3))'", "-fps_mode", "vfr")


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_variable_frame_rate_is_no_damage(tmp_path, kind):
    kept = [n for n in range(COUNT) if not 20 <= n <= 39 and n % 7 != 3]
    frames, lost, _ = read(make(tmp_path, kind, *DROPS))
    assert (len(frames), lost) == (len(kept), 0)
    assert [frame.position for frame in frames] == pytest.approx([n / RATE for n in kept], abs=0.002)


PAUSE = ("-vf", "select='lt(n,50)+gt(n,80)'", "-fps_mode", "vfr")


@pytest.mark.parametrize("kind", ["mp4", "mkv", "webm", "ts"])
def test_a_pause_in_a_steady_file_is_no_damage(tmp_path, kind):
    frames, lost, lines = read(make(tmp_path, kind, *PAUSE))
    assert (len(frames), lost, lines) == (69, 0, [])


def test_a_clip_that_was_trimmed_on_the_phone_is_no_damage(tmp_path):
    """Its file holds more frames than it shows: an edit list leaves out those before the cut."""
    ffmpeg("-ss", 1.5, "-i", make(tmp_path, "mp4"), "-c", "copy", tmp_path / "trimmed.mp4")
    frames, lost, _ = read(tmp_path / "trimmed.mp4")
    assert (lost, len(frames) < cv2.VideoCapture(str(tmp_path / "trimmed.mp4")).get(cv2.CAP_PROP_FRAME_COUNT)) == (
        0,
        True,
    )
    assert len(frames) == pytest.approx(COUNT - 1.5 * RATE, abs=1)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_clip_is_upright_as_its_rotation_says(tmp_path, degrees):
    """ffmpeg decodes with its own rotation; ``-metadata rotate`` is what phones write, as a matrix."""
    plain = make(tmp_path, "mp4")
    turned, oracle = tmp_path / "turned.mp4", tmp_path / "oracle.png"
    ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v", f"rotate={degrees}", turned)
    ffmpeg("-i", turned, "-frames:v", 1, oracle)
    expected = cv2.imread(str(oracle))
    frame = next(iter(Video(turned)))
    assert frame.size == ((120, 160) if degrees in (90, 270) else (160, 120))
    assert np.abs(frame.bgr.astype(int) - expected).mean() < 3
    assert np.abs(frame.bgr.astype(int) - np.rot90(expected, 2)).mean() > 20


@pytest.mark.parametrize("kind", ["mp4, index first", "mp4 of MPEG-4", "avi of MJPG", "avi of MPEG-4", "mkv", "webm"])
def test_a_cut_file_counts_what_is_missing(tmp_path, kind):
    frames, lost, lines = read(cut(make(tmp_path, kind)))
    assert 0 < len(frames) < COUNT
    assert lost + len(frames) == pytest.approx(COUNT, abs=0 if kind.startswith(("mp4", "avi")) else 2)
    assert len(lines) == 1
    assert "frames, which are damaged or missing; " in lines[0]
    assert "bytes are missing at the end of the file" in lines[0]


@pytest.mark.parametrize("kind", ["mp4", "mp4, index first", "mp4 of MPEG-4", "avi of MPEG-4", "mkv", "ts"])
def test_a_damaged_part_is_passed_over_and_counted(tmp_path, kind):
    frames, lost, lines = read(zero(make(tmp_path, kind)))
    assert lost > 0
    assert len(frames) + lost == COUNT
    assert frames[-1].position > 0.9 * COUNT / RATE, "it goes on to the end"
    assert lines == [f"video {tmp_path / CODECS[kind][0]}: lost {lines[0].partition('lost ')[2]}"]


def test_several_damaged_parts_are_counted_together(tmp_path):
    path = make(tmp_path, "mp4, index first")
    for at in (0.2, 0.5, 0.8):
        zero(path, at)
    frames, lost, _ = read(path)
    assert lost >= 3
    assert len(frames) + lost == COUNT


def test_the_last_frames_may_be_the_damaged_ones(tmp_path):
    frames, lost, _ = read(zero(make(tmp_path, "mp4, index first"), 0.97, 100_000))
    assert (lost > 0, len(frames) + lost) == (True, COUNT)


def test_a_file_without_its_index_says_that_it_is_cut(tmp_path):
    with pytest.raises(
        FileError, match=r"cannot be opened: it is cut: \d+ bytes are missing at its end; copy it again"
    ):
        open_source(str(cut(make(tmp_path, "mp4"))))


def test_a_run_that_is_ended_early_reports_no_loss(tmp_path):
    lines = []
    with Video(cut(make(tmp_path, "mp4, index first")), report=lines.append) as source:
        next(iter(source))
    assert (source.lost_frames, lines) == (0, [])


def test_a_damaged_file_in_real_time_counts_its_losses_too(tmp_path, capsys):
    path = cut(make(tmp_path, "avi of MPEG-4"), 0.1)
    with open_source(str(path), SourceOptions(realtime=True, flip="horizontal")) as source:
        frames = list(source)
    assert frames[-1].index + 1 + source.lost_frames == COUNT
    assert source.live
    assert "lost" in capsys.readouterr().err


FUZZ = """
import sys
from edge.errors import EdgeError
from edge.sources.video import Video
for path in sys.argv[1:]:
    try:
        source = Video(path, report=lambda line: None)
        frames = sum(1 for _ in source)
        print(path, frames, source.lost_frames)
    except EdgeError as error:
        assert "\\n" not in str(error), error
        print(path, "refused")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mp4, index first", "avi of MJPG", "mkv", "ts", "mp4 of MPEG-4"])
def test_random_damage_never_ends_the_process(tmp_path, kind):
    """Ten files of each kind, with 1 to 200 random bytes each, are read or refused in one line, in bounded time."""
    whole = make(tmp_path, kind).read_bytes()
    rng = random.Random(kind)
    paths = []
    for number in range(10):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 10, 200])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        paths.append(tmp_path / f"{number}{CODECS[kind][0]}")
        paths[-1].write_bytes(data)
    done = subprocess.run([sys.executable, "-c", FUZZ, *map(str, paths)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10


class TestLosses:
    """The counting alone, on time stamps that are written out."""

    @pytest.mark.parametrize(
        ("positions", "lost"),
        [
            ([n * 0.04 for n in range(20)], 0),
            ([n * 0.04 for n in range(20) if n not in (12, 13)], 2),
            ([0.0, 0.04, 0.12, 0.16], 0),
            ([round(n / 29.97, 3) for n in range(50) if n != 30], 0),
            ([None] * 20, 0),
            ([n * n * 0.01 for n in range(20)], 0),
        ],
        ids=["steady", "a gap", "too few to know", "another rate", "no time stamps", "variable"],
    )
    def test_gaps_count_where_the_rate_is_steady(self, tmp_path, positions, lost):
        losses = VideoLosses(tmp_path / "none.ts", 0, 25.0)
        for position in positions:
            losses.deliver(position)
        assert losses.at_end() == lost

    def test_matroska_rounds_its_time_stamps(self, tmp_path):
        losses = VideoLosses(tmp_path / "none.ts", 0, 29.97)
        for number in range(50):
            if number != 30:
                losses.deliver(round(number / 29.97, 3))
        assert losses.at_end() == 1

    def test_a_head_that_states_more_frames_than_the_file_has_room_for_is_not_believed(self, tmp_path):
        (tmp_path / "clip.avi").write_bytes(b"RIFF" + (1592).to_bytes(4, "little") + b"AVI " + bytes(1588))
        losses = VideoLosses(tmp_path / "clip.avi", 2**31 - 1, 25.0)
        for position in (0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 1e6):
            losses.deliver(position)
        assert losses.due == 0
        assert losses.so_far == 1, "the time stamp is not believed either"

    def test_a_file_whose_number_of_frames_is_unknown_counts_its_gaps(self, tmp_path):
        (tmp_path / "clip.avi").write_bytes(b"RIFF" + (1592).to_bytes(4, "little") + b"AVI " + bytes(1588))
        losses = VideoLosses(tmp_path / "clip.avi", 0, 25.0)
        for number in (*range(10), 12):
            losses.deliver(number * 0.04)
        assert losses.at_end() == 2

    def test_failed_reads_count_when_nothing_else_tells(self, tmp_path):
        losses = VideoLosses(tmp_path / "none.ts", 0, None)
        losses.deliver(None)
        losses.fail(3)
        losses.deliver(None)
        assert losses.at_end() == 3
        assert losses.line() == "lost about 3 of about 5 frames, which are damaged or missing"
