"""edge-convert from end to end on a network of a few weights, and every way in which it says no."""

import errno
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.backends import open_model
from edge.bundle import open_bundle
from edge.cli import convert
from edge.deploy.compress import qat
from tests import tflite_file
from tests.cli import colours
from tests.cli.commands import complaint, imported_by_help, run
from tests.models.training.decode_by_hand import read_split
from tests.models.training.pictures import image_folder
from tests.shared import needs_shared, shared


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = image_folder(tmp_path_factory.mktemp("data") / "colours", train=10, test=10, suffix=".jpg")
    cut = root / "test" / "blue" / "002.jpg"
    cut.write_bytes(cut.read_bytes()[:300])
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = colours.saved(tmp_path_factory.mktemp("model") / "model.keras")
    record = {"mean": [127.5], "std": [127.5], "accuracy": 1.0, "trainable": 195, "seconds": 9}
    path.with_name("train.json").write_text(json.dumps(record))
    return path


@pytest.fixture(scope="module")
def done(data, model, tmp_path_factory):
    """Return the folder with ``net`` (a bundle) and ``result.json`` of one whole run."""
    out = tmp_path_factory.mktemp("bundles")
    options = ["--calibrate", data, "--samples", 9, "--verify", data, "--json", out / "result.json"]
    assert convert.main([str(a) for a in (model, "--out", out / "net", *options)]) == 0
    return out


def test_the_bundle_holds_everything_and_opens(done, model):
    bundle = open_bundle(done / "net")
    manifest = bundle.manifest
    assert (manifest.name, manifest.labels) == ("colours", tuple(colours.LABELS))
    task, entry = manifest.signature.task, manifest.signature.image
    assert (task.name, task.decoder, task.parameters["activation"]) == ("classify", None, "none")
    assert entry.shape == (1, *colours.SIZE)
    assert (entry.format.colour, entry.format.mean, entry.format.std) == ("RGB", (127.5,), (127.5,))
    kinds = [(a.format, a.precision) for a in manifest.artifacts]
    assert kinds == [("tflite", "float32"), ("onnx", "float32"), ("tflite", "int8"), ("onnx", "int8")]
    assert len(manifest.provenance["calibration"]) == 9
    assert all(name.startswith("train/") for name in manifest.provenance["calibration"])
    assert manifest.provenance["source"]["name"] == "model.keras"
    assert manifest.measured["training"] == {"accuracy": 1.0, "trainable": 195}
    assert json.loads((done / "result.json").read_text())["manifest"] == json.loads(
        (done / "net" / "manifest.json").read_text()
    )
    assert sorted(p.name for p in done.iterdir()) == ["net", "result.json"]


def test_every_file_was_compared(done):
    rows = open_bundle(done / "net").manifest.measured["parity"]
    pairs = {(row["candidate"], row["reference"]) for row in rows}
    files = {f"model_{p}.{f}" for p in ("float32", "int8") for f in ("tflite", "onnx")}
    twins = {("model_float32.onnx", "model_float32.tflite"), ("model_int8.onnx", "model_int8.tflite")}
    assert pairs == {(name, "the model") for name in files} | twins
    for row in rows:
        assert row["samples"] == 29  # one of the thirty is corrupt
        assert (row["measure"], row["quality_name"]) == ("top-1", "accuracy")
        assert (row["agreement"], row["quality"], row["reference_quality"]) == (100.0, 100.0, 100.0)
        assert row["max_error"] <= (1e-5 if "float32" in row["candidate"] else 0.05)


def test_the_files_are_right_about_real_images(done, data):
    images, classes = read_split(data, "test")
    bundle = open_bundle(done / "net")
    for artifact in bundle.manifest.artifacts:
        with open_model(bundle.path(artifact)) as opened:
            spec = opened.inputs[0]
            for image, label in zip(images, classes, strict=True):
                real = (image[None].astype(np.float32) - 127.5) / 127.5
                if spec.quantization:
                    real = np.rint(real / spec.quantization.scale + spec.quantization.zero_point).clip(-128, 127)
                assert opened.run([real.astype(spec.dtype)])[0].argmax() == label
    int8 = (done / "net" / "model_int8.tflite").read_bytes()
    assert tflite_file.tensor_dtypes(int8) == {"int8", "int32"}


