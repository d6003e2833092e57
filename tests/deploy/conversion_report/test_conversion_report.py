"""Reports of whole conversions: what they say is what was measured, and nothing in them is taken for HTML."""

import shutil
import subprocess

import cv2
import numpy as np
import pytest

from edge.cli import convert
from tests.cli import colours
from tests.cli.commands import complaint, run
from tests.deploy.conversion_report.pages import read
from tests.deploy.networks_of_tasks import FAST, saved
from tests.models.training.pictures import BGR

EVIL = ["<script>alert(1)</script>", 'b"><img src=x>', "c & 'd'"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return colours.saved(tmp_path_factory.mktemp("model") / "model.keras")


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """Flat colours as an .npz file, with the classes in ``labels``."""
    rng = np.random.default_rng(0)
    classes = np.arange(24) % 3
    pixels = np.array([BGR[label] for label in colours.LABELS], np.float32)[classes][:, None, None, ::-1]
    pixels = pixels + rng.normal(0, 4, (24, *colours.SIZE))
    path = tmp_path_factory.mktemp("data") / "arrays.npz"
    np.savez(path, input=((pixels - 127.5) / 127.5).astype(np.float32), labels=classes)
    return path


@pytest.fixture(scope="module")
def done(model, arrays, tmp_path_factory):
    """Return the folder of a run with ``net``, ``report`` and labels that look like HTML."""
    out = tmp_path_factory.mktemp("done")
    (out / "labels.txt").write_text("".join(f"{label}\n" for label in EVIL))
    options = ("--labels", out / "labels.txt", "--calibrate", arrays, "--verify", arrays, "--explain")
    arguments = (model, "--out", out / "net", *options, "--report", out / "report")
    assert convert.main([str(a) for a in arguments]) == 0
    return out


def test_the_report_says_what_the_bundle_says(done):
    raw, page = read(done / "report")
    assert (raw["outcome"], raw["failure"]) == ("passed", None)
    assert raw["task"]["labels"] == EVIL
    assert {row["file"]: row["bytes"] for row in raw["files"]} == {
        path.name: path.stat().st_size for path in (done / "net").glob("model_*") if "golden" not in path.name
    }
    assert len(raw["comparisons"]) == 6
    assert [row["stage"] for row in raw["stages"]] == ["reading the model", "converting", "verifying", "explaining"]
    assert {row["check"] for row in raw["placements"]} == {"xnnpack", "edgetpu"}
    assert len(raw["calibration"]["samples"]) == 24
    for words in (
        "passed",
        "Verification",
        "Where it runs",
        "top-1",
        "How it was made",
        raw["explanation"]["suggestion"][1:],
    ):
        assert words in page.text
    assert raw["explanation"]["worst"]
    assert sorted(path.name for path in (done / "report").iterdir()) == ["layers.png", "report.html", "report.json"]


def test_labels_are_text_not_html(done):
    _, page = read(done / "report")
    assert page.tags.count("img") == 12  # two for each of six samples, none from a label
    for label in EVIL:
        assert label in page.text


def test_the_pictures_are_what_the_network_saw(done):
    import base64

    raw, page = read(done / "report")
    assert [len(row["pictures"]) for row in raw["answers"]["samples"]] == [2] * 6
    data = base64.b64decode(page.references[0].partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (192, 192, 3)
    truth = EVIL.index(raw["answers"]["samples"][0]["truth"])
    assert np.abs(picture[100:].mean(axis=(0, 1)) - BGR[colours.LABELS[truth]]).max() < 8


def test_a_failed_gate_has_its_report_and_explanation_and_no_bundle(model, arrays, tmp_path, capsys):
    options = ("--calibrate", arrays, "--verify", arrays, "--max-drop", -5, "--explain", "--json", tmp_path / "r.json")
    said = run(convert, capsys, model, "--out", tmp_path / "net", *options, "--report", tmp_path / "report")
    assert said.code == 1
    assert "points of accuracy" in said.err[-1]
    raw, page = read(tmp_path / "report")
    assert (raw["outcome"], raw["failure"]) == ("failed", complaint(said, "edge-convert"))
    assert raw["failure"] in page.text
    assert "over its budget" in page.text
    assert said.out[0].startswith("what model_int8.tflite loses, by layer")
    assert said.out[-1] == f"plot of all layers in {tmp_path / 'report' / 'layers.png'}"
    assert '"failed": "' in (tmp_path / "r.json").read_text()
    assert not (tmp_path / "net").exists()


def test_where_no_report_can_be_written_it_says_so_first(model, arrays, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    for report, words in ((file, "is a file"), (tmp_path / "net", "give a folder of its own")):
        said = run(convert, capsys, model, "--out", tmp_path / "net", "--verify", arrays, "--report", report)
        assert said.code == 2
        assert words in complaint(said, "edge-convert")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_what_cannot_be_explained_is_refused_or_said(done, arrays, tmp_path, capsys):
    for source, options, words in (
        (done / "net" / "model_int8.tflite", (), "float .tflite file: model_int8.tflite has no float network"),
        (done / "net" / "model_int8.onnx", (), "float .tflite file: the layers of a TFLite file are compared"),
        (next(iter(done.glob("labels.txt"))).with_name("model.keras"), (), "does not exist"),
    ):
        said = run(convert, capsys, source, "--out", tmp_path / "net", "--explain", *options)
        assert said.code == 2
        assert words in complaint(said, "edge-convert")
    assert not (tmp_path / "net").exists()


def test_explain_without_int8_says_what_is_missing(model, tmp_path, capsys):
    said = run(convert, capsys, model, "--out", tmp_path / "net", "--explain")
    assert said.code == 2
    assert "none is made: give --calibrate" in complaint(said, "edge-convert")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["detect", "segment", "keypoints", "sound", "text"])
def test_a_network_of_each_task_has_its_report(name, tmp_path):
    case = FAST[name]
    network, data = saved(case, tmp_path / "run"), tmp_path / "data"
    case.draw(data)
    loose = ("--min-agreement", 0, "--min-onnx-agreement", 0, "--max-drop", 100)
    options = ("--calibrate", data, "--samples", 6, "--verify", data, *loose, "--explain")
    arguments = (network, "--out", tmp_path / "net", *options, "--report", tmp_path / "report")
    assert convert.main([str(a) for a in arguments]) == 0
    raw, page = read(tmp_path / "report")
    drawn = name not in ("sound", "text")
    assert page.tags.count("img") == (2 * len(raw["answers"]["samples"]) if drawn else 0)
    assert sum(layer["share"] for layer in raw["explanation"]["layers"]) == pytest.approx(1)


@pytest.mark.slow
def test_a_regression_of_two_inputs_has_its_report(tmp_path):
    from tests.deploy.networks_of_tasks import keras

    keras.utils.set_random_seed(0)
    sizes, ages = keras.Input((3,), name="sizes"), keras.Input((2,), name="ages")
    x = keras.layers.Dense(16, activation="relu", name="mix")(keras.layers.Concatenate()([sizes, ages]))
    keras.Model([sizes, ages], keras.layers.Dense(1, name="price")(x), name="prices").save(tmp_path / "prices.keras")
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(size=(40, size)).astype(np.float32) for name, size in (("sizes", 3), ("ages", 2))}
    np.savez(tmp_path / "rows.npz", **rows, price=rng.normal(size=(40, 1)).astype(np.float32))
    data = tmp_path / "rows.npz"
    options = ("--task", "regress", "--calibrate", data, "--verify", data, "--min-agreement", 0, "--max-drop", 1000)
    arguments = (
        tmp_path / "prices.keras",
        "--out",
        tmp_path / "net",
        *options,
        "--explain",
        "--report",
        tmp_path / "r",
    )
    assert convert.main([str(a) for a in arguments]) == 0
    raw, page = read(tmp_path / "r")
    assert "img" not in page.tags
    assert [entry["name"] for entry in raw["task"]["inputs"]] == ["sizes", "ages"]
    assert all(row["truth"] is not None for row in raw["answers"]["samples"])
    assert raw["answers"]["samples"][0]["reference"] in page.text


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no browser is installed: chromium or google-chrome")
@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_shows_the_whole_page(done, tmp_path, width):
    shot = tmp_path / "shot.png"
    where = (f"--window-size={width},1600", f"--screenshot={shot}", f"file://{done / 'report' / 'report.html'}")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    subprocess.run([BROWSER, *options, *where], check=True, capture_output=True, timeout=120)
    picture = cv2.imread(str(shot))
    assert picture.shape[1] == width
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
