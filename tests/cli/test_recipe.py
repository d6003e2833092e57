"""``edge-convert --recipe``: the same bytes again, in another process, and what may be changed."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
from edge.bundle import open_bundle
from edge.cli import convert as command
from edge.deploy import Calibration, ConversionOptions, Gate, convert
from edge.deploy._tensorflow import need
from tests.cli.commands import complaint
from tests.cli.commands import run as run_command

keras = need("tf_keras")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model in memory that the Python API converted, and the same as a file, converted by the command."""
    folder = tmp_path_factory.mktemp("recipe")
    keras.utils.set_random_seed(5)
    given = keras.Input((12, 12, 3), name="picture")
    x = keras.layers.ReLU(6.0)(keras.layers.SeparableConv2D(8, 3, 2)(given))
    model = keras.Model(given, keras.layers.Dense(4, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x)))
    model.save(folder / "net.keras")
    np.savez(folder / "rows.npz", picture=np.random.default_rng(0).uniform(-1, 1, (12, 12, 12, 3)).astype("f4"))
    argv = [str(folder / "net.keras"), "--out", str(folder / "net"), "--calibrate", str(folder / "rows.npz")]
    argv += ["--samples", "10", "--method", "minmax", "--task", "classify", "--onnx", "float32,int8"]
    argv += ["--tflite", "int8,float32", "--mean", "0,0,0", "--std", "255"]
    subprocess.run([sys.executable, "-m", "edge.cli.convert", *argv], check=True, capture_output=True)
    return folder, model


@pytest.fixture
def run(capsys):
    return lambda argv: run_command(command, capsys, *argv)


def files(bundle):
    return {one.name: one.sha256 for a in open_bundle(bundle).manifest.artifacts for one in a.files}


def test_the_same_request_gives_the_same_bytes(made, run, tmp_path):
    folder, _ = made
    again = run(["--recipe", folder / "net", "--out", tmp_path / "again"])
    assert again.code == 0, again.err
    assert again.out[-1] == f"all files are byte for byte those of {folder / 'net'}"
    assert files(tmp_path / "again") == files(folder / "net")
    assert len(files(folder / "net")) == 4


def test_an_option_takes_the_place_of_the_recipes(made, run, tmp_path):
    folder, _ = made
    other = run(["--recipe", folder / "net", "--out", tmp_path / "other", "--method", "mse", "--json", tmp_path / "j"])
    assert other.out[-1].startswith(f"not as in {folder / 'net'}: ")
    assert "float32" not in other.out[-1]  # no range is in those
    request = json.loads((tmp_path / "j").read_text())["manifest"]["provenance"]["request"]
    assert request["method"] == "mse"
    assert request["calibration"]["samples"] == 10
    assert request["pixels"] == {"mean": [0, 0, 0], "std": [255]}


def test_another_model_or_an_old_bundle_is_refused(made, run, tmp_path):
    folder, _ = made
    shutil.copy(folder / "rows.npz", tmp_path / "net.keras")
    refused = run([tmp_path / "net.keras", "--recipe", folder / "net", "--out", tmp_path / "x"])
    assert refused.code == 2
    assert "is not the model that" in complaint(refused, "edge-convert")
    assert "MODEL is missing" in complaint(run(["--out", tmp_path / "x"]), "edge-convert")
    assert not (tmp_path / "x").exists()


def test_python_converts_a_model_in_memory(made, tmp_path):
    folder, model = made
    samples = folder / "rows.npz"
    recipe = ConversionOptions(
        tmp_path / "net.edge", tflite=("float32", "int8"), task="classify", calibration=Calibration(samples),
        gate=Gate(samples, min_agreement=50),
    )  # fmt: skip
    bundle = convert(model, recipe)
    assert [a.file for a in bundle.manifest.artifacts] == ["model_float32.tflite", "model_int8.tflite"]
    assert bundle.manifest.provenance["source"]["sha256"] is None
    with edge.load(tmp_path / "net.edge") as net:
        assert net(np.zeros((12, 12, 3), np.uint8)).task == "classify"


def test_the_lines_of_the_readme_convert_a_model_in_memory(made, tmp_path, monkeypatch):
    _, model = made
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "convert" in block)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as photos:
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 256, (12, 12, 3), np.uint8)
            photos.writestr(f"train/{number % 2}/{number}.png", cv2.imencode(".png", pixels)[1].tobytes())
    monkeypatch.chdir(tmp_path)
    names = {"model": model}
    exec(code, names)
    assert {a.precision for a in names["bundle"].manifest.artifacts} == {"float32", "int8"}
    assert (tmp_path / "net.edge").is_file()