def test_one_file_and_a_corrupt_image_named(data, model, tmp_path, capsys):
    out = tmp_path / "net.edge"
    said = run(convert, capsys, model, "--out", out, "--tflite", "float32", "--verify", data, "--name", "mine")
    assert said.code == 0, said.err
    assert "left out 1 image(s) that cannot be decoded: test/blue/002.jpg" in said.err
    assert said.out[0].startswith("model_float32.tflite")
    assert "top-1 100.00 % with the model on 29, accuracy 100.00 (100.00)" in said.out[0]
    assert said.out[1] == f"bundle 'mine' in {out}, to classify"
    with zipfile.ZipFile(out) as archive:
        found = sorted(archive.namelist())
        own, golden = ["labels.txt", "manifest.json", "manifest.sha256"], "model_float32.tflite.golden.npz"
        assert found == ["golden-inputs.npz", *own, "model_float32.tflite", golden]


def test_without_verify_it_says_so(model, tmp_path, capsys):
    said = run(convert, capsys, model, "--out", tmp_path / "net", "--onnx", "float32")
    assert said.code == 0
    assert said.err[-1] == "not verified: give --verify to compare the files with MODEL"
    assert [a.format for a in open_bundle(tmp_path / "net").manifest.artifacts] == ["onnx"]


def test_a_quantization_aware_model_becomes_int8_without_calibration(data, tmp_path, capsys):
    images = (read_split(data, "train")[0].astype(np.float32) - 127.5) / 127.5
    path = colours.saved(tmp_path / "model.h5", qat.quantize_aware(colours.classifier(), [images]))
    said = run(convert, capsys, path, "--out", tmp_path / "net", "--verify", data, "--min-agreement", 100)
    assert said.code == 0, said.err
    kinds = [(a.format, a.precision) for a in open_bundle(tmp_path / "net").manifest.artifacts]
    assert kinds == [("tflite", "int8"), ("onnx", "int8")]


def test_a_finished_file_is_bundled_with_its_onnx_twin(done, data, tmp_path, capsys):
    source = done / "net" / "model_int8.tflite"
    arguments = ("--labels", done / "net" / "labels.txt", "--verify", data, "--verify-samples", 6)
    said = run(convert, capsys, source, "--out", tmp_path / "net", *arguments)
    assert said.code == 0, said.err
    bundle = open_bundle(tmp_path / "net")
    assert [a.file for a in bundle.manifest.artifacts] == ["model_int8.tflite", "model_int8.onnx"]
    assert (tmp_path / "net" / "model_int8.tflite").read_bytes() == source.read_bytes()
    assert {row["samples"] for row in bundle.manifest.measured["parity"]} == {5}  # the corrupt one is among the six


def test_logits_grey_and_numbered_labels_are_found_out(tmp_path, capsys):
    keras = colours.keras
    stack = [keras.Input((32, 48, 1)), keras.layers.Conv2D(2, 3), keras.layers.GlobalMaxPooling2D()]
    keras.Sequential([*stack, keras.layers.Dense(4, bias_initializer="ones")]).save(tmp_path / "grey.keras")
    options = ("--task", "classify", "--tflite", "float32", "--std", 255)
    said = run(convert, capsys, tmp_path / "grey.keras", "--out", tmp_path / "net", *options)
    assert said.code == 0, said.err
    manifest = open_bundle(tmp_path / "net").manifest
    entry, task = manifest.signature.image, manifest.signature.task
    assert (task.name, task.parameters["activation"]) == ("classify", "softmax")
    assert (entry.format.colour, entry.shape) == ("GRAY", (1, 32, 48, 1))
    assert (entry.format.mean, entry.format.std) == ((127.5,), (255.0,))
    assert manifest.labels == ()
    with edge.load(tmp_path / "net") as net:
        assert net(np.zeros((32, 48), np.uint8)).predictions[0].label in "0123"


