"""What --source means, and the line for what it cannot mean."""

from pathlib import Path

import cv2
import pytest

from edge import sources
from edge.errors import FileError, InputError, MissingExtra
from edge.sources import SOURCES, open_source
from edge.sources.images import Images
from edge.sources.options import SourceOptions
from edge.sources.supervised import SupervisedSource
from edge.sources.synthetic import Synthetic
from edge.sources.video import Video
from tests.loops import picture


@pytest.fixture
def clip(tmp_path):
    from edge.scenes import write_clip

    write_clip(tmp_path / "clip.avi", frames=2, size=(64, 48))
    return tmp_path / "clip.avi"


def test_a_file_or_folder_is_recognized(tmp_path, clip):
    cv2.imwrite(str(tmp_path / "one.PNG"), picture())
    assert isinstance(open_source(str(clip)), Video)
    assert isinstance(open_source(str(tmp_path)), Images)
    assert isinstance(open_source(str(tmp_path / "one.PNG")), Images)


@pytest.mark.parametrize("text", ["rtsp://host/live", "http://host:8080/video", "HTTPS://host/video"])
def test_an_address_is_a_supervised_stream_and_nothing_is_opened_yet(text):
    source = open_source(text)
    assert isinstance(source, SupervisedSource)
    assert source.live


@pytest.mark.parametrize(
    ("text", "name"),
    [("synthetic", "synthetic:640x480@30"), ("synthetic:320x200@12.5", "synthetic:320x200@12.5")],
)
def test_synthetic_takes_a_size_and_rate(text, name):
    source = open_source(text)
    assert isinstance(source, Synthetic)
    assert source.name == name


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("nothing.avi", FileError, "source 'nothing.avi' does not exist: expected a camera number"),
        ("", FileError, "source '' does not exist"),
        ("250", FileError, "camera /dev/video250 does not exist; this machine has "),
        ("/dev/video250", FileError, "camera /dev/video250 does not exist"),
        ("ftp://host/clip", InputError, "must begin with one of rtsp, .*, got ftp://"),
        ("synthetic:640", InputError, "must look like 640x480@30"),
        ("synthetic:4x4", InputError, "16 to 8192 pixels"),
        ("synthetic:64x64@0", InputError, "rate above 0"),
    ],
)
def test_what_is_not_understood_is_one_line(text, error, line):
    with pytest.raises(error, match=line) as caught:
        open_source(text)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not SOURCES["picamera"].missing(), reason="picamera2 is installed here")
def test_a_missing_dependency_names_the_extra():
    with pytest.raises(MissingExtra, match=r"needs picamera2, not installed here: pip install 'edgekit\[picamera\]'"):
        open_source("picamera")


def test_a_plug_in_is_reached_by_its_name(monkeypatch):
    class Point:
        name = "ndi"

        @staticmethod
        def load():
            return lambda rest: ("opened", rest)

    monkeypatch.setattr("edge.registry._plugins", lambda kind: {"ndi": Point} if kind == "source" else {})
    assert open_source("ndi:studio 1") == ("opened", "studio 1")
    assert sources.names() == [*SOURCES, "ndi"]
    with pytest.raises(InputError, match="source 'ndi' must have no option 'rate'"):
        open_source("ndi:studio 1", SourceOptions(rate=5.0))


def test_a_plug_in_with_a_parameter_for_options_gets_them(monkeypatch):
    class Point:
        name = "ndi"

        @staticmethod
        def load():
            return lambda rest, retry=3, options=None: (rest, retry, options)

    monkeypatch.setattr("edge.registry._plugins", lambda kind: {"ndi": Point} if kind == "source" else {})
    options = SourceOptions(rate=5.0)
    assert open_source("ndi:studio 1", options) == ("studio 1", 3, options)


@pytest.mark.parametrize("content", [b"", b"this is no video" * 100])
def test_a_video_that_cannot_be_opened_is_one_line(tmp_path, content):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"video .*bad\.mp4 cannot be opened: it is (empty|not a video)"):
        open_source(str(path))


def test_a_folder_without_images_is_one_line(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileError, match=r"must hold images .* found none"):
        open_source(str(tmp_path))


def test_a_folder_of_class_folders_is_told_which_to_give(tmp_path):
    (tmp_path / "test" / "cat").mkdir(parents=True)
    with pytest.raises(
        FileError, match=r"found none; give one of its folders, such as .*test, or the pattern .*/\*\*/\*$"
    ):
        open_source(str(tmp_path))


def test_importing_the_table_imports_no_opencv_source():
    import subprocess
    import sys

    code = "import sys, edge.sources; print([m for m in sys.modules if m.startswith('edge.sources.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "['edge.sources.base', 'edge.sources.options']"
