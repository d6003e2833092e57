"""Cameras, disks and what else a running machine is asked for."""

import errno
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from edge import v4l2
from edge.device import Device
from edge.doctor import board, cameras, coral_check, coral_library, power, storage
from edge.doctor.system import System
from edge.errors import GateFailed

PC = Device("pc-4", "Some PC", "x86_64", 4, 8000, "Debian", "3.11.2")
PI = Device("pi-4", "Raspberry Pi 4 Model B Rev 1.4", "aarch64", 4, 3792, "Debian", "3.11.2")


def put(root, name, text=""):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Live(System):
    """A tree that counts as the running machine, so that its devices are opened."""

    def __init__(self, root):
        super().__init__(root)
        self.live = True


def answers(**nodes):
    return lambda path: nodes.get(path.name)


def test_cameras_of_the_running_machine_have_formats(tmp_path):
    for name in ("video0", "video1", "video2"):
        put(tmp_path, f"dev/{name}")
    put(tmp_path, "sys/class/video4linux/video0/name", "HD Webcam\n")
    asked = answers(video0=v4l2.Node(True, ("YUYV", "MJPG")), video1=v4l2.Node(False, ()), video2=v4l2.Node(False, ()))
    (check,) = cameras.cameras(Live(tmp_path), asked)
    assert (check.status, check.found) == ("ok", "/dev/video0 (HD Webcam, YUYV MJPG)")


def test_a_camera_that_opencv_cannot_read(tmp_path):
    put(tmp_path, "dev/video0")
    (check,) = cameras.cameras(Live(tmp_path), answers(video0=v4l2.Node(True, ("H264",))))
    assert (check.status, check.found) == ("warning", "/dev/video0 (no name, H264); OpenCV reads no format of video0")


def test_a_camera_that_this_user_may_not_open(tmp_path, monkeypatch):
    put(tmp_path, "dev/video0")
    system = Live(tmp_path)
    monkeypatch.setattr(system, "may_open", lambda node: False)
    (check,) = cameras.cameras(system, answers())
    assert (check.status, check.found) == ("warning", "/dev/video0 (no name); this user may not open video0")
    assert check.mend == "sudo usermod -aG video $USER, then log in again"


class Driver:
    """Answers the ioctls of a V4L2 driver: its capabilities, and a list of formats for each buffer type."""

    def __init__(self, capabilities, formats, of_this_node=0):
        self.capabilities, self.formats, self.of_this_node = capabilities, formats, of_this_node

    def ioctl(self, descriptor, request, buffer):
        if request == v4l2.QUERYCAP:
            assert len(buffer) == 104
            struct.pack_into(
                "<16s32s32sIII", buffer, 0, b"uvc", b"cam", b"usb", 6, self.capabilities, self.of_this_node
            )
            return 0
        assert (request, len(buffer)) == (v4l2.ENUM_FMT, 64)
        index, kind = struct.unpack_from("<II", buffer)
        if index >= len(self.formats.get(kind, ())):
            raise OSError(errno.EINVAL, "no more")
        buffer[44:48] = self.formats[kind][index]
        return 0


META = 0x00800000


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (Driver(0x04200001, {1: [b"YUYV", b"MJPG"]}), v4l2.Node(True, ("YUYV", "MJPG"))),
        (Driver(0x80000000 | 0x1 | META, {1: [b"YUYV"]}, of_this_node=META), v4l2.Node(False, ())),
        (Driver(0x1 | 0x8000, {1: [b"YU12"]}), v4l2.Node(False, ())),
        (Driver(0x1000, {9: [b"NV12", b"Y10 "]}), v4l2.Node(True, ("NV12", "Y10"))),
        (Driver(0x1, {1: [b"YUYV"] * 200}), v4l2.Node(True, ("YUYV",))),
    ],
    ids=["camera", "metadata of a camera", "converter", "several planes", "a driver without an end"],
)
def test_what_a_video_device_says(tmp_path, monkeypatch, driver, expected):
    monkeypatch.setattr(v4l2.fcntl, "ioctl", driver.ioctl)
    (tmp_path / "video0").touch()
    assert v4l2.query(tmp_path / "video0") == expected


def test_what_is_no_video_device(tmp_path):
    (tmp_path / "video0").touch()
    assert v4l2.query(tmp_path / "video0") is None
    assert v4l2.query(tmp_path / "none") is None


STATUS = "Package: {}\nStatus: install ok installed\nVersion: {}\n\n"


