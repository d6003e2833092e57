"""edge-compress from end to end on a network of a few weights, and every way in which it says no."""

import json
import shutil

import numpy as np
import pytest

from edge.cli import compress
from edge.deploy._tensorflow import need
from edge.deploy.load import load_keras
from tests.cli import colours
from tests.cli.commands import complaint, imported_by_help, run
from tests.models.training.pictures import image_folder

FEW = ("--batch", 16, "--prune-epochs", 1, "--qat-epochs", 1, "--learning-rate", 1e-3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = image_folder(tmp_path_factory.mktemp("data") / "colours", train=16, test=4, suffix=".jpg")
    cut = root / "test" / "blue" / "002.jpg"
    cut.write_bytes(cut.read_bytes()[:300])
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = colours.saved(tmp_path_factory.mktemp("model") / "model.keras")
    path.with_name("train.json").write_text(json.dumps({"mean": [127.5], "std": [127.5], "accuracy": 1.0}))
    return path


@pytest.fixture(scope="module")
def done(data, model, tmp_path_factory):
    """Return the folder of a run that pruned and trained quantization-aware."""
    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = [model, "--data", data, "--out", out, "--prune", 0.5, "--qat", *FEW, "--json", out / "result.json"]
    assert compress.main([str(a) for a in arguments]) == 0
    return out


def test_both_steps_leave_what_the_help_says(done):
    names = {p.name for p in done.iterdir()}
    assert {"model.h5", "compress.json", "labels.txt", "train.json", "run.json"} <= names
    assert "cache" not in names
    assert "model.keras" not in names
    assert not [p for p in done.rglob("*") if p.name.startswith(".") or p.name == "checkpoint"]
    assert (done / "labels.txt").read_text().split() == colours.LABELS
    record = json.loads((done / "compress.json").read_text())
    assert json.loads((done / "result.json").read_text()) == record
    assert [row["step"] for row in record["steps"]] == ["float", "prune", "qat"]
    plain, pruned, simulated = record["steps"]
    assert plain["accuracy"] == 1.0
    assert plain["sparsity"] == pytest.approx((162 - 54 + 18 - 6) / 180, abs=1e-3)  # 54 + 6 of 180 weights are not 0
    assert pruned["sparsity"] >= 0.5
    assert simulated["sparsity"] >= pruned["sparsity"] - 1e-3
    assert simulated["accuracy"] >= 0.9
    for row in record["steps"]:
        assert row["bytes"] == (done / f"{row['step']}.tflite").stat().st_size
        assert 0 < row["zipped"] < row["bytes"]


def test_the_quantization_aware_model_loads_and_is_right(done):
    from edge.deploy import quantized

    loaded = load_keras(done / "model.h5")
    assert quantized.is_quantize_aware(loaded)
    flat = np.array([[-1, -1, 1], [-1, 1, -1], [1, -1, -1]], np.float32)[:, None, None]
    images = np.broadcast_to(0.6 * flat, (3, *colours.SIZE))
    assert loaded(images).numpy().argmax(-1).tolist() == [0, 1, 2]


def test_pruning_alone_leaves_a_keras_file_and_names_the_corrupt_image(data, model, tmp_path, capsys):
    out = tmp_path / "run"
    said = run(compress, capsys, model, "--data", data, "--out", out, "--prune", 0.7, *FEW)
    assert said.code == 0, said.err
    assert "left out 1 image(s) that cannot be decoded: test/blue/002.jpg" in said.err
    assert [line.split()[0] for line in said.out] == ["float", "prune"]
    weights = load_keras(out / "model.keras").get_layer("features").get_weights()[0]
    assert np.mean(weights == 0) >= 0.69


def test_other_options_cannot_resume_a_run(done, data, model, capsys):
    before = {p: p.stat().st_mtime_ns for p in done.rglob("*")}
    arguments = (model, "--data", data, "--out", done, "--prune", 0.6, "--qat", *FEW)
    said = run(compress, capsys, *arguments, "--resume")
    assert said.code == 2
    assert "prune was 0.5, got 0.6" in complaint(said, "edge-compress")
    said = run(compress, capsys, *arguments)
    assert said.code == 2
    assert "already holds a run" in complaint(said, "edge-compress")
    assert {p: p.stat().st_mtime_ns for p in done.rglob("*")} == before


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_its_second_step(data, model, tmp_path, capsys, monkeypatch):
    from edge.deploy.compress import qat

    def interrupted(*_):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    arguments = (model, "--data", data, "--out", out, "--prune", 0.5, "--qat", *FEW)
    with monkeypatch.context() as patch:
        patch.setattr(qat, "quantize_aware", interrupted)
        assert run(compress, capsys, *arguments).code == 130
    pruned = (out / "prune.tflite").read_bytes()
    said = run(compress, capsys, *arguments, "--resume")
    assert said.code == 0, said.err
    assert len([line for line in said.err if line.startswith("epoch 1/1")]) == 1  # only the quantization-aware step
    assert (out / "prune.tflite").read_bytes() == pruned
    assert (out / "model.h5").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "nothing to do: give --prune SHARE, --qat, or both", id="no step"),
        pytest.param(["--qat", "--batch", 1000], "batch must be at most the 48 training images", id="batch"),
        pytest.param(["--prune", 1.0], "above 0 and below 1, got 1.0", id="prune all"),
        pytest.param(["--prune", 0], "above 0 and below 1, got 0.0", id="prune nothing"),
        pytest.param(["--qat", "--qat-epochs", 0], "epochs must be at least 1", id="no epoch"),
        pytest.param(["--qat", "--labels", "none.txt"], "labels none.txt cannot be read", id="no labels"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(data, model, tmp_path, capsys, arguments, words):
    out = tmp_path / "run"
    said = run(compress, capsys, model, "--data", data, "--out", out, *FEW, *arguments)
    assert said.code == 2
    assert words in complaint(said, "edge-compress")
    assert not out.exists()


def _missing(folder):
    return folder / "none.keras"


def _run_folder(folder):
    (folder / "trained").mkdir()
    (folder / "trained" / "model.keras").touch()
    return folder / "trained"


def _no_labels(folder):
    (folder / "model.keras").touch()
    return folder / "model.keras"


def _named_labels(folder):
    """NAME_labels.txt is read as edge-convert does: with the numbers that Teachable Machine writes."""
    path = colours.saved(folder / "model.keras")
    (folder / "labels.txt").unlink()
    (folder / "model_labels.txt").write_text("0 blue\n1 green\n2 teal\n")
    return path


def _garbage(folder):
    (folder / "bad.keras").write_text("garbage")
    (folder / "labels.txt").write_text("blue\ngreen\nred\n")
    return folder / "bad.keras"


def _four_labels(folder):
    return colours.saved(folder / "model.keras", labels=[*colours.LABELS, "teal"])


def _another_label(folder):
    return colours.saved(folder / "model.keras", labels=["blue", "green", "teal"])


def _another_suffix(folder):
    (folder / "labels.txt").write_text("blue\ngreen\nred\n")
    (folder / "model.tflite").write_bytes(b"TFL3")
    return folder / "model.tflite"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(_missing, "none.keras does not exist", id="missing"),
        pytest.param(_run_folder, "trained; give ", id="the folder of a run"),
        pytest.param(_no_labels, "labels.txt does not exist; give --labels FILE", id="no labels"),
        pytest.param(_garbage, "bad.keras is not a readable Keras file", id="unreadable"),
        pytest.param(_four_labels, "one line for each of the model's 3 classes, got 4", id="labels do not fit"),
        pytest.param(_another_label, "class folder 'red' is not one of the model's labels", id="unknown class"),
        pytest.param(
            _named_labels, "class folder 'red' is not one of the model's labels", id="labels called as the model"
        ),
        pytest.param(_another_suffix, "MODEL must be a .keras, .h5, .hdf5 file", id="not Keras"),
    ],
)
def test_a_model_that_does_not_fit_is_one_line_and_leaves_nothing(data, tmp_path, capsys, make, words):
    out = tmp_path / "run"
    said = run(compress, capsys, make(tmp_path), "--data", data, "--out", out, "--qat")
    assert said.code == 2
    assert words in complaint(said, "edge-compress")
    assert not out.exists()


