"""The options of a source: what no source can have, and what a kind of source refuses."""

import sys
import types

import cv2
import pytest

from edge.errors import InputError
from edge.scenes import write_clip
from edge.sources import SOURCES, open_source
from edge.sources.options import SourceOptions
from tests.loops import picture

BY_NAME = {
    "size": SourceOptions(size=(64, 48)),
    "rate": SourceOptions(rate=5.0),
    "format": SourceOptions(format="MJPG"),
    "realtime": SourceOptions(realtime=True),
    "flavour": SourceOptions(options={"flavour": "sweet"}),
}

REFUSED = [
    ("clip.avi", ("size", "rate", "format", "flavour")),
    ("photos", ("size", "rate", "format", "flavour")),
    ("photos/0.png", ("size", "format", "flavour")),
    ("photos/*.png", ("size", "format", "flavour")),
    ("synthetic", ("format", "realtime", "flavour")),
    ("synthetic?faults=end@5", ("format", "realtime", "flavour")),
    ("picamera", ("format", "realtime", "flavour")),
    ("0", ("realtime", "flavour")),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    write_clip(tmp_path / "clip.avi", frames=2, size=(64, 48))
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "0.png"), picture())
    monkeypatch.chdir(tmp_path)
    if SOURCES["picamera"].missing():
        module = types.ModuleType("picamera2")
        module.__spec__ = object()
        monkeypatch.setitem(sys.modules, "picamera2", module)


@pytest.mark.parametrize(("text", "option"), [(text, name) for text, names in REFUSED for name in names])
def test_what_a_source_cannot_do_is_refused_in_one_line(here, text, option):
    with pytest.raises(InputError, match=f"must have no option.*'{option}'") as caught:
        open_source(text, BY_NAME[option])
    assert "\n" not in str(caught.value)
    assert "leave it out" in str(caught.value)


def test_images_in_real_time_need_a_rate(here):
    with pytest.raises(InputError, match="images in real time must have a rate, such as 2 a second"):
        open_source("photos", SourceOptions(realtime=True))


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"size": (15, 48)}, "a size must be 16 to 8192 pixels"),
        ({"rate": 0.0}, "a rate must be above 0"),
        ({"rate": float("nan")}, "a rate must be above 0"),
        ({"region": (0.5, 0.0, 0.5, 1.0)}, "a region must be x0, y0, x1, y1"),
        ({"region": (0.0, 0.0, 1.1, 1.0)}, "a region must be x0, y0, x1, y1"),
    ],
)
def test_what_no_source_can_have_is_refused(values, line):
    with pytest.raises(InputError, match=line):
        SourceOptions(**values)


@pytest.mark.parametrize("text", ["clip.avi", "photos", "synthetic:64x48@200"])
def test_rotation_region_and_name_are_options_of_every_source(here, text):
    options = SourceOptions(name="yard", rotate=90, region=(0.0, 0.0, 1.0, 0.5))
    with open_source(text) as plain, open_source(text, options) as source:
        width, height = next(iter(plain)).size
        frame = next(iter(source))
    assert (source.name, source.live, source.fps) == ("yard", plain.live, plain.fps)
    assert frame.size == (height, width // 2)
    assert frame.source == ("photos/0.png" if text == "photos" else "yard")


def test_a_size_in_the_text_counts_more_than_one_in_the_options():
    options = SourceOptions(size=(320, 240), rate=5.0)
    assert open_source("synthetic", options).name == "synthetic:320x240@5"
    assert open_source("synthetic:64x48", options).name == "synthetic:64x48@5"
    assert open_source("synthetic:64x48@7", options).name == "synthetic:64x48@7"
