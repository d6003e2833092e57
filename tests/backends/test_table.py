import subprocess
import sys
from pathlib import Path

import pytest

from edge import backends
from edge.backends.choice import FirstThatOpens, passed_over
from edge.errors import FileError, InputError, MissingExtra
from edge.registry import Entry
from tests import plugins
from tests.backends import models


def test_importing_the_package_imports_no_interpreter():
    code = (
        "import sys, edge.backends as b; [b.backend(n) for n in b.available()]; "
        "heavy = {'ai_edge_litert', 'tflite_runtime', 'onnxruntime', 'openvino', 'tensorflow', 'cv2'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_base_installation_runs_tflite():
    assert {"litert", "fake"} <= set(backends.available())


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(Entry, "missing", lambda self: list(self.needs))


def test_available_lists_only_what_is_installed(nothing_installed):
    assert backends.available() == ["fake"]


def test_for_file_follows_the_preference(monkeypatch):
    assert backends.for_file(Path("net.TFLITE")).name == "litert"
    monkeypatch.setattr(Entry, "missing", lambda self: [n for n in self.needs if n == "ai_edge_litert"])
    assert backends.for_file(Path("net.tflite")).name == "tflite_runtime"


def test_for_file_says_why_each_was_passed_over(nothing_installed):
    with pytest.raises(MissingExtra) as caught:
        backends.for_file(Path("net.tflite"))
    assert str(caught.value) == (
        "backend 'litert' needs ai_edge_litert, not installed here: pip install edgekit; or "
        "backend 'tflite_runtime' needs tflite_runtime, not installed here: pip install 'edgekit[tflite-runtime]'; or "
        "backend 'openvino' needs openvino, not installed here: pip install 'edgekit[openvino]'"
    )


@pytest.mark.parametrize(
    ("file", "name", "words"),
    [
        pytest.param("net.h5", None, r"must end in \.tflite, \.onnx, \.xml, got net\.h5", id="not a format"),
        pytest.param("net", None, "must end in", id="no suffix"),
        pytest.param("net.onnx", "litert", r"litert opens \.tflite files, got net\.onnx", id="another's format"),
        pytest.param("net.tflite", "litrt", "unknown backend 'litrt': did you mean 'litert'", id="typing mistake"),
    ],
)
def test_for_file_refuses(file, name, words):
    with pytest.raises(InputError, match=words):
        backends.for_file(Path(file), name)


class Plugin:
    name = "plugin"
    formats = (".net",)

    def open(self, path, options):
        return f"{path} with {options.threads}"

    def version(self):
        return "plugin 1"


def test_a_plugin_is_chosen_for_its_format(tmp_path, monkeypatch):
    plugins.install(tmp_path, monkeypatch, "edge.backends", {"plugin": f"{__name__}:Plugin"})
    assert "plugin" in backends.available()
    assert backends.open_model(Path("x.net"), threads=3) == "x.net with 3"
    assert backends.for_file(Path("x.tflite")).name == "litert"


def test_open_model_opens(tmp_path):
    with backends.open_model(models.fake(tmp_path / "x.fake")) as model:
        assert model.inputs[0].name == "image"
    with pytest.raises(FileError, match="does not exist"):
        backends.open_model(tmp_path / "none.fake")


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_below_one_are_refused(tmp_path, threads):
    with pytest.raises(InputError, match=f"threads must be at least 1, got {threads}"):
        backends.open_model(models.fake(tmp_path / "x.fake"), threads=threads)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (4, 4), (64, 4)])
def test_default_threads(monkeypatch, cores, threads):
    monkeypatch.setattr(backends, "usable_cores", lambda: cores)
    assert backends.default_threads() == threads