@pytest.fixture
def npz(data, tmp_path):
    images, classes = read_split(data, "test")
    np.savez(tmp_path / "images.npz", images=images, labels=classes)
    return tmp_path / "images.npz"


def test_arrays_calibrate_and_verify(model, npz, tmp_path, capsys):
    said = run(convert, capsys, model, "--out", tmp_path / "net", "--calibrate", npz, "--verify", npz, "--samples", 5)
    assert said.code == 0, said.err
    manifest = open_bundle(tmp_path / "net").manifest
    assert len(manifest.provenance["calibration"]) == 5
    assert all(name.startswith("images.npz[") for name in manifest.provenance["calibration"])
    assert {row["quality"] for row in manifest.measured["parity"]} == {100.0}


def test_a_plain_folder_of_images_has_no_accuracy(model, data, tmp_path, capsys):
    photos = tmp_path / "photos"
    shutil.copytree(data / "test" / "red", photos)
    said = run(convert, capsys, model, "--out", tmp_path / "net", "--calibrate", photos, "--verify", photos)
    assert said.code == 0, said.err
    parity = open_bundle(tmp_path / "net").manifest.measured["parity"]
    assert {row["quality"] for row in parity} == {None}
    assert {row["samples"] for row in parity} == {10}


def test_over_budget_is_exit_code_1_and_no_bundle(model, data, tmp_path, capsys):
    # The files lose nothing; a budget of less than nothing is exceeded all the same.
    arguments = ("--calibrate", data, "--verify", data, "--max-drop", -1, "--json", tmp_path / "result.json")
    said = run(convert, capsys, model, "--out", tmp_path / "net", *arguments)
    assert said.code == 1
    line = complaint(said, "edge-convert")
    assert "model_int8.tflite loses 0.00 points of accuracy, at most -1.0 allowed" in line
    assert line.endswith("--max-drop allow more")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("agreement", "code"), [(70, 1), (60, 0)])
def test_the_onnx_file_has_a_budget_of_its_own(model, data, tmp_path, capsys, monkeypatch, agreement, code):
    from edge.deploy import parity

    class OtherAnswersForAThird(parity.Session):
        runs = 0

        def run(self, inputs):
            outputs = super().run(inputs)
            self.runs += 1
            if self.path.suffix == ".onnx" and self.runs % 3 == 0:
                outputs = {name: replace(out, raw=np.roll(out.raw, 1, axis=-1)) for name, out in outputs.items()}
            return outputs

    monkeypatch.setattr(parity, "Session", OtherAnswersForAThird)
    arguments = ("--calibrate", data, "--verify", data, "--tflite", "int8", "--onnx", "int8")
    loose = ("--min-agreement", 50, "--max-drop", 50, "--min-onnx-agreement", agreement)
    said = run(convert, capsys, model, "--out", tmp_path / "net", *arguments, *loose)
    assert said.code == code
    assert (code == 0) == (tmp_path / "net").exists()
    if code:
        line = complaint(said, "edge-convert")
        assert "model_int8.onnx agrees with model_int8.tflite by top-1" in line
        assert line.count("needed") == 1


def test_over_budget_leaves_the_bundle_that_is_there(done, model, data, tmp_path, capsys):
    shutil.copytree(done / "net", tmp_path / "net")
    before = {p.name: p.read_bytes() for p in (tmp_path / "net").iterdir()}
    arguments = ("--calibrate", data, "--verify", data, "--max-drop", -1)
    assert run(convert, capsys, model, "--out", tmp_path / "net", *arguments).code == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / "net").iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


