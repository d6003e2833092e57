import subprocess
import sys

import pytest

from edge.backends import BACKENDS, selfcheck
from edge.doctor import runtimes, software
from edge.errors import GateFailed
from edge.registry import Entry


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 9, 18), "broken"), ((3, 10, 0), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "broken")],
)
def test_python(version, status):
    assert [check.status for check in software.python(version)] == [status]


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
    (check,) = software.numpy(packages.get)
    assert check.status == status
    assert words in check.found


HEADLESS, WINDOWED = {"opencv-python-headless": "4.11"}, {"opencv-python": "4.11"}


BUILT = """
  CPU/HW features:
    Baseline:                    NEON FP16
  Video I/O:
    FFMPEG:                      YES
    GStreamer:                   NO
"""


def built():
    return BUILT


def fails(reason):
    def ask():
        raise ImportError(reason)

    return ask


@pytest.mark.parametrize(
    ("packages", "ask", "status", "words"),
    [
        pytest.param(
            HEADLESS, built, "ok", "opencv-python-headless 4.11, with FFMPEG, without GStreamer, NEON", id="headless"
        ),
        pytest.param({}, built, "ok", "from the system", id="apt's"),
        pytest.param({**HEADLESS, **WINDOWED}, built, "warning", "overwrite each other", id="both"),
        pytest.param(WINDOWED, fails("libGL.so.1: cannot open"), "broken", "libGL.so.1", id="no libGL"),
        pytest.param({}, fails("No module named cv2"), "broken", "no opencv package", id="none"),
    ],
)
def test_opencv(packages, ask, status, words):
    (check,) = software.opencv(packages.get, ask)
    assert check.status == status
    assert words in check.found
    assert (check.mend == "") == (status == "ok")
    assert check.mend == "" or check.mend.endswith("pip install opencv-python-headless")


def test_a_runtime_that_fails_its_self_check_is_a_warning():
    def run(name):
        if name == "onnxruntime":
            raise GateFailed("onnxruntime crashed with signal 4")
        return ""

    pytest.importorskip("onnxruntime")
    found = {check.subject: check for check in runtimes.runtimes(run)}
    assert found["backend onnxruntime"].status == "warning"
    assert found["backend onnxruntime"].mend == "pip install --force-reinstall 'edgekit[onnx]'"
    assert found["backend litert"].status == "ok"


def test_no_runtime_for_tflite_is_broken(monkeypatch):
    monkeypatch.setattr(Entry, "missing", lambda self: list(self.needs))
    checks = runtimes.runtimes(lambda name: "")
    assert checks[-1].status == "broken"
    assert {c.subject: c.mend for c in checks}["backend onnxruntime"] == "pip install 'edgekit[onnx]'"


def test_training_names_what_is_missing():
    (check,) = software.training(lambda name: None if name == "tf2onnx" else name)
    assert (check.status, check.mend) == ("absent", "pip install 'edgekit[train]'")
    assert "lacks tf2onnx (" in check.found


def test_this_opencv_says_what_it_was_built_with():
    (check,) = software.opencv()
    assert check.status == "ok"
    assert "FFMPEG" in check.found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.abort()", "crashed with signal 6: it is built for another processor"),
        ("raise ImportError('libGL.so.1: cannot open')", "libGL.so.1: cannot open"),
    ],
)
def test_an_opencv_that_crashes_is_a_finding(monkeypatch, code, words):
    monkeypatch.setattr(software, "_ASK", code)
    (check,) = software.opencv()
    assert check.status == "broken"
    assert words in check.found


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("include-system-site-packages = true\n", ", with the system packages"),
        ("include-system-site-packages = false\n", ""),
        (None, ""),
    ],
)
def test_where_the_interpreter_comes_from(tmp_path, config, words):
    if config:
        (tmp_path / "pyvenv.cfg").write_text(config)
    assert software.interpreter(str(tmp_path), "/usr") == f"virtual environment {tmp_path}{words}"
    assert software.interpreter("/usr", "/usr") == f"the system's {sys.executable}"


def test_where_a_package_comes_from(tmp_path, monkeypatch):
    (tmp_path / "mine.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert software.origin("mine") == ""
    monkeypatch.setattr(software.site, "getusersitepackages", lambda: str(tmp_path))
    assert software.origin("mine") == "from the user's folder (pip --user)"
    assert software.origin("no_such_module") == ""


def test_the_delegate_of_the_cpu_is_named():
    pytest.importorskip("ai_edge_litert")
    assert selfcheck.check("litert") == "XNNPACK works"
    assert selfcheck.check("fake") == ""


def test_a_numpy_that_does_not_load_is_reported_with_the_rest():
    code = "import sys; sys.modules['numpy'] = None\nfrom edge.cli import doctor\nraise SystemExit(doctor.main([]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "FAIL  runtime" in done.stdout
    assert "-> pip install --force-reinstall numpy" in done.stdout
    assert done.stderr == ""


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
