"""The report of four boards, from the trees under tests/doctor_trees, and of trees that hold anything."""

import random
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge import doctor
from edge.backends import _libedgetpu
from edge.cli import doctor as command

TREES = Path(__file__).resolve().parents[1] / "doctor_trees"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc).timestamp()

REPORTS = {
    "pi3": [
        (
            "machine",
            "ok",
            "Raspberry Pi 3 Model B Plus Rev 1.3, aarch64, 4 core(s), 904 MiB, Raspbian GNU/Linux 12 (bookworm), "
            "kernel 6.6.31+rpt-rpi-v8",
        ),
        ("word size", "warning", "32-bit programs on a 64-bit kernel"),
        ("memory", "ok", "904 MiB, 99 MiB swap"),
        ("power", "warning", "since the start: under-voltage, throttled"),
        ("temperature", "ok", "55 °C"),
        ("governor", "ok", "ondemand, 600 to 1400 MHz"),
        ("clock", "ok", "2026-06-01 12:00 UTC, set by systemd-timesyncd"),
        ("root", "ok", "ext4 on an SD card"),
        ("camera", "ok", "/dev/video0 (UVC Camera (046d:0825))"),
        ("picamera2", "absent", "not installed (only for cameras on the ribbon cable)"),
        (
            "coral",
            "ok",
            "USB stick 1a6e:089a (without its firmware yet), which the first use loads; its id changes to 18d1:9302 "
            "then, 480 Mbit/s",
        ),
        ("backend edgetpu", "warning", "libedgetpu is not installed"),
    ],
    "pi4": [
        (
            "machine",
            "ok",
            "Raspberry Pi 4 Model B Rev 1.4, aarch64, 4 core(s), 3793 MiB, Debian GNU/Linux 12 (bookworm), "
            "kernel 6.6.31+rpt-rpi-v8",
        ),
        ("word size", "ok", "64 bits"),
        ("memory", "ok", "3793 MiB, 99 MiB swap"),
        ("power", "ok", "no under-voltage and no throttling since the start"),
        ("temperature", "ok", "47 °C"),
        ("governor", "ok", "ondemand, 600 to 1800 MHz"),
        ("clock", "ok", "2026-06-01 12:00 UTC, set by systemd-timesyncd"),
        ("root", "ok", "ext4 on an SD card"),
        ("camera", "ok", "/dev/video2 (HD Pro Webcam C920)"),
        ("ribbon camera", "ok", "imx219 on the ribbon cable, read through picamera2 (--source picamera)"),
        ("picamera2", "ok", "0.3.18-1, built for numpy 1.24.2"),
        ("coral", "ok", "USB stick 18d1:9302 (with its firmware)"),
        ("backend edgetpu", "ok", "libedgetpu 16.0tf2.19.1-1"),
    ],
    "pi5": [
        (
            "machine",
            "ok",
            "Raspberry Pi 5 Model B Rev 1.0, aarch64, 4 core(s), 8062 MiB, Debian GNU/Linux 13 (trixie), "
            "kernel 6.12.25+rpt-rpi-2712",
        ),
        ("word size", "ok", "64 bits"),
        ("memory", "ok", "8062 MiB, 199 MiB swap"),
        ("power", "ok", "no under-voltage and no throttling since the start"),
        ("temperature", "ok", "52 °C"),
        ("governor", "ok", "ondemand, 1500 to 2400 MHz"),
        ("clock", "warning", "2026-06-01 12:00 UTC, not set from the network since the start"),
        ("root", "ok", "ext4 on an SD card"),
        ("ribbon camera", "ok", "imx708_wide on the ribbon cable, read through picamera2 (--source picamera)"),
        ("picamera2", "ok", "0.3.30-1, built for numpy 2.2.4"),
        ("coral", "ok", "PCIe card at /dev/apex_0"),
        (
            "backend edgetpu",
            "warning",
            "libedgetpu 16.0, built for the runtimes of 2021: today's end by a signal with it",
        ),
    ],
    "zero2": [
        (
            "machine",
            "ok",
            "Raspberry Pi Zero 2 W Rev 1.0, aarch64, 4 core(s), 416 MiB, Debian GNU/Linux 12 (bookworm), "
            "kernel 6.6.31+rpt-rpi-v8",
        ),
        ("word size", "ok", "64 bits"),
        ("memory", "warning", "416 MiB, 99 MiB swap: installing and loading may run out of it"),
        ("power", "warning", "now: soft temperature limit"),
        ("temperature", "warning", "81 °C, from 80 °C on the processor is slowed down"),
        ("governor", "warning", "powersave, 600 to 1000 MHz: the processor stays at its lowest frequency"),
        ("clock", "ok", "2026-06-01 12:00 UTC, set by systemd-timesyncd"),
        ("root", "warning", "ext4 on an SD card is read-only: nothing can be kept"),
        ("camera", "absent", "none is connected"),
        ("picamera2", "absent", "not installed (only for cameras on the ribbon cable)"),
        ("coral", "absent", "no Edge TPU is connected"),
        ("backend edgetpu", "absent", "libedgetpu is not installed"),
    ],
}