def test_accuracy_is_the_model_s_own(data, tmp_path, capsys):
    """A network that answers something else agrees with itself; only the reported accuracy shows it."""
    other = colours.classifier()
    dense = other.get_layer("classifier")
    dense.set_weights([np.roll(dense.get_weights()[0], 1, axis=1), dense.get_weights()[1]])
    path = colours.saved(tmp_path / "other" / "model.keras", other)
    said = run(convert, capsys, path, "--out", tmp_path / "net", "--tflite", "float32", "--verify", data)
    assert said.code == 0, said.err
    parity = open_bundle(tmp_path / "net").manifest.measured["parity"]
    assert [(row["agreement"], row["quality"]) for row in parity] == [(100.0, 0.0)]


def _garbage(folder):
    (folder / "bad.keras").write_text("garbage")
    return folder / "bad.keras"


def test_outputs_of_no_known_task_are_numbers_as_they_are(tmp_path, capsys):
    keras = colours.keras
    entry = keras.Input((4,))
    keras.Model(entry, [keras.layers.Dense(3)(entry), keras.layers.Dense(2)(entry)]).save(tmp_path / "two.keras")
    said = run(convert, capsys, tmp_path / "two.keras", "--out", tmp_path / "net", "--tflite", "float32")
    assert said.code == 0, said.err
    assert open_bundle(tmp_path / "net").manifest.signature.task.name == "raw"
    assert "nothing tells what these numbers mean; these would take them: --task regress" in said.err


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda folder: folder / "none.keras", "none.keras does not exist", id="missing"),
        pytest.param(_garbage, "is not a readable Keras file", id="unreadable"),
        pytest.param(lambda _: "zoo:mobilnet", "did you mean 'mobilenet_v", id="misspelt"),
        pytest.param(
            lambda folder: colours.saved(folder / "m" / "model.keras", labels=["blue", "green"]),
            "one line for each of the model's 3 classes, got 2",
            id="labels do not fit",
        ),
    ],
)
def test_a_model_that_does_not_fit_is_one_line_and_no_bundle(tmp_path, capsys, make, words):
    said = run(convert, capsys, make(tmp_path), "--out", tmp_path / "net", "--tflite", "float32")
    assert said.code == 2
    assert words in complaint(said, "edge-convert")
    assert not (tmp_path / "net").exists()


