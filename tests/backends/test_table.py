import subprocess
import sys
from pathlib import Path

import pytest

from edge import backends
from edge.errors import FileError, InputError, MissingExtra
from edge.registry import Entry
from tests import plugins
from tests.backends import models


def test_importing_the_package_imports_no_interpreter():
    code = (
        "import sys, edge.backends as b; [b.backend(n) for n in b.available()]; "
        "heavy = {'ai_edge_litert', 'tflite_runtime', 'onnxruntime', 'tensorflow', 'cv2'}; "
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
        "backend 'tflite_runtime' needs tflite_runtime, not installed here: pip install 'edgekit[tflite-runtime]'"
    )


@pytest.mark.parametrize(
    ("file", "name", "words"),
    [
        pytest.param("net.h5", None, r"must end in \.tflite, \.onnx, got net\.h5; edge-convert", id="not a format"),
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
