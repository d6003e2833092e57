"""JSON lines: one object per frame, a whole file or none."""

import errno
import json
import os
import threading

import pytest

from edge.errors import FileError
from edge.results import Prediction, Result
from edge.sinks.jsonl import JsonLines
from tests.loops import ListSource, event

SOURCE = ListSource([])
RESULT = Result(
    predictions=(Prediction("Ägyptische Katze", 0.84375, 3),),
    frame=7,
    source="cat.bmp",
    captured_ns=123,
    age_clock="decode",
    age_ms=4.56789,
    dropped=2,
    skipped=1,
    infer_ms=1.5,
)
OBJECT = {
    "schema": 2,
    "task": "classify",
    "frame": 7,
    "source": "cat.bmp",
    "captured_ns": 123,
    "age_clock": "decode",
    "age_ms": 4.568,
    "infer_ms": 1.5,
    "dropped": 2,
    "skipped": 1,
    "results": [{"label": "Ägyptische Katze", "index": 3, "score": 0.8438}],
}


def test_one_object_a_line(tmp_path):
    path = tmp_path / "new" / "out.jsonl"
    with JsonLines(str(path), SOURCE) as sink:
        sink.emit(event(result=RESULT))
        sink.emit(event(result=RESULT))
        assert not path.exists()
        (beside,) = path.parent.glob(".*.partial/*")
        assert beside.read_text(encoding="utf-8").count("\n") == 2  # each line is flushed
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == [OBJECT, OBJECT]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("target", ["file", "-"])
def test_half_characters_are_read_back(tmp_path, capfd, target):
    """A label of a plug-in, or a file's name, may hold surrogates, which UTF-8 cannot write."""
    path = tmp_path / "out.jsonl"
    odd = Result(predictions=(Prediction("a\udce9\ud800", 0.5, 0),), source="caf\udce9.jpg")
    with JsonLines("-" if target == "-" else str(path), SOURCE) as sink:
        sink.emit(event(result=odd))
    text = capfd.readouterr().out if target == "-" else path.read_text(encoding="utf-8")
    content = json.loads(text)
    assert (content["results"][0]["label"], content["source"]) == ("a\udce9\ud800", "caf\udce9.jpg")


def test_no_frame_no_file(tmp_path):
    with JsonLines(str(tmp_path / "out.jsonl"), SOURCE):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["-"])
def test_stdout(target, capfd):
    with JsonLines(target, SOURCE) as sink:
        sink.emit(event(result=RESULT))
    assert json.loads(capfd.readouterr().out) == OBJECT


def test_stdout_that_is_no_file(capsys):
    with JsonLines("-", SOURCE) as sink:
        sink.emit(event(result=RESULT))
    assert json.loads(capsys.readouterr().out) == OBJECT


def test_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with JsonLines(str(pipe), SOURCE) as sink:
        sink.emit(event(result=RESULT))
    reader.join(10)
    assert json.loads(read[0])["frame"] == 7
    assert pipe.is_fifo()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a device that is always full")
def test_a_full_device_is_one_line():
    sink = JsonLines("/dev/full", SOURCE)
    with pytest.raises(FileError, match="cannot write /dev/full: No space left on device"):
        sink.emit(event(result=RESULT))
    sink.close()


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    path.write_text("what was there before\n")
    sink = JsonLines(str(path), SOURCE)
    sink.emit(event(result=RESULT))

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sink._file, "_file", Full())
    with pytest.raises(FileError, match=r"cannot write .*out\.jsonl"):
        sink.emit(event(result=RESULT))
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]
    assert path.read_text() == "what was there before\n"


@pytest.mark.parametrize("target", ["file/out.jsonl", "folder"])
def test_a_target_that_cannot_be_written_is_known_at_once(tmp_path, target):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="cannot write"):
        JsonLines(str(tmp_path / target), SOURCE)