def _rows(folder: Path):
    """Write what is wrong in many ways; return the folder."""
    image_folder(folder / "strange", train=1, test=1, labels=("blue", "red"))
    (folder / "strange" / "test" / "red").rename(folder / "strange" / "test" / "teal")
    (folder / "strange" / "train" / "red").rename(folder / "strange" / "train" / "teal")
    (folder / "empty").mkdir()
    image_folder(folder / "garbage", train=1, test=1)
    for path in (folder / "garbage").rglob("*.png"):
        path.write_bytes(b"garbage")
    np.savez(folder / "size.npz", images=np.zeros((4, 16, 16, 3), np.float32))
    np.savez(folder / "other.npz", pictures=np.zeros((4, *colours.SIZE), np.uint8))
    np.savez(folder / "count.npz", images=np.zeros((4, *colours.SIZE), np.uint8), labels=np.zeros(3))
    (folder / "bad.npz").write_bytes(b"garbage")
    (folder / "bad.zip").write_bytes(b"garbage")
    (folder / "taken").mkdir()
    (folder / "taken" / "letter").touch()
    (folder / "none.txt").touch()
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--tflite", "int8"], "int8 needs real samples to fit its ranges to", id="int8"),
        pytest.param(
            ["--tflite", "int4"],
            "must be one of float32, float16, dynamic, int8, int16x8, got",
            id="precision",
        ),
        pytest.param(["--tflite", ""], "nothing to convert to", id="nothing"),
        pytest.param(["--verify", "HERE/missing"], "does not exist", id="no images"),
        pytest.param(["--verify", "HERE/empty"], "has no files", id="empty folder"),
        pytest.param(["--verify", "HERE/garbage"], "can be decoded", id="corrupt images"),
        pytest.param(["--verify", "HERE/bad.zip"], "cannot be read as a zip", id="damaged zip"),
        pytest.param(["--verify", "HERE/strange"], "'teal' is not one of the model's labels", id="unknown class"),
        pytest.param(
            ["--verify", "HERE/size.npz"], "images must be (n, height, width, 1 or 3) uint8, got (4, 16,", id="dtype"
        ),
        pytest.param(
            ["--verify", "HERE/other.npz"], "must have an array for each input: input (or images)", id="no array"
        ),
        pytest.param(["--verify", "HERE/count.npz"], "a row for each of 4 samples, got (3,)", id="label count"),
        pytest.param(["--verify", "HERE/bad.npz"], "must be an .npz file of arrays", id="damaged npz"),
        pytest.param(["--verify", "HERE/no.npz"], "does not exist", id="missing npz"),
        pytest.param(["--verify-samples", 0, "--verify", "HERE/garbage"], "at least 1, got 0", id="no samples"),
        pytest.param(["--samples", 0, "--calibrate", "HERE/garbage"], "at least 1, got 0", id="no calibration"),
        pytest.param(["--min-agreement", 101, "--verify", "HERE/garbage"], "0 to 100 percent", id="budget"),
        pytest.param(["--min-onnx-agreement", -1, "--verify", "HERE/garbage"], "0 to 100 percent", id="ONNX budget"),
        pytest.param(["--labels", "HERE/missing.txt"], "missing.txt cannot be read", id="no labels"),
        pytest.param(["--labels", "HERE/none.txt"], "is empty", id="empty labels"),
        pytest.param(["--std", 0], "std must be positive", id="std"),
        pytest.param(["--verify-samples", -1, "--verify", "HERE/garbage"], "at least 1, got -1", id="negative count"),
        pytest.param(["--colour", "GRAY"], "colour GRAY needs 1 channel(s), the model's input is (1, ", id="colour"),
        pytest.param(["--out", "HERE/taken"], "exists and is not a bundle", id="somebody else's folder"),
        pytest.param(["--out", "HERE/none.txt/net"], "cannot write to", id="below a file"),
        pytest.param(["--out", "/proc/net.edge"], "cannot write to /proc", id="read-only"),
        pytest.param(["--out", "HERE/size.npz"], "exists and is not a bundle", id="a file in the way"),
    ],
)
def test_bad_options_are_one_line_and_no_bundle(model, tmp_path, capsys, arguments, words):
    here = _rows(tmp_path / "here")
    before = sorted(here.rglob("*"))
    options = [str(a).replace("HERE", str(here)) for a in arguments]
    if not {"--tflite", "--calibrate", "--min-agreement"} & set(options):
        options += ["--tflite", "float32"]
    said = run(convert, capsys, model, "--out", tmp_path / "net", *options)
    assert said.code == 2
    assert words in complaint(said, "edge-convert")
    assert not (tmp_path / "net").exists()
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("option", [("--mean", "1,2"), ("--mean", "grey"), ("--resize", "squash"), ("--samples", "x")])
def test_bad_usage_is_exit_code_2(model, tmp_path, capsys, option):
    said = run(convert, capsys, model, "--out", tmp_path / "net", *option)
    assert said.code == 2
    assert f"argument {option[0]}" in said.err[-1]


