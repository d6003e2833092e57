"""The Pi's camera, with a stand-in for its library: what it is asked for, and what is made of its answers."""

import sys
import types
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from edge.errors import FileError
from edge.sources import open_source


class Camera:
    """What picamera2 documents of Picamera2."""

    calls: list = []  # noqa: RUF012 - shared by the instances that a source opens
    fails = None

    def __init__(self):
        if self.fails:
            raise self.fails
        self.calls.append("open")

    def create_video_configuration(self, main, controls):
        return {"main": main, "controls": controls}

    def configure(self, configuration):
        self.calls.append(configuration)

    def start(self):
        self.calls.append("start")

    def capture_array(self, name):
        assert name == "main"
        return np.full((48, 64, 3), 7, np.uint8)

    def stop(self):
        self.calls.append("stop")

    def close(self):
        self.calls.append("close")


@pytest.fixture
def camera(monkeypatch):
    module = types.ModuleType("picamera2")
    module.__spec__ = ModuleSpec("picamera2", None)
    module.Picamera2 = type("Picamera2", (Camera,), {"calls": []})
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module.Picamera2


def test_it_is_asked_for_blue_green_red_and_released(camera):
    with open_source("picamera:64x48@12") as source:
        frames = iter(source)
        assert next(frames).bgr.shape == (48, 64, 3)
        (reader,) = source._readers
    reader.join(10)
    assert camera.calls[1] == {"main": {"size": (64, 48), "format": "RGB888"}, "controls": {"FrameRate": 12.0}}
    assert [c for c in camera.calls if isinstance(c, str)] == ["open", "start", "stop", "close"]


@pytest.mark.parametrize("error", [IndexError("list index out of range"), RuntimeError("Device or resource busy")])
def test_no_camera_is_one_line(camera, error):
    camera.fails = error
    with pytest.raises(FileError, match=r"the Pi's camera cannot be opened: .*rpicam-hello"):
        next(iter(open_source("picamera")))
