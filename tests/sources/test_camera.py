"""V4L2 cameras, with stand-ins for the kernel's interface and for OpenCV's capture. No real camera took part."""

import errno
import os
import struct
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from edge import v4l2, video
from edge.errors import FileError, InputError
from edge.sources import camera, open_source
from edge.sources.camera import CameraMode, V4l2Camera, asked, check, open_camera
from edge.sources.options import SourceOptions
from edge.sources.supervised import RetryPolicy
from tests.loops import picture

JPEG = cv2.imencode(".jpg", picture(1, (64, 48)))[1].tobytes()
CAPTURE, META, BY_NODE = 0x1, 0x00800000, 0x80000000


class Driver:
    """Answers the ioctls of a V4L2 driver."""

    def __init__(self, capabilities=CAPTURE, formats=(b"YUYV", b"MJPG"), busy=False):
        self.capabilities, self.formats, self.busy = capabilities, formats, busy

    def ioctl(self, descriptor, request, buffer):
        if request == v4l2.QUERYCAP:
            struct.pack_into(
                "<16s32s32sIII", buffer, 0, b"uvc", b"cam", b"usb", 6, self.capabilities, self.capabilities
            )
        elif request == v4l2.REQBUFS:
            assert struct.unpack("<IIIII", buffer) == (0, 1, 1, 0, 0), "count, type and memory of v4l2_requestbuffers"
            if self.busy:
                raise OSError(errno.EBUSY, "Device or resource busy")
        else:
            (index,) = struct.unpack_from("<I", buffer)
            if index >= len(self.formats):
                raise OSError(errno.EINVAL, "no more")
            buffer[44:48] = self.formats[index]