def test_a_full_disk_leaves_no_half_bundle(model, data, tmp_path, capsys, monkeypatch):
    def full(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copyfile", full)
    for name in ("net", "net.edge"):
        said = run(convert, capsys, model, "--out", tmp_path / name, "--tflite", "float32", "--verify", data)
        assert said.code == 2
        assert "No space left on device" in complaint(said, "edge-convert")
    assert not list(tmp_path.iterdir())


def test_help_imports_nothing_heavy():
    assert imported_by_help("edge.cli.convert") == []


@needs_shared
@pytest.mark.slow
def test_a_published_network_keeps_its_answers(tmp_path, capsys):
    """ResNet-8 of MLPerf Tiny, on the CIFAR-10 images whose folder names sort as its classes are numbered."""
    data = shared("data", "cifar10-jpeg.zip")
    network = shared("models", "mlperf_tiny", "pretrainedResnet.h5")
    pixels = ("--mean", 0, "--std", 1)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (tmp_path / "labels.txt").write_text("\n".join(names))
    arguments = ("--labels", tmp_path / "labels.txt", "--calibrate", data, "--verify", data, "--verify-samples", 400)
    # Of all 10,000 the int8 file agrees on 98.25 %, the ONNX file with TFLite's on 99.9 %; three standard errors of 400
    # are allowed below. The int8 file that was published with the network agrees on 95 %.
    budget = ("--min-agreement", 96.5, "--min-onnx-agreement", 99.25, "--max-drop", 2)
    said = run(convert, capsys, network, "--out", tmp_path / "net", *pixels, *arguments, *budget)
    assert said.code == 0, said.err
    manifest = open_bundle(tmp_path / "net").manifest
    rows = {row["candidate"]: row for row in manifest.measured["parity"] if row["reference"] == "the model"}
    # JPEG coding costs this network ten of its 87 %; 400 images leave a standard error of 2 points.
    assert 71 <= rows["model_float32.tflite"]["reference_quality"] <= 83
    assert rows["model_float32.tflite"]["agreement"] == 100
    assert rows["model_int8.tflite"]["quality"] >= rows["model_int8.tflite"]["reference_quality"] - 2
    assert tuple(names) == manifest.labels


def test_the_methods_are_those_of_the_quantizer():
    from edge.calibration.tensor_ranges import METHODS

    (option,) = [action for action in convert.parser()._actions if action.dest == "method"]
    assert (tuple(option.choices), option.default) == (METHODS, METHODS[0])


def _two_inputs(folder):
    """A picture and two numbers in; a quantity and a vector out."""
    keras = colours.keras
    keras.utils.set_random_seed(2)
    picture, number = keras.Input((16, 16, 3), name="picture"), keras.Input((2,), name="number")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3, activation="relu")(picture))
    x = keras.layers.Concatenate()([x, keras.layers.Dense(6, activation="relu")(number)])
    outputs = {"angle": keras.layers.Dense(1, name="a")(x), "speed": keras.layers.Dense(2, name="s")(x)}
    model = keras.Model({"picture": picture, "number": number}, outputs)
    model.save(folder / "two.keras")
    rng = np.random.default_rng(0)
    arrays = {"picture": rng.integers(0, 256, (40, 16, 16, 3), np.uint8), "number": rng.normal(size=(40, 2))}
    np.savez(folder / "arrays.npz", **arrays)
    return folder / "two.keras", folder / "arrays.npz", model


def test_several_inputs_and_outputs_from_arrays_to_a_bundle(tmp_path, capsys):
    path, arrays, model = _two_inputs(tmp_path)
    options = ("--task", "regress", "--parameter", "units=['deg', 'm/s', '']", "--parameter", "scale=[2, 1, 1]")
    data = ("--calibrate", arrays, "--verify", arrays, "--min-agreement", 15)
    said = run(convert, capsys, path, "--out", tmp_path / "net", *options, *data)
    assert said.code == 0, said.err
    assert "signal-to-noise" in said.out[0]
    assert said.out[-1].endswith("net, to regress")
    manifest = open_bundle(tmp_path / "net").manifest
    assert [(i.name, i.kind) for i in manifest.signature.inputs] == [("number", "tensor"), ("picture", "image")]
    assert [(o.name, o.role) for o in manifest.signature.outputs] == [("angle", "value"), ("speed", "value")]
    assert len(manifest.artifacts) == 4
    image, number = np.full((16, 16, 3), 200, np.uint8), np.array([[0.5, -1]], np.float32)
    real = (image[None].astype(np.float32) - 127.5) / 127.5
    expected = model({"picture": real, "number": number})
    with edge.load(tmp_path / "net", precision="float32") as net:
        result = net({"picture": image, "number": number[0]})
    assert result.values["angle"] == pytest.approx(2 * float(expected["angle"][0, 0]), abs=1e-4)
    assert result.values["speed 1"] == pytest.approx(float(expected["speed"][0, 1]), abs=1e-4)
    assert result.units == {"angle": "deg", "speed 0": "m/s"}


