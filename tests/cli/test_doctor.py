import json
import subprocess
import sys

import pytest

from edge.backends import BACKENDS, selfcheck
from edge.cli import _checks, _hardware, doctor
from edge.device import Device
from edge.errors import GateFailed
from edge.registry import Entry

PC = Device("pc-4", "Some PC", "x86_64", 4, 8000, "Debian", "3.11.2")
PI = Device("pi-4", "Raspberry Pi 4 Model B Rev 1.4", "aarch64", 4, 3792, "Debian", "3.11.2")


def test_the_report_of_this_machine(tmp_path, capsys):
    assert doctor.main(["--json", str(tmp_path / "doctor.json")]) == 0
    content = json.loads((tmp_path / "doctor.json").read_text())
    found = {check["subject"]: check for check in content["checks"]}
    assert content["healthy"] is True
    assert {"machine", "python", "numpy", "opencv", "training", "camera", "coral", "disk"} <= set(found)
    assert {f"backend {name}" for name in BACKENDS} <= set(found)
    assert "self-check passed" in found["backend litert"]["found"]
    assert capsys.readouterr().out.splitlines()[-1] == "everything that is required works"


def test_something_required_that_is_broken_is_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda device: [_checks.Check("python", "broken", "3.9.2", "update it")])
    assert doctor.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAIL  python  3.9.2",
        "              -> update it",
        "broken: python",
    ]


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 9, 18), "broken"), ((3, 10, 0), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "broken")],
)
def test_python(version, status):
    assert [check.status for check in _checks.python(version)] == [status]


@pytest.mark.parametrize(
    ("packages", "status", "words"),
    [
        pytest.param({"numpy": "2.4.6"}, "ok", "2.4.6", id="numpy 2"),
        pytest.param({"numpy": "1.26.4", "tflite-runtime": "2.14.0"}, "ok", "1.26.4", id="both fit"),
        pytest.param({"numpy": "2.4.6", "tflite-runtime": "2.14.0"}, "warning", "cannot use", id="they do not fit"),
        pytest.param({}, "broken", "not installed", id="none"),
    ],
)
def test_numpy(packages, status, words):
    (check,) = _checks.numpy(packages.get)
    assert check.status == status
    assert words in check.found


HEADLESS, WINDOWED = {"opencv-python-headless": "4.11"}, {"opencv-python": "4.11"}


def fails(reason):
    def load():
        raise ImportError(reason)

    return load


@pytest.mark.parametrize(
    ("packages", "load", "status", "words"),
    [
        pytest.param(HEADLESS, list, "ok", "opencv-python-headless 4.11", id="headless"),
        pytest.param({}, list, "ok", "from the system", id="apt's"),
        pytest.param({**HEADLESS, **WINDOWED}, list, "warning", "overwrite each other", id="both"),
        pytest.param(WINDOWED, fails("libGL.so.1: cannot open"), "broken", "libGL.so.1", id="no libGL"),
        pytest.param({}, fails("No module named cv2"), "broken", "no opencv package", id="none"),
    ],
)
def test_opencv(packages, load, status, words):
    (check,) = _checks.opencv(packages.get, load)
    assert check.status == status
    assert words in check.found
    assert (check.mend == "") == (status == "ok")
    assert check.mend == "" or check.mend.endswith("pip install opencv-python-headless")


def test_a_runtime_that_fails_its_self_check_is_a_warning():
    def run(name):
        if name == "onnxruntime":
            raise GateFailed("onnxruntime crashed with signal 4")

    pytest.importorskip("onnxruntime")
    found = {check.subject: check for check in _checks.runtimes(run)}
    assert found["backend onnxruntime"].status == "warning"
    assert found["backend onnxruntime"].mend == "pip install --force-reinstall 'edgekit[onnx]'"
    assert found["backend litert"].status == "ok"


def test_no_runtime_for_tflite_is_broken(monkeypatch):
    monkeypatch.setattr(Entry, "missing", lambda self: list(self.needs))
    checks = _checks.runtimes(lambda name: None)
    assert checks[-1].status == "broken"
    assert {c.subject: c.mend for c in checks}["backend onnxruntime"] == "pip install 'edgekit[onnx]'"


def test_training_names_what_is_missing():
    (check,) = _checks.training(lambda name: None if name == "tf2onnx" else name)
    assert (check.status, check.mend) == ("absent", "pip install 'edgekit[train]'")
    assert "lacks tf2onnx (" in check.found


