"""edge-train from end to end on flat colours, and every way in which it says no."""

import csv
import errno
import json
import shutil

import cv2
import pytest

from edge.cli import train
from edge.cli._data import open_data
from edge.cli._train_options import network_options, parser
from tests.cli.commands import complaint, imported_by_help, run
from tests.models.training.pictures import BGR, image_folder

OPTIONS = ("--width", 0.25, "--input-size", 32, "--batch", 16, "--learning-rate", 0.05, "--warmup", 0)
LABELS = sorted(BGR)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data set with one JPEG that was cut off."""
    root = image_folder(tmp_path_factory.mktemp("data") / "colours", suffix=".jpg")
    cut = root / "train" / "red" / "007.jpg"
    cut.write_bytes(cut.read_bytes()[:300])
    return root


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """Return the folder of one complete run, for tests that only read it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["mobilenet_v1", "--data", data, "--out", out, "--epochs", 2, *OPTIONS, "--json", out / "result.json"]
    assert train.main([str(a) for a in arguments]) == 0
    return out


def test_a_run_leaves_all_that_the_help_says(done):
    names = {p.name for p in done.iterdir()}
    assert {"model.keras", "train.json", "labels.txt", "history.csv", "curves.png", "run.json"} <= names
    assert "cache" not in names
    assert not [name for name in names if name.startswith(".")]
    record = json.loads((done / "train.json").read_text())
    assert record["network"] == "mobilenet_v1"
    assert record["corrupt"] == ["train/red/007.jpg"]
    assert record["images"] == {"train": 71, "report": 24}
    assert (done / "labels.txt").read_text().split() == LABELS
    assert json.loads((done / "result.json").read_text())["build"]["width"] == 0.25
    with (done / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert cv2.imread(str(done / "curves.png")) is not None


def test_resuming_a_finished_run_changes_nothing_but_counts_the_corrupt_image(done, data, tmp_path, capsys):
    out = tmp_path / "run"
    shutil.copytree(done, out)
    said = run(train, capsys, "mobilenet_v1", "--data", data, "--out", out, "--epochs", 2, *OPTIONS, "--resume")
    assert said.code == 0
    assert "left out 1 image(s) that cannot be decoded: train/red/007.jpg" in said.err
    assert not [line for line in said.err if line.startswith("epoch")]
    before, after = (json.loads((folder / "train.json").read_text())["accuracy"] for folder in (done, out))
    assert said.out == [f"mobilenet_v1: accuracy {before:.4f} on 24 images; model in {out}"]
    assert before == after


def test_other_options_cannot_resume_a_run(done, data, capsys):
    before = {p: p.stat().st_mtime_ns for p in done.iterdir()}
    arguments = ("mobilenet_v1", "--data", data, "--out", done, "--epochs", 3, *OPTIONS)
    said = run(train, capsys, *arguments, "--resume")
    assert said.code == 2
    assert "epochs was 2, got 3" in complaint(said, "edge-train")
    said = run(train, capsys, *arguments)
    assert said.code == 2
    assert "already holds a run; add --resume" in complaint(said, "edge-train")
    assert {p: p.stat().st_mtime_ns for p in done.iterdir()} == before


def _empty(root):
    shutil.rmtree(root / "train")
    shutil.rmtree(root / "test")


def _garbage(root):
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"garbage")


def _one_class(root):
    for split in ("train", "test"):
        (root / split / "images").mkdir()
        for label in LABELS:
            (root / split / label).rename(root / split / "images" / label)