def test_a_signature_is_chosen_and_what_is_no_picture_stays_none(tmp_path, capsys):
    tf = colours.need("tensorflow")
    module = tf.Module()
    spec = tf.TensorSpec((None, 30, 40), tf.float32, name="rows")
    module.means = tf.function(lambda rows: {"means": tf.reduce_mean(rows, 2)}, [spec])
    module.sums = tf.function(lambda rows: {"sums": tf.reduce_sum(rows, 1)}, [spec])
    tf.saved_model.save(module, str(tmp_path / "saved"), {"means": module.means, "sums": module.sums})
    options = ("--signature", "sums", "--task", "raw", "--input-kind", "tensor", "--tflite", "float32")
    said = run(convert, capsys, tmp_path / "saved", "--out", tmp_path / "net", *options)
    assert said.code == 0, said.err
    assert said.err == ["not verified: give --verify to compare the files with MODEL"]
    assert said.out[-1].endswith("net, to give raw outputs")
    signature = open_bundle(tmp_path / "net").manifest.signature
    assert [(i.kind, i.shape) for i in signature.inputs] == [("tensor", (1, 30, 40))]
    assert [(o.name, o.shape) for o in signature.outputs] == [("sums", (1, 40))]
    refused = run(convert, capsys, tmp_path / "saved", "--out", tmp_path / "other", *options[2:])
    assert "give --signature, one of means, sums" in complaint(refused, "edge-convert")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["--task", "sort"], "sort", id="no task"),
        pytest.param(["--decoder", "yolov9000"], "yolov9000", id="no decoder"),
        pytest.param(["--parameter", "topp=3"], "topp", id="no parameter"),
        pytest.param(["--task", "segment"], "segment", id="another task's outputs"),
    ],
)
def test_what_the_outputs_cannot_mean_is_one_line(model, tmp_path, capsys, options, words):
    said = run(convert, capsys, model, "--out", tmp_path / "net", "--tflite", "float32", *options)
    assert said.code == 2
    assert words in complaint(said, "edge-convert")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("top=3", 3),
        ("score_threshold=0.25", 0.25),
        ("nms=soft", "soft"),
        ("multi_label=true", True),
        ("multi_label=False", False),
        ("units=('m', 'deg')", ["m", "deg"]),
        ("layout=null", None),
        ("anchors={'strides': [8, 16]}", {"strides": [8, 16]}),
    ],
)
def test_parameters_are_values(text, value):
    assert convert.parser().parse_args(["m", "--out", "b", "--parameter", text]).parameter == [
        (text.split("=")[0], value)
    ]


@pytest.mark.parametrize("text", ["top", "=3", "to-p=3"])
def test_a_parameter_is_name_and_value(capsys, text):
    with pytest.raises(SystemExit):
        convert.parser().parse_args(["m", "--out", "b", "--parameter", text])
    assert f"expected NAME=VALUE, got '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(("boxes", "words"), [(0, " without any box, which proves nothing"), (7.5, "")])
def test_an_agreement_on_no_box_is_named_for_what_it_is(boxes, words):
    row = {
        "measure": "boxes matched at IoU 0.7",
        "agreement": 100.0,
        "unit": "%",
        "reference": "the model",
        "samples": 6,
    }
    row |= {"quality": None, "details": {"boxes compared": boxes}}
    assert convert._compared(row) == f"boxes matched at IoU 0.7 100.00 % with the model on 6{words}"