class Capture:
    """What OpenCV's V4L2 capture does: it takes what the camera can, and gives files or arrays of its format."""

    sizes, rate, formats = ((640, 480), (1280, 720)), 15.0, ("YUYV", "MJPG")
    frames: tuple = (np.frombuffer(JPEG, np.uint8)[None],)
    stamp = 0.0
    opens = True

    def __init__(self):
        self.asked, self.convert, self.released = [], 1, False
        self.size, self.format, self._wanted = self.sizes[0], self.formats[0], [0, 0]
        self._frames = iter(self.frames)

    def open(self, target, api, limits):
        self.target, self.api = target, api
        return self.opens

    def getBackendName(self):  # noqa: N802 - OpenCV's name
        return "V4L2"

    def set(self, which, value):
        self.asked.append((which, value))
        if which == cv2.CAP_PROP_FOURCC:
            wanted = int(value).to_bytes(4, "little").decode()
            self.format = wanted if wanted in self.formats else self.format
        elif which in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT):
            self._wanted[which == cv2.CAP_PROP_FRAME_HEIGHT] = value
            self.size = min(self.sizes, key=lambda size: abs(size[0] - self._wanted[0]))
        elif which == cv2.CAP_PROP_CONVERT_RGB:
            self.convert = value
        return True

    def get(self, which):
        return {
            cv2.CAP_PROP_FRAME_WIDTH: self.size[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self.size[1],
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*self.format),
            cv2.CAP_PROP_FPS: self.rate,
            cv2.CAP_PROP_POS_MSEC: self.stamp,
        }[which]

    def read(self):
        frame = next(self._frames, None)
        return frame is not None, frame

    def release(self):
        self.released = True


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A device file whose driver answers as a camera."""
    monkeypatch.setattr(v4l2.fcntl, "ioctl", Driver().ioctl)
    (tmp_path / "video0").touch()
    return tmp_path / "video0"


@pytest.fixture
def capture(monkeypatch):
    """The class that stands for cv2.VideoCapture; tests change what the camera can."""
    kind = type("Capture", (Capture,), {"made": []})

    def made():
        kind.made.append(kind())
        return kind.made[-1]

    monkeypatch.setattr(video.cv2, "VideoCapture", made)
    return kind


def drive(monkeypatch, **how):
    monkeypatch.setattr(v4l2.fcntl, "ioctl", Driver(**how).ioctl)


def test_it_asks_in_the_order_that_opencv_needs_and_says_what_the_camera_gives(node, capture):
    lines = []
    source = open_camera(str(node), SourceOptions(size=(1280, 720), rate=30.0))
    source._to_report = lines.append
    frame = next(iter(source))
    source.close()
    assert frame.bgr.shape == (48, 64, 3)
    assert lines == [f"camera {node} gives 1280x720 MJPG at 15 frames/s, asked at 30 frames/s"]
    assert source.mode == CameraMode((1280, 720), "MJPG", 15.0)
    properties = [which for which, _ in capture.made[0].asked]
    assert [p for p in properties if p != cv2.CAP_PROP_ORIENTATION_AUTO] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_CONVERT_RGB,
    ]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (SourceOptions(), "640x480 YUYV at 15 frames/s"),
        (SourceOptions(size=(640, 480), format="YUYV", rate=15.0), "640x480 YUYV at 15 frames/s"),
        (SourceOptions(size=(1920, 1080)), "1280x720 MJPG at 15 frames/s, asked 1920x1080"),
        (SourceOptions(size=(800, 600), format="YUYV"), "640x480 YUYV at 15 frames/s, asked 800x600"),
        (SourceOptions(rate=15.0000001), "640x480 YUYV at 15 frames/s"),
    ],
)
def test_the_line_says_what_was_asked_only_where_it_differs(node, capture, options, line):
    lines = []
    source = camera.CameraSource(node, options, report=lines.append)
    with source._open():
        assert lines == [f"camera {node} gives {line}"]
    source._open()
    assert len(lines) == 1, "the same again is no news"


def test_a_camera_that_has_no_mjpg_says_so(node, capture):
    capture.formats = ("YUYV",)
    with V4l2Camera(node, asked(SourceOptions(size=(1280, 720)))) as device:
        assert device.mode.format == "YUYV"


@pytest.mark.parametrize(
    ("size", "form", "expected"),
    [(None, "", ""), ((640, 480), "", ""), ((640, 481), "", "MJPG"), ((1280, 720), "YUYV", "YUYV")],
)
def test_mjpg_is_asked_for_when_the_picture_is_large(size, form, expected):
    assert asked(SourceOptions(size=size, format=form)).format == expected


def test_a_rate_that_the_driver_does_not_know_is_left_out(node, capture):
    capture.rate = -1.0
    with V4l2Camera(node, CameraMode()) as device:
        assert device.mode.line() == "640x480 YUYV"


def test_yuyv_comes_as_it_is(node, capture):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 2), np.uint8)
    capture.frames = (pixels,)
    with V4l2Camera(node, CameraMode()) as device:
        np.testing.assert_array_equal(device.read(), pixels)
        assert device.format == "YUYV"


def test_other_formats_are_converted_by_opencv(node, capture):
    capture.formats, capture.frames = ("NV12",), (picture(1),)
    with V4l2Camera(node, CameraMode()) as device:
        np.testing.assert_array_equal(device.read(), picture(1))
        assert device.format == "BGR"
    assert capture.made[0].convert == 1


def test_a_cut_picture_is_counted_and_never_shows_an_older_one(node, capture):
    def as_read(data):
        return np.frombuffer(data, np.uint8)[None]

    other = cv2.imencode(".jpg", picture(3, (64, 48)))[1].tobytes()
    capture.frames = tuple(as_read(data) for data in (JPEG, other[: len(other) // 2], other[:2], other))
    with V4l2Camera(node, CameraMode(format="MJPG")) as device:
        first, second = device.read(), device.read()
    assert device.damaged == 2
    np.testing.assert_array_equal(first, cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR))
    np.testing.assert_array_equal(second, cv2.imdecode(np.frombuffer(other, np.uint8), cv2.IMREAD_COLOR))


def test_nothing_but_damaged_pictures_is_an_error(node, capture):
    capture.frames = (np.zeros((1, 40), np.uint8),) * (camera.MAX_DAMAGED + 1)
    with V4l2Camera(node, CameraMode(format="MJPG")) as device, pytest.raises(FileError, match="in a row are damaged"):
        device.read()


def test_a_camera_that_is_unplugged_is_an_error(node, capture):
    capture.frames = ()
    with V4l2Camera(node, CameraMode()) as device, pytest.raises(FileError, match="it stopped giving frames"):
        device.read()
    assert capture.made[0].released


@pytest.mark.parametrize(("ago", "clock"), [(0.04, "pts"), (-1000.0, "arrival"), (1e6, "arrival")])
def test_the_age_is_the_driver_s_when_its_clock_is_ours(node, capture, ago, clock):
    capture.stamp = (time.monotonic() - ago) * 1e3
    with V4l2Camera(node, CameraMode()) as device:
        device.read()
        assert device.age_clock == clock
        assert device.age == (pytest.approx(ago, abs=0.5) if clock == "pts" else 0.0)


def test_a_driver_without_time_stamps_has_the_age_of_arrival(node, capture):
    with V4l2Camera(node, CameraMode()) as device:
        device.read()
        assert (device.age, device.age_clock) == (0.0, "arrival")


def test_a_name_is_the_user_s(node, capture):
    assert open_camera(str(node), SourceOptions(name="yard")).name == "yard"


def test_a_camera_in_use_is_one_line_at_once(node, capture, monkeypatch):
    drive(monkeypatch, busy=True)
    with pytest.raises(FileError, match=f"camera {node} is in use: end the other program"):
        next(iter(open_camera(str(node))))
    assert capture.made == [], "OpenCV would wait for 10 s"


def test_the_program_that_uses_it_is_named(node, monkeypatch):
    drive(monkeypatch, busy=True)
    code = f"import sys; file = open({str(node)!r}); print('open', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(FileError, match=rf"is in use by python[^ ]* \(pid {other.pid}\): end"):
            check(node)
    finally:
        other.communicate()


def test_a_read_of_our_own_that_hangs_is_no_other_program(node, monkeypatch):
    drive(monkeypatch, busy=True)
    with node.open(), pytest.raises(FileError, match="is still held by an earlier read of this run"):
        check(node)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errno.EACCES, "may not be opened by this user: sudo usermod -aG video .USER, then log in again"),
        (errno.EPERM, "may not be opened by this user"),
        (errno.EBUSY, "is in use: end the other program"),
        (errno.ENODEV, "cannot be opened: No such device; this machine has "),
    ],
)
def test_a_camera_that_cannot_be_opened_says_what_to_do(node, capture, monkeypatch, error, line):
    real = os.open

    def refuse(path, *rest):
        if str(path) == str(node):
            raise OSError(error, os.strerror(error))
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FileError, match=line) as caught:
        V4l2Camera(node, CameraMode())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"capabilities": META}, "gives no pictures .it is a converter"),
        ({"capabilities": 0x8000}, "gives no pictures"),
    ],
)
def test_a_node_without_pictures_is_one_line(node, capture, monkeypatch, how, line):
    drive(monkeypatch, **how)
    with pytest.raises(FileError, match=line):
        V4l2Camera(node, CameraMode())


def test_a_file_that_is_no_device_is_one_line(tmp_path):
    (tmp_path / "video0").touch()
    with pytest.raises(FileError, match="is no video device; this machine has "):
        check(tmp_path / "video0")


def test_a_camera_that_opencv_refuses_is_one_line(node, capture):
    capture.opens = False
    with pytest.raises(FileError, match="cannot be opened"):
        V4l2Camera(node, CameraMode())


def test_no_such_camera_lists_those_that_there_are(monkeypatch):
    with pytest.raises(FileError, match=r"camera /dev/video250 does not exist; this machine has .*; connect one"):
        open_source("250")
    monkeypatch.setattr(camera.Path, "glob", lambda folder, pattern: [folder / "video3", folder / "video4"])
    nodes = {"video3": v4l2.Node(True, ("MJPG", "YUYV")), "video4": v4l2.Node(False, ())}
    monkeypatch.setattr(v4l2, "query", lambda path: nodes[path.name])
    with pytest.raises(FileError, match=r"this machine has /dev/video3 \(MJPG YUYV\); connect one"):
        open_source("250")


def test_a_lasting_name_of_a_camera_is_one(tmp_path):
    with pytest.raises(FileError, match="camera /dev/v4l/by-id/none does not exist"):
        open_source("/dev/v4l/by-id/none")


def test_an_option_that_cameras_lack_is_refused(node):
    with pytest.raises(InputError, match="a camera must have no option 'realtime'"):
        open_camera(str(node), SourceOptions(realtime=True))


def test_a_camera_that_fails_later_is_opened_again(node, capture):
    lines = []
    source = camera.CameraSource(node, SourceOptions(), RetryPolicy(first=0.001, longest=0.01), lines.append)
    frames = iter(source)
    indices = [next(frames).index for _ in range(2)]
    source.close()
    assert indices == [0, 1]
    assert len(capture.made) >= 2
    assert "it stopped giving frames" in lines[1]