def _strange(root):
    (root / "test" / "red").rename(root / "test" / "rad")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(_empty, "has no images in class folders: expected train/<class>/", id="empty"),
        pytest.param(
            _one_class, "the folder train/images was taken for the class; put one folder a class", id="one class"
        ),
        pytest.param(_strange, "class folder test/rad has no counterpart train/rad", id="unknown class folder"),
        pytest.param(_garbage, "none of the 3 images of test/ can be decoded", id="nothing can be decoded"),
        pytest.param(lambda root: shutil.rmtree(root / "test"), "no test/ and no validation/ folder", id="no test"),
        pytest.param(lambda root: shutil.rmtree(root / "train"), "has no train/ folder", id="no train"),
        pytest.param(shutil.rmtree, "does not exist", id="missing"),
    ],
)
def test_a_bad_data_set_is_one_line_and_leaves_nothing(tmp_path, capsys, spoil, words):
    root = image_folder(tmp_path / "set", train=1, test=1)
    spoil(root)
    out = tmp_path / "run"
    said = run(train, capsys, "mobilenet_v1", "--data", root, "--out", out, *OPTIONS)
    assert said.code == 2
    assert words in complaint(said, "edge-train")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["mobilnet_v1"], "unknown model 'mobilnet_v1': did you mean 'mobilenet_v1'?", id="misspelt"),
        pytest.param(["mobilenet_v1", "--batch", 1000], "batch must be at most the", id="batch"),
        pytest.param(["mobilenet_v1", "--epochs", 0], "epochs must be at least 1", id="epochs"),
        pytest.param(["mobilenet_v1", "--input-size", 16], "height >= 32", id="wrong input size"),
        pytest.param(["mobilenet_v1", "--input-size", -8], "height >= 32", id="negative input size"),
        pytest.param(["mobilenet_v1", "--width", 0], "width must be above 0", id="width"),
        pytest.param(["mobilenet_v1", "--downsample", 5], "downsample must be one of", id="downsample"),
        pytest.param(["mobilenet_v1", "--groups", 3], "takes no option 'groups'", id="another network's option"),
        pytest.param(["mobilenet_v1", "--momentum", 2], "momentum must be from 0", id="momentum"),
        pytest.param(["mobilenet_v1", "--dropout", 1.5], "dropout must be from 0 to below 1", id="dropout"),
        pytest.param(
            ["mobilenet_v1", "--data-option", "view=crop"],
            "--data-option must be one of labels, mean, std, got view",
            id="data option",
        ),
        pytest.param(["fcn_1d"], "has no sounds: expected <label>_<speaker>", id="a network over a series"),
        pytest.param([], "model is missing", id="no model"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(data, tmp_path, capsys, arguments, words):
    out = tmp_path / "run"
    said = run(train, capsys, "--data", data, "--out", out, *OPTIONS, *arguments)
    assert said.code == 2
    assert words in complaint(said, "edge-train")
    assert not out.exists()


def test_places_that_cannot_be_written_are_one_line(data, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    for out, words in (
        (tmp_path / "file", "cannot write to"),
        (tmp_path / "file" / "run", "cannot write to"),
        ("/proc/run", "cannot write to /proc/run"),
        (tmp_path / "full", "is not empty and holds no run"),
    ):
        said = run(train, capsys, "mobilenet_v1", "--data", data, "--out", out, *OPTIONS)
        assert said.code == 2
        assert words in complaint(said, "edge-train")
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["letter"]


def test_a_full_disk_leaves_no_half_model_and_the_run_can_go_on(done, data, tmp_path, capsys, monkeypatch):
    import tf_keras as keras

    out = tmp_path / "run"
    shutil.copytree(done, out)
    for name in ("model.keras", "train.json"):
        (out / name).unlink()

    def full(self, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    arguments = ("mobilenet_v1", "--data", data, "--out", out, "--epochs", 2, *OPTIONS, "--resume")
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", full)
        said = run(train, capsys, *arguments)
    assert said.code == 2
    assert "No space left on device" in complaint(said, "edge-train")
    assert not (out / "model.keras").exists()
    assert not (out / "train.json").exists()
    assert not list(out.glob(".*"))
    assert (out / "checkpoint").is_dir()


def test_the_list_names_every_network(capsys):
    said = run(train, capsys, "--list")
    assert said.code == 0
    assert {line.split()[0] for line in said.out} >= {"mobilenet_v1", "shufflenet_v2"}


def test_ctrl_c_is_130_and_keeps_the_run(data, tmp_path, capsys, monkeypatch):
    from edge.models.training import fit

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "train", interrupted)
    said = run(train, capsys, "mobilenet_v1", "--data", data, "--out", tmp_path / "run", *OPTIONS)
    assert said.code == 130
    assert complaint(said, "edge-train") == "interrupted"
    assert (tmp_path / "run" / "run.json").is_file()


def test_the_drawn_set_is_drawn_once(tmp_path, monkeypatch, capsys):
    from edge.scenes import image_set

    drawn = []

    def draw(folder):
        drawn.append(folder)
        image_folder(folder, train=1, test=1)

    monkeypatch.setattr(image_set, "write_dataset", draw)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert [open_data("scenes").labels for _ in range(2)] == [tuple(LABELS)] * 2
    assert drawn == [tmp_path / "edgekit" / "scenes"]
    assert "drawing the set 'scenes'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("network", "data", "words"),
    [
        pytest.param("ssdlite_mobilenet_v2", "scenes", "for the task detect it must be scenes:boxes", id="boxes"),
        pytest.param("mobilenet_v1", "scenes:faces", "for the task classify it must be scenes", id="pictures"),
        pytest.param("mobilenet_v1", "scenes:face", "unknown drawn set 'scenes:face': did you mean", id="misspelt"),
        pytest.param("toycar", "scenes", "this one is to reconstruct", id="no training"),
    ],
)
def test_a_drawn_set_of_another_task_is_refused_and_not_drawn(tmp_path, monkeypatch, capsys, network, data, words):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = run(train, capsys, network, "--data", data, "--out", tmp_path / "run")
    assert said.code == 2
    assert words in complaint(said, "edge-train")
    assert not list(tmp_path.iterdir())


def test_the_help_names_every_drawn_set(capsys):
    from edge.scenes import SETS

    said = run(train, capsys, "--help")
    last = [line.split()[-1] for line in said.out if line.strip()]
    assert set(SETS) <= set(last)


@pytest.mark.parametrize(
    ("network", "options", "shape"),
    [
        ("mobilenet_v2", (), (224, 224, 3)),
        ("mobilenet_v2", ("--input-size", "96", "--channels", "1"), (96, 96, 1)),
        ("unet", ("--input-size", "96x128"), (96, 128, 1)),
        ("text_cnn", (), (56,)),
        ("text_cnn", ("--input-size", "20"), (20,)),
        ("m5", ("--input-size", "4000"), (4000, 1)),
        ("ds_cnn", (), (49, 10, 1)),
        ("c3d", (), (16, 112, 112, 3)),
        ("c3d", ("--input-size", "64"), (16, 64, 64, 3)),
        ("c3d", ("--input-size", "64x48"), (16, 64, 48, 3)),
        ("c3d", ("--input-size", "8x64x48", "--channels", "1"), (8, 64, 48, 1)),
    ],
)
def test_sizes_fill_the_shape_of_the_networks_input(network, options, shape):
    arguments = parser().parse_args([network, *options])
    assert network_options(arguments)["input_shape"] == shape


def test_help_imports_nothing_heavy():
    assert imported_by_help("edge.cli.train") == []
