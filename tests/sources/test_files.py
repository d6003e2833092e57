"""Videos and images: every frame, in order, once."""

import os

import cv2
import numpy as np
import pytest

from edge.errors import FileError
from edge.scenes import write_clip
from edge.sources.images import Images
from edge.sources.video import Video
from tests.loops import picture


def test_a_video_gives_every_frame_in_order_and_its_rate(tmp_path):
    path = tmp_path / "clip.avi"
    write_clip(path, frames=12, size=(64, 48), fps=15.0)
    with Video(path) as source:
        frames = list(source)
    assert [f.index for f in frames] == list(range(12))
    assert {(f.source, f.bgr.shape, f.bgr.dtype.name) for f in frames} == {(str(path), (48, 64, 3), "uint8")}
    assert sorted(f.captured_ns for f in frames) == [f.captured_ns for f in frames]
    assert (source.fps, source.live) == (15.0, False)


def test_a_video_can_be_read_again_and_left_early(tmp_path):
    path = tmp_path / "clip.avi"
    write_clip(path, frames=5, size=(64, 48))
    source = Video(path)
    first = next(iter(source))
    assert len(list(source)) == 5
    np.testing.assert_array_equal(first.bgr, next(iter(source)).bgr)
    source.close()
    assert list(source) == []


def test_a_video_cut_short_ends_where_it_was_cut(tmp_path):
    path = tmp_path / "clip.avi"
    write_clip(path, frames=20, size=(320, 240))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    count = len(list(Video(path)))
    assert 0 < count < 20


def test_images_come_sorted_with_their_paths(tmp_path):
    for number, name in enumerate(["c.png", "a.jpg", "b.BMP"]):
        cv2.imwrite(str(tmp_path / name), picture(number))
    (tmp_path / "inner").mkdir()
    (tmp_path / "notes.txt").touch()
    frames = list(Images(tmp_path))
    assert [f.source for f in frames] == [str(tmp_path / name) for name in ("a.jpg", "b.BMP", "c.png")]
    assert [f.index for f in frames] == [0, 1, 2]


def test_an_image_arrives_as_it_is(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(2))
    (only,) = Images(tmp_path / "a.png")
    np.testing.assert_array_equal(only.bgr, picture(2))


@pytest.mark.parametrize("mode", ["grey", "alpha"])
def test_other_kinds_of_images_become_three_channels(tmp_path, mode):
    other = picture()[..., 0] if mode == "grey" else cv2.cvtColor(picture(), cv2.COLOR_BGR2BGRA)
    cv2.imwrite(str(tmp_path / "a.png"), other)
    (only,) = Images(tmp_path)
    np.testing.assert_array_equal(only.bgr, picture())


def test_a_corrupt_image_is_skipped_named_and_counted(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture())
    (tmp_path / "b.png").write_bytes(b"no image")
    (tmp_path / "c.png").touch()
    lines = []
    source = Images(tmp_path, report=lines.append)
    assert [f.index for f in source] == [0]
    assert source.lost_frames == 2
    assert lines[0] == f"skipped {tmp_path / 'b.png'}: not a whole image that can be decoded (1 so far)"
    assert lines[1].endswith("(2 so far)")


def test_a_cut_image_is_skipped_and_one_with_a_trailer_is_not(tmp_path):
    whole = cv2.imencode(".jpg", picture())[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:-40])
    (tmp_path / "film.jpg").write_bytes(whole + bytes(5000))
    lines = []
    assert [f.source for f in Images(tmp_path, report=lines.append)] == [str(tmp_path / "film.jpg")]
    assert lines == [f"skipped {tmp_path / 'cut.jpg'}: not a whole image that can be decoded (1 so far)"]


def test_nothing_but_corrupt_images_is_an_error(tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(FileError, match="holds no image that can be decoded"):
        list(Images(tmp_path))
    assert "skipped" in capsys.readouterr().err


def test_images_can_be_left_early(tmp_path):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), picture())
    source = Images(tmp_path)
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []


def test_names_that_are_no_text_can_be_printed_and_written(tmp_path):
    """On Linux a file's name is any bytes: as UTF-8 some of them end a JSON lines file, others command a terminal."""
    data = cv2.imencode(".png", picture())[1].tobytes()
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (b"caf\xe9.png", b"a\n\x1b[31m.png"):
        (folder / os.fsdecode(name)).write_bytes(data)
    names = [frame.source for frame in Images(folder)]
    assert names == [f"{folder}/a\\x0a\\x1b[31m.png", f"{folder}/caf\\udce9.png"]


def test_a_video_whose_name_is_no_text_is_refused(tmp_path):
    """OpenCV would end the process."""
    clip = tmp_path / os.fsdecode(b"caf\xe9.avi")
    write_clip(tmp_path / "clip.avi", frames=2, size=(64, 48))
    (tmp_path / "clip.avi").rename(clip)
    with pytest.raises(
        FileError, match=r"caf\\udce9\.avi cannot be opened: its path must be text in UTF-8; give it anoth"
    ):
        Video(clip)
    with pytest.raises(FileError, match="its path must be text in UTF-8"):
        write_clip(tmp_path / os.fsdecode(b"other\xe9.avi"), frames=2, size=(64, 48))
    assert [path.name for path in tmp_path.iterdir()] == [clip.name]
