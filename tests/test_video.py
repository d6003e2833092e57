"""Writing and opening video through OpenCV."""

import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.video import CODECS, Capture, Writer, frame_count

BLANK = np.zeros((48, 64, 3), np.uint8)


def test_a_frame_of_another_size_is_refused(tmp_path):
    with Writer(tmp_path / "out.avi", (64, 48), 10.0) as writer:
        writer.write(BLANK)
        with pytest.raises(InputError, match="must be 64x48, got 48x64"):
            writer.write(BLANK.transpose(1, 0, 2))
    assert frame_count(tmp_path / "out.avi") == 1


def test_closing_twice_does_nothing(tmp_path):
    writer = Writer(tmp_path / "out.avi", (64, 48), 10.0)
    writer.write(BLANK)
    writer.close()
    writer.close()


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(FileError, match="cannot write"):
        Writer(tmp_path / "absent" / "out.avi", (64, 48), 10.0)


def test_what_the_codec_refuses_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(CODECS, ".avi", "????")
    with pytest.raises(FileError, match=r"cannot open it with codec .* at 64x48"):
        Writer(tmp_path / "out.avi", (64, 48), 10.0)


def test_what_cannot_be_read_has_no_frames(tmp_path):
    (tmp_path / "bad.avi").write_bytes(b"no video")
    assert frame_count(tmp_path / "bad.avi") == 0
    assert frame_count(tmp_path / "absent.avi") == 0


@pytest.mark.parametrize(
    ("target", "why"),
    [("absent.mp4", "it does not exist"), ("http://127.0.0.1:9/x", "no stream answers at this address")],
)
def test_the_reason_is_in_the_line_and_nothing_else_is_printed(target, why, capfd):
    with pytest.raises(FileError, match=f"cannot be opened: {why}"):
        Capture(target, timeout=1.0 if "://" in target else None)
    assert capfd.readouterr() == ("", "")