@pytest.mark.parametrize(
    ("device", "packages", "visible", "numpy", "status", "words"),
    [
        (PC, {}, False, "2.4.6", None, ""),
        (PI, {}, False, "2.4.6", "absent", "not installed"),
        (PI, {}, True, "2.4.6", "ok", "installed with pip"),
        (
            PI,
            {"python3-picamera2": "0.3.18-1", "python3-numpy": "1:1.24.2-1"},
            True,
            "1.26.4",
            "ok",
            "for numpy 1.24.2",
        ),
        (
            PI,
            {"python3-picamera2": "0.3.18-1", "python3-numpy": "1:1.24.2-1"},
            True,
            "2.4.6",
            "warning",
            "has numpy 2.4.6",
        ),
        (PI, {"python3-picamera2": "0.3.18-1"}, False, "1.26.4", "warning", "which this environment does not see"),
    ],
)
def test_picamera(tmp_path, device, packages, visible, numpy, status, words):
    put(tmp_path, "var/lib/dpkg/status", "".join(STATUS.format(*row) for row in packages.items()))
    checks = cameras.picamera(Live(tmp_path), device, visible, numpy)
    assert [check.status for check in checks] == ([status] if status else [])
    assert all(words in check.found for check in checks)


@pytest.fixture
def with_stick(tmp_path):
    folder = "sys/bus/usb/devices/2-1"
    for name, text in {"idVendor": "18d1", "idProduct": "9302", "speed": "5000", "busnum": "2", "devnum": "7"}.items():
        put(tmp_path, f"{folder}/{name}", text)
    return tmp_path


def test_a_stick_that_this_user_may_not_open(with_stick, monkeypatch):
    system = Live(with_stick)
    monkeypatch.setattr(system, "may_open", lambda node: False)
    (check,) = coral_check.accelerator(system, PI)
    assert (check.status, check.mend) == ("warning", coral_check.RULE + coral_check.PERMISSION)
    assert check.found.endswith("this user may not open /dev/bus/usb/002/007")
    put(with_stick, "lib/udev/rules.d/60-libedgetpu1-std.rules")
    (check,) = coral_check.accelerator(system, PI)
    assert check.mend == coral_check.PERMISSION


def test_a_card_that_this_user_may_not_open(tmp_path, monkeypatch):
    put(tmp_path, "dev/apex_0")
    system = Live(tmp_path)
    monkeypatch.setattr(system, "may_open", lambda node: False)
    (check,) = coral_check.accelerator(system, PI)
    assert (check.status, check.mend) == ("warning", coral_check.CARD_PERMISSION)


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="udevadm is not installed")
@pytest.mark.parametrize("mend", [coral_check.RULE, coral_check.CARD_PERMISSION])
def test_the_rules_are_ones_that_udev_reads(tmp_path, mend):
    """Only the part that the shell prints is taken from the command."""
    rule = tmp_path / "60-edgetpu.rules"
    rule.write_text(mend.split("'")[1] + "\n")
    done = subprocess.run(["udevadm", "verify", str(rule)], capture_output=True, text=True, timeout=10)
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        pytest.skip("this udevadm has no verify")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (None, "ok", "16.0tf2.19.1-1, opens the Edge TPU"),
        ("edgetpu crashed with signal 11: it is built for another processor or runtime", "warning", "signal 11"),
    ],
)
def test_a_library_that_crashes_is_a_finding(with_stick, fault, status, words):
    put(with_stick, "var/lib/dpkg/status", STATUS.format("libedgetpu1-std", "16.0tf2.19.1-1"))

    def run(name):
        assert name == "edgetpu"
        if fault:
            raise GateFailed(fault)

    (check,) = coral_library.library(Live(with_stick), run)
    assert check.status == status
    assert words in check.found


def test_the_firmware_is_asked_by_its_program_where_the_kernel_shows_no_file(tmp_path, monkeypatch):
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x50005\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (check,) = power.throttling(Live(tmp_path))
    assert check.found == "now: under-voltage, throttled"
    program.write_text("#!/bin/sh\necho 'VCHI initialization failed'\n")
    assert power.throttling(Live(tmp_path)) == []
    assert power.throttling(System(tmp_path)) == []


def test_a_32_bit_pc_is_no_finding(tmp_path):
    put(tmp_path, "lib/ld-linux-armhf.so.3")
    (check,) = board.word_size(System(tmp_path), PC)
    assert check.status == "ok"
    assert board.word_size(System(tmp_path / "none"), PC) == []


def test_storage(tmp_path, monkeypatch):
    assert {check.status for check in storage.space(tmp_path)} == {"ok"}
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 5 << 20}))
    monkeypatch.setattr(storage, "_writable", lambda folder: False)

    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr(storage.tempfile, "gettempdir", nowhere)
    disk, folder, temporary = storage.space(tmp_path)
    assert (disk.status, disk.found) == ("warning", f"5 MiB free in {tmp_path}")
    assert (folder.status, temporary.status) == ("warning", "broken")


def test_writable(tmp_path):
    assert storage._writable(tmp_path)
    assert not storage._writable(tmp_path / "none")


def test_a_pipe_is_not_read(tmp_path):
    subprocess.run(["mkfifo", str(tmp_path / "pipe")], check=True, timeout=10)
    assert System(tmp_path).text("pipe") == ""
    assert System(tmp_path).text("\0") == ""


def test_numbered_devices_are_in_natural_order(tmp_path):
    for number in (10, 9, 2):
        put(tmp_path, f"dev/video{number}")
    assert [path.name for path in System(tmp_path).find("dev/video*")] == ["video2", "video9", "video10"]
    assert System(Path("/")).live
