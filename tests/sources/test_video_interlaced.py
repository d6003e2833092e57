"""Interlaced and mirrored video files: the frames are those that were drawn, or nothing is handed over."""

import struct
import sys
from fractions import Fraction

import numpy as np
import pytest

from edge.errors import FileError
from edge.sources.video import Video
from edge.video import Capture, InterlacedError, Writer

WIDTH, HEIGHT = 96, 64

INTERLACED = "+ildct+ilme"


def drawn(index=0, width=WIDTH, height=HEIGHT):
    """Return a picture with four different corners, (height, width, 3) uint8 BGR, and a bar that moves."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (200, 30, 30)
    image[: height // 2, width // 2 :] = (30, 200, 30)
    image[height // 2 :, : width // 2] = (30, 30, 200)
    image[:, 8 * index : 8 * index + 8] = 220
    return image


def encode(path, frames, flags="+bitexact", codec="mpeg2video", options=None):
    av = pytest.importorskip("av", reason="PyAV writes the files of this test")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        stream.options = {"flags": flags + "+global_header" * (path.suffix in (".mp4", ".mkv")), **(options or {})}
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def difference(image, expected):
    return float(np.abs(image.astype(int) - expected).mean())


FORMATS = {
    "MPEG-2 program stream": ("in.mpg", "mpeg2video", {}),
    "MPEG-2 transport stream": ("in.ts", "mpeg2video", {}),
    "MPEG-4 in AVI": ("in.avi", "mpeg4", {}),
    "H.264 in MP4": ("in.mp4", "libx264", {"x264-params": "tff=1", "crf": "5"}),
    "H.264 in Matroska": ("in.mkv", "libx264", {"x264-params": "tff=1", "crf": "5"}),
}


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS.values(), ids=FORMATS)
def test_interlaced_frames_are_those_that_were_drawn(tmp_path, name, codec, options):
    expected = [drawn(number) for number in range(6)]
    source = Video(encode(tmp_path / name, expected, INTERLACED, codec, options))
    frames = list(source)
    assert len(frames) == 6
    assert source.lost_frames == 0
    # Coding and subsampled colour change the edges; another frame differs by 20 and more.
    assert max(difference(frame.pixels, image) for frame, image in zip(frames, expected, strict=True)) < 8
    assert [round(frame.position, 3) for frame in frames] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize("still", [False, True], ids=["moving", "a still picture"])
def test_a_file_that_becomes_interlaced_loses_no_frame(tmp_path, still):
    expected = [drawn(0 if still else number) for number in range(8)]
    first = encode(tmp_path / "first.ts", expected[:4]).read_bytes()
    second = encode(tmp_path / "second.ts", expected[4:], INTERLACED).read_bytes()
    (tmp_path / "both.ts").write_bytes(first + second)
    frames = list(Video(tmp_path / "both.ts"))
    assert len(frames) == 8
    assert max(difference(frame.pixels, image) for frame, image in zip(frames, expected, strict=True)) < 8


def test_without_pyav_an_interlaced_file_is_refused_in_one_line(tmp_path, monkeypatch, capfd):
    path = encode(tmp_path / "in.mpg", [drawn()] * 3, INTERLACED)
    monkeypatch.setitem(sys.modules, "av", None)
    capfd.readouterr()
    with pytest.raises(FileError, match=r"interlaced.*ffmpeg -i IN -vf bwdif OUT\.mp4.*edgekit\[rtsp\]") as error:
        list(Video(path))
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


def test_a_capture_hands_over_no_frame_that_was_not_written(tmp_path):
    path = encode(tmp_path / "in.ts", [drawn()] * 3, INTERLACED)
    with Capture(str(path)) as capture, pytest.raises(InterlacedError, match="progressive"):
        capture.read()


def test_a_still_progressive_video_is_read_whole(tmp_path):
    path = encode(tmp_path / "still.mkv", [drawn()] * 20, codec="ffv1")
    assert len(list(Video(path))) == 20


MATRICES = {
    "as it is": (1, 0, 0, 1),
    "a quarter turn": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "three quarter turns": (0, -1, 1, 0),
    "left and right exchanged": (-1, 0, 0, 1),
    "top and bottom exchanged": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transposed at the other diagonal": (0, -1, -1, 0),
}


def by_matrix(image, a, b, c, d):
    """Put each pixel where ISO/IEC 14496-12, 6.2.2 says: x' = a x + c y, y' = b x + d y, moved to begin at 0."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    across, down = a * x + c * y, b * x + d * y
    across, down = across - across.min(), down - down.min()
    moved = np.zeros((down.max() + 1, across.max() + 1, 3), np.uint8)
    moved[down, across] = image
    return moved


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("interlaced", [False, True], ids=["progressive", "interlaced"])
def test_a_matrix_turns_and_mirrors(tmp_path, matrix, interlaced):
    path = tmp_path / "out.mp4"
    if interlaced:
        encode(path, [drawn()] * 2, INTERLACED, "mpeg4")
    else:
        with Writer(path, (WIDTH, HEIGHT), 10.0) as writer:
            writer.write(drawn())
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    image = next(iter(Video(path))).pixels
    expected = by_matrix(drawn(), *matrix)
    assert image.shape == expected.shape
    assert difference(image, expected) < 8