def test_a_quantization_aware_model_is_not_trained_so_again(done, data, tmp_path, capsys):
    out = tmp_path / "run"
    shutil.copy(done / "model.h5", tmp_path / "model.h5")
    shutil.copy(done / "labels.txt", tmp_path / "labels.txt")
    said = run(compress, capsys, tmp_path / "model.h5", "--data", data, "--out", out, "--qat", *FEW)
    assert said.code == 2
    assert "is quantization-aware already" in complaint(said, "edge-compress")
    assert not out.exists()


def test_places_that_cannot_be_written_are_one_line(data, model, tmp_path, capsys):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run", "/proc/run"):
        said = run(compress, capsys, model, "--data", data, "--out", out, "--qat", *FEW)
        assert said.code == 2
        assert "cannot write to" in complaint(said, "edge-compress")


def test_help_imports_nothing_heavy():
    assert imported_by_help("edge.cli.compress") == []


def _nested(path):
    keras = need("tf_keras")
    inner = colours.classifier()
    inputs = keras.Input(colours.SIZE)
    keras.Model(inputs, inner(inputs)).save(path)


def _logits(path):
    colours.classifier(activation=None).save(path)


def _keras3(path):
    keras = need("keras")
    keras.Sequential([keras.Input(colours.SIZE), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]).save(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(_nested, "holds a model as a layer", id="nested"),
        pytest.param(_logits, "must end in a softmax", id="logits"),
        pytest.param(_keras3, "is a Keras 3 model", id="Keras 3"),
    ],
)
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3, while it saves
def test_a_model_that_would_be_compressed_wrongly_is_refused(make, words, data, tmp_path, capsys):
    make(tmp_path / "model.keras")
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in colours.LABELS))
    said = run(compress, capsys, tmp_path / "model.keras", "--data", data, "--out", tmp_path / "out", "--qat")
    assert said.code == 2
    assert words in complaint(said, "edge-compress")
    assert not (tmp_path / "out").exists()


def test_resuming_a_finished_run_only_says_what_it_did(done, model, data, capsys):
    before = (done / "compress.json").read_bytes(), (done / "model.h5").stat().st_mtime_ns
    arguments = (model, "--data", data, "--out", done, "--prune", 0.5, "--qat", *FEW, "--resume")
    said = run(compress, capsys, *arguments)
    assert said.code == 0
    assert said.out[0].startswith("float ")
    assert ((done / "compress.json").read_bytes(), (done / "model.h5").stat().st_mtime_ns) == before
