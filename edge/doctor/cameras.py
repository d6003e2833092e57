"""The checks of cameras: USB cameras, and those on the ribbon cable of a Raspberry Pi."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edge import v4l2
from edge.device import Device
from edge.doctor.check import Check
from edge.doctor.system import System

NO_CAMERAS = re.compile(r"bcm2835-(codec|isp)|rpivid|rpi-hevc-dec|pispbe|rp1-cfe-(fe|embedded)|unicam-embedded")
"""Video devices of a Raspberry Pi's codecs and image processors, and of metadata. They give no pictures of their own.

Names as in raspberrypi/linux: bcm2835-codec, bcm2835-isp and rpivid up to the Pi 4, pispbe and rpi-hevc-dec on the 5.
"""
RIBBON = re.compile(r"unicam(-image)?$|rp1-cfe-csi2_ch0$")
"""The receivers of ribbon-cable cameras: Pi 4 and before, and Pi 5. They give raw sensor data, for libcamera."""

READABLE = {"YUYV", "MJPG", "NV12", "YU12", "BGR3", "RGB3", "UYVY", "GREY", "JPEG"}
"""Pixel formats that OpenCV turns into pictures."""


class Camera(NamedTuple):
    """A camera.

    Attributes:
        node: its device file.
        name: what the driver calls it.
        formats: its pixel formats. Empty when they are not known.
        usable: whether this user may open it.
    """

    node: Path
    name: str
    formats: tuple[str, ...]
    usable: bool

    def describe(self) -> str:
        """Return the camera in words."""
        formats = f", {' '.join(self.formats[:6])}" if self.formats else ""
        return f"/dev/{self.node.name} ({self.name}{formats})"


Query = Callable[[Path], v4l2.Node | None]


def cameras(system: System, query: Query = v4l2.query) -> list[Check]:
    """Check that there is a camera that OpenCV reads, and that this user may open it."""
    found = _usb_cameras(system, query)
    ribbon = ribbon_cameras(system)
    checks = [_ribbon_check(system, ribbon)] if ribbon else []
    if not found:
        mend = "" if ribbon else "connect a camera; --source also takes files and URLs"
        return checks or [Check("camera", "absent", "none is connected", mend)]
    said = ", ".join(camera.describe() for camera in found)
    refused = [camera.node.name for camera in found if not camera.usable]
    unread = [camera.node.name for camera in found if camera.formats and not READABLE & set(camera.formats)]
    if refused:
        mend = "sudo usermod -aG video $USER, then log in again"
        check = Check("camera", "warning", f"{said}; this user may not open {', '.join(refused)}", mend)
    elif unread:
        mend = "take another camera, or let ffmpeg or MediaMTX make an RTSP stream of it"
        check = Check("camera", "warning", f"{said}; OpenCV reads no format of {', '.join(unread)}", mend)
    else:
        check = Check("camera", "ok", said)
    return [check, *checks]


def _usb_cameras(system: System, query: Query) -> list[Camera]:
    found = []
    for node in system.find("dev/video*"):
        name = _name(system, node)
        if NO_CAMERAS.match(name) or RIBBON.match(name) or name.startswith("rp1-cfe"):
            continue
        asked = query(node) if system.live else None
        if not (asked.captures if asked else _captures(system, node)):
            continue
        found.append(Camera(node, name or "no name", asked.formats if asked else (), system.may_open(node)))
    return found


def _captures(system: System, node: Path) -> bool:
    """Return whether a USB camera's node has pictures: its driver makes one of metadata after each, with odd index."""
    index = system.number(f"sys/class/video4linux/{node.name}/index")
    return index is None or index % 2 == 0


def _name(system: System, node: Path) -> str:
    return " ".join(system.text(f"sys/class/video4linux/{node.name}/name").split())[:60]


def ribbon_cameras(system: System) -> list[str]:
    """Return the sensors of the cameras on ribbon cables; ``sensor of unknown name`` where the kernel names none."""
    nodes = [node for node in system.find("dev/video*") if RIBBON.match(_name(system, node))]
    named = [system.text(str(path.relative_to(system.root))) for path in _sensors(system)]
    sensors = [name.split()[0][:40] for name in named if re.match(r"(imx|ov|ar|gc)\d+\w*( |$)", name)]
    return sensors or ["sensor of unknown name"] * len(nodes)


def _sensors(system: System) -> list[Path]:
    return system.find("sys/class/video4linux/v4l-subdev*/name")


def _ribbon_check(system: System, sensors: list[str]) -> Check:
    found = f"{', '.join(sensors)} on the ribbon cable, read through picamera2 (--source picamera)"
    return Check("ribbon camera", "ok", found)


def picamera(system: System, device: Device, visible: bool, numpy: str | None) -> list[Check]:
    """Check for picamera2, which cameras on the ribbon cable need, and that it fits this environment's numpy.

    Args:
        system: the machine.
        device: the same, by its name. Only a Raspberry Pi has this check.
        visible: whether this Python can import picamera2.
        numpy: the version that this Python imports, None when there is none or it is not known.
    """
    if "Raspberry Pi" not in device.model:
        return []
    version, built_for = system.packages.get("python3-picamera2"), system.packages.get("python3-numpy")
    built_for = built_for and re.split(r"[-+]", built_for.split(":")[-1])[0]
    if version is None and not visible:
        mend = "sudo apt install python3-picamera2, and make the environment with --system-site-packages"
        return [Check("picamera2", "absent", "not installed (only for cameras on the ribbon cable)", mend)]
    found = f"{version or 'installed with pip'}{f', built for numpy {built_for}' if built_for else ''}"
    if system.live and not visible:
        mend = "python3 -m venv --system-site-packages FOLDER, and install edgekit there"
        return [Check("picamera2", "warning", f"{found}, which this environment does not see", mend)]
    if built_for and numpy and _major(built_for) != _major(numpy):
        mend = f"pip install 'numpy=={_major(built_for)}.*'"
        return [Check("picamera2", "warning", f"{found}; this environment has numpy {numpy}", mend)]
    return [Check("picamera2", "ok", found)]


def _major(version: str) -> str:
    return version.split(".")[0]