def examine(root):
    return doctor.examine(doctor.System(root, now=lambda: NOON))


@pytest.mark.parametrize("board", REPORTS)
def test_the_report_of_a_board(board):
    assert [(one.subject, one.status, one.found) for one in examine(TREES / board)] == REPORTS[board]


def test_every_tree_has_its_rows():
    assert {path.name for path in TREES.iterdir() if path.is_dir()} == set(REPORTS)


@pytest.mark.parametrize("board", REPORTS)
def test_what_is_not_ok_comes_with_what_mends_it(board):
    for check in examine(TREES / board):
        assert bool(check.mend) == (check.status != "ok") or check.subject == "coral", check


def copied(tmp_path, board="pi4"):
    """Return a copy of a board's tree, which a test changes."""
    shutil.copytree(TREES / board, tmp_path / "tree")
    return tmp_path / "tree"


def found(root, subject):
    return next(check for check in examine(root) if check.subject == subject)


@pytest.mark.parametrize(
    ("file", "content", "subject", "status", "words"),
    [
        ("sys/bus/usb/devices/2-1/speed", "480", "coral", "warning", "480 Mbit/s: USB 2 takes most of its speed"),
        ("sys/bus/usb/devices/2-1/idProduct", "1234", "coral", "absent", "no Edge TPU is connected"),
        (
            "sys/devices/platform/soc/soc:firmware/get_throttled",
            "5",
            "power",
            "warning",
            "now: under-voltage, throttled",
        ),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "f000f", "power", "warning", "frequency capped"),
        ("proc/mounts", "overlay / overlay rw,lowerdir=/ 0 0", "root", "ok", "an overlay: what is written is lost"),
        ("sys/class/video4linux/video2/name", "mmal service 16.1", "camera", "ok", "/dev/video2 (mmal service 16.1)"),
    ],
)
def test_a_changed_fact_changes_the_finding(tmp_path, file, content, subject, status, words):
    root = copied(tmp_path)
    (root / file).write_text(content)
    check = found(root, subject)
    assert check.status == status
    assert words in check.found


def test_a_card_without_its_driver(tmp_path):
    root = copied(tmp_path, "pi5")
    (root / "dev/apex_0").unlink()
    check = found(root, "coral")
    assert (check.status, check.found) == ("warning", "a PCIe card without its driver apex")
    assert check.mend.endswith("sudo modprobe apex")


def test_a_clock_before_this_program_existed_is_said():
    (check,) = [c for c in doctor.examine(doctor.System(TREES / "pi4", now=lambda: 0.0)) if c.subject == "clock"]
    assert (check.status, check.found) == ("warning", "1970-01-01 00:00 UTC, which is in the past")


def test_an_empty_tree_has_a_report(tmp_path):
    subjects = {check.subject for check in examine(tmp_path)}
    assert {"machine", "camera", "coral", "backend edgetpu"} <= subjects


JUNK = (
    b"",
    b"\0" * 70_000,
    b"-1",
    b"9" * 5000,
    b"0x",
    b"\xff\xfe\x80garbage\x1b[31m",
    "٣".encode(),
    b"\n\n\n",
    b"a" * 300 + b":" * 300,
    b"Package: libedgetpu1-std\nVersion:",
    b"/dev/mmcblk0p2 / ",
    b"processor\t: x\nMemTotal: lots kB\n",
)


def spoil(root, draw):
    """Replace about half of a tree's files: junk, folders, links to themselves and to nowhere, pipes, nothing."""
    import os

    for path in sorted(root.rglob("*")):
        if not path.is_file() or draw.random() < 0.5:
            continue
        path.unlink()
        kind = draw.randrange(6)
        if kind == 0:
            path.mkdir()
        elif kind == 1:
            path.symlink_to(path)
        elif kind == 2:
            os.mkfifo(path)
        elif kind == 3:
            path.symlink_to("/nowhere")
        elif kind == 4:
            path.write_bytes(draw.choice(JUNK))


@pytest.mark.parametrize("seed", range(40))
def test_no_tree_of_garbage_makes_it_crash(tmp_path, seed):
    draw = random.Random(seed)
    root = copied(tmp_path, draw.choice(sorted(REPORTS)))
    spoil(root, draw)
    checks = examine(root)
    assert {"machine", "clock", "backend edgetpu"} <= {check.subject for check in checks}
    assert all(check.status in ("ok", "absent", "warning") for check in checks)
    printed = command.report(checks)
    assert "\x1b" not in printed
    assert len(printed.splitlines()) <= 2 * len(checks) + 1


def test_the_command_reads_a_tree(tmp_path, capsys):
    assert command.main(["--root", str(TREES / "zero2")]) == 0
    shown = capsys.readouterr().out
    assert "!     memory           416 MiB" in shown
    assert f"-> {_libedgetpu.ROUTE}" in shown
    assert command.main(["--root", str(tmp_path / "none")]) == 2
    assert "--root must be a folder, got" in capsys.readouterr().err
