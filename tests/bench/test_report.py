import builtins
from pathlib import Path

import cv2
import pytest

from edge.bench import report
from edge.bench.measure import Timing
from edge.bench.plan import Job, Measurement, ModelFile
from edge.device import Device
from edge.errors import FileError, MissingExtra

DEVICE = Device("pi-4", "Raspberry Pi 4", "aarch64", 4, 3792, "Debian", "3.11.2")
TIMING = Timing(100, 1.5, 2.0, 3.25, 1.25, 1.625)


def row(threads, timing=TIMING, error=None, fastest=False):
    file = ModelFile(Path("net"), "net", Path("net/net.tflite"), 123456, "int8", "cpu")
    return Measurement(Job(file, "litert", threads), "ai-edge-litert 2", timing, error, fastest)


REFUSED = row(4, None, "model net/net.tflite is not a TFLite file")


def test_table():
    assert report.table([row(1), row(2, fastest=True), REFUSED, REFUSED]).splitlines() == [
        "   network  precision  backend  threads  median ms  p90 ms  p99 ms  runs/s  size KB",
        "   net      int8       litert         1      1.500   2.000   3.250     667      123",
        "*  net      int8       litert         2      1.500   2.000   3.250     667      123",
        "- litert: model net/net.tflite is not a TFLite file",
    ]


def test_json():
    content = report.as_json([row(2, fastest=True), REFUSED], DEVICE, 0.5)
    assert content["device"]["id"] == "pi-4"
    assert content["seconds"] == 0.5
    assert content["measurements"][0] == {
        "target": "net",
        "network": "net",
        "precision": "int8",
        "file": "net.tflite",
        "bytes": 123456,
        "backend": "litert",
        "version": "ai-edge-litert 2",
        "threads": 2,
        "fastest": True,
        "runs": 100,
        "median_ms": 1.5,
        "p90_ms": 2.0,
        "p99_ms": 3.25,
        "min_ms": 1.25,
        "mean_ms": 1.625,
    }
    assert content["measurements"][1]["error"] == "model net/net.tflite is not a TFLite file"
    assert "median_ms" not in content["measurements"][1]


def test_plot_draws_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    report.plot([row(1), row(2, fastest=True), REFUSED], DEVICE, tmp_path / "bench.png")
    image = cv2.imread(str(tmp_path / "bench.png"))
    assert image.shape[1] == 9 * 120
    assert image.std() > 10
    assert [p.name for p in tmp_path.iterdir()] == ["bench.png"]


def test_plot_where_it_cannot_be_written(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot write"):
        report.plot([row(1)], DEVICE, tmp_path / "file" / "bench.png")


def test_plot_without_matplotlib_names_the_package(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"--plot needs matplotlib.*pip install matplotlib"):
        report.plot([row(1)], DEVICE, tmp_path / "bench.png")