def put(root, name, text=""):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_cameras(tmp_path, monkeypatch):
    assert [check.status for check in _hardware.cameras(tmp_path)] == ["absent"]
    put(tmp_path, "dev/video0")
    put(tmp_path, "sys/class/video4linux/video0/name", "HD Webcam\n")
    put(tmp_path, "dev/video1")
    (check,) = _hardware.cameras(tmp_path)
    assert (check.status, check.found) == ("ok", "/dev/video0 (HD Webcam), /dev/video1 (no name)")
    monkeypatch.setattr(_hardware.os, "access", lambda path, mode: path.name != "video1")
    (check,) = _hardware.cameras(tmp_path)
    assert check.status == "warning"
    assert check.mend.startswith("sudo usermod -aG video")


@pytest.mark.parametrize(
    ("device", "installed", "statuses"), [(PC, False, []), (PI, False, ["absent"]), (PI, True, ["ok"])]
)
def test_picamera(device, installed, statuses):
    assert [check.status for check in _hardware.picamera(device, installed)] == statuses


@pytest.mark.parametrize(
    ("ids", "card", "library", "status", "found"),
    [
        pytest.param(None, False, "libedgetpu.so.1", "absent", "no Coral accelerator is connected", id="none"),
        pytest.param(("046d", "0825"), False, "", "absent", "no Coral accelerator is connected", id="another device"),
        pytest.param(("1a6e", "089a"), False, "libedgetpu.so.1", "ok", "USB stick, libedgetpu.so.1", id="new stick"),
        pytest.param(("18d1", "9302"), False, "libedgetpu.so.1", "ok", "USB stick, libedgetpu.so.1", id="used stick"),
        pytest.param(None, True, "libedgetpu.so.1", "ok", "PCIe card, libedgetpu.so.1", id="card"),
        pytest.param(("18d1", "9302"), False, None, "warning", "USB stick, but libedgetpu is not", id="no library"),
    ],
)
def test_coral(tmp_path, monkeypatch, ids, card, library, status, found):
    monkeypatch.setattr(_hardware.ctypes.util, "find_library", lambda name: None)
    if ids:
        put(tmp_path, "sys/bus/usb/devices/1-1/idVendor", ids[0] + "\n")
        put(tmp_path, "sys/bus/usb/devices/1-1/idProduct", ids[1] + "\n")
    put(tmp_path, "sys/bus/usb/devices/2-2/idVendor", "dead")
    if card:
        put(tmp_path, "dev/apex_0")
    (check,) = _hardware.coral(tmp_path, library)
    assert check.status == status
    assert check.found.startswith(found)


def test_storage(tmp_path, monkeypatch):
    assert {check.status for check in _hardware.storage(tmp_path)} == {"ok"}
    monkeypatch.setattr(_hardware.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 5 << 20}))
    monkeypatch.setattr(_hardware, "_writable", lambda folder: False)

    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr(_hardware.tempfile, "gettempdir", nowhere)
    disk, folder, temporary = _hardware.storage(tmp_path)
    assert (disk.status, disk.found) == ("warning", f"5 MiB free in {tmp_path}")
    assert (folder.status, temporary.status) == ("warning", "broken")


def test_writable(tmp_path):
    assert _hardware._writable(tmp_path)
    assert not _hardware._writable(tmp_path / "none")


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "edgetpu"])  # see tests/backends/test_edgetpu.py
def test_the_self_check_passes_here(name):
    if missing := BACKENDS[name].missing():
        pytest.skip(f"backend {name} needs {', '.join(missing)}")
    selfcheck.run_here(name)


def test_a_wrong_sum_is_found(monkeypatch):
    import numpy as np

    from edge.backends.fake import FakeModel

    monkeypatch.setattr(FakeModel, "run", lambda self, arrays: [np.zeros((1, 3), np.float32)])
    with pytest.raises(GateFailed, match=r"must compute \[\[1, 2, 3\]\], got \[\[0\.0, 0\.0, 0\.0\]\]"):
        selfcheck.run_here("fake")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "crashed with signal 4", id="crash"),
        pytest.param("import sys; sys.exit('the reason')", "the reason", id="refusal"),
        pytest.param("import os; os._exit(3)", "no reason given", id="silent"),
        pytest.param("import time; time.sleep(60)", "did not finish", id="hangs"),
    ],
)
def test_a_self_check_survives_what_the_runtime_does(monkeypatch, code, words):
    real = subprocess.run
    monkeypatch.setattr(
        selfcheck.subprocess, "run", lambda command, **options: real([sys.executable, "-c", code], **options)
    )
    with pytest.raises(GateFailed, match=words):
        selfcheck.check("fake", timeout=1.5)


def test_help_and_run_import_no_framework():
    code = (
        "import sys, edge.cli.doctor as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "light = [m for m in ('numpy', 'cv2') if m in sys.modules]\n"
        "c.main([])\n"
        "print(light, [m for m in ('tensorflow', 'tf_keras', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] []"