class Refusing:
    """A backend that refuses every file, or has a package of another version."""

    name, formats, targets = "refusing", (".fake",), ("cpu",)

    def __init__(self, error):
        self.error = error

    def open(self, path, options):
        raise self.error

    def version(self):
        return "refusing 1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(InputError("it is newer"), "it is newer", id="refused"),
        pytest.param(ImportError("no libfoo\nhere"), "refusing cannot be imported: no libfoo here", id="cannot import"),
    ],
)
def test_the_next_backend_runs_what_the_preferred_one_refuses(tmp_path, error, said):
    choice = FirstThatOpens([Refusing(error), backends.backend("fake")], ".fake")
    assert choice.name == "refusing"
    with choice.open(models.fake(tmp_path / "x.fake")) as model:
        assert model.inputs[0].name == "image"
    assert (choice.name, choice.refusals) == ("fake", {"refusing": said})
    assert choice.version().startswith("edgekit")


def test_the_preferred_backend_says_why_nothing_opens_a_file(tmp_path):
    (tmp_path / "x.fake").write_text("{")
    choice = FirstThatOpens([Refusing(InputError("it is newer")), backends.backend("fake")], ".fake")
    with pytest.raises(InputError, match="it is newer"):
        choice.open(tmp_path / "x.fake")


def test_a_file_that_only_a_missing_backend_opens_names_its_extra(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.setattr(Entry, "missing", lambda self: [n for n in self.needs if n in ("onnxruntime", "openvino")])
    chosen = backends.first_that_opens(tmp_path / "x.onnx")
    assert chosen.name == "opencv_dnn"
    with pytest.raises(InputError, match=r"Zork; .*'onnxruntime' needs onnxruntime, .* pip install 'edgekit\[onnx\]'"):
        chosen.open(models.onnx_pair(tmp_path / "x.onnx", "Zork"))


def test_a_missing_file_is_not_tried_twice(tmp_path):
    tried = []

    class Counting(Refusing):
        def open(self, path, options):
            tried.append(path)
            raise self.error

    with pytest.raises(FileError):
        FirstThatOpens([Counting(FileError("gone"))] * 2, ".fake").open(tmp_path / "x.fake")
    assert len(tried) == 1


def test_a_session_says_which_backend_was_passed_over_for_what_it_said(tmp_path, monkeypatch):
    from edge.opening import open_session, passed_over

    fake = backends.backend("fake")
    choice = FirstThatOpens([Refusing(InputError("it is newer")), fake], ".fake")
    monkeypatch.setattr(backends, "first_that_opens", lambda path, name=None: choice)
    with open_session(models.fake(tmp_path / "x.fake")) as session:
        assert session.backend == "fake"
        assert "runs on fake; refusing: it is newer" in session.notes
        monkeypatch.setitem(backends.BACKENDS, "refusing", Entry("none:none", "refuses"))
        assert "refusing: it is newer" in passed_over(session)


def test_a_line_for_each_backend_that_a_file_does_not_get(tmp_path, monkeypatch):
    monkeypatch.setattr(Entry, "missing", lambda self: [n for n in self.needs if n == "onnxruntime"])
    lines = dict(line.split(": ", 1) for line in passed_over(tmp_path / "net.onnx", "openvino"))
    assert lines == {
        "litert": "opens .tflite files, got net.onnx",
        "tflite_runtime": "opens .tflite files, got net.onnx",
        "edgetpu": "drives edgetpu, net.onnx is for cpu",
        "onnxruntime": "needs onnxruntime, not installed here: pip install 'edgekit[onnx]'",
        "opencv_dnn": "openvino is preferred",
    }
    asked = passed_over(tmp_path / "net.onnx", "opencv_dnn", because="was asked for")
    assert "openvino: opencv_dnn was asked for" in asked


def test_other_hardware_is_a_reason(tmp_path):
    compiled = models.tflite_pair(tmp_path / "p_edgetpu.tflite", models.COMPILED, b"sum")
    lines = dict(line.split(": ", 1) for line in passed_over(compiled, "edgetpu"))
    assert lines["litert"] == "drives cpu, p_edgetpu.tflite is for edgetpu"
