"""From a bundle or a file to what the loop runs: whose wish counts, and the lines for what cannot be."""

import json
import shutil

import numpy as np
import pytest

from edge.bundle import Artifact, Manifest, write_bundle
from edge.errors import FileError, InputError, MissingExtra
from edge.imaging import InputFormat
from edge.running import Wishes, open_running
from edge.tuning import Tuning
from tests.loops import BANDS, fake_model, labels_file, picture

FORM = InputFormat(colour="BGR", mean=(0.0,), std=(255.0,))
FAKE = Wishes(backend="fake")


def bundle(folder, rows=(("fake", "int8"),), labels=BANDS, name="bands"):
    files = []
    for number, (suffix, precision) in enumerate(rows):
        source = folder / f"{name}_{precision}_{number}.{suffix}"
        shutil.copy(fake_model(folder, dtype="float32"), source)
        files.append(source)
    artifacts = tuple(Artifact(f.name, f.suffix[1:], p, "any", 0, "") for f, (_, p) in zip(files, rows, strict=True))
    manifest = Manifest(name, "classify", tuple(labels), (8, 8, 3), FORM, "probabilities", artifacts)
    write_bundle(folder / f"{name}.bundle", manifest, files)
    return folder / f"{name}.bundle"


def test_a_bundle_says_everything(tmp_path):
    with open_running(bundle(tmp_path), FAKE) as running:
        assert (running.name, running.backend) == ("bands int8", "fake")
        tensor = running.preprocess(picture(1))
        assert tensor.max() == np.float32(230 / 255)
        outputs = running.model.run([tensor])
        found = running.task.decode(outputs, running.model.outputs, (64, 48)).predictions
        assert found[0].label == "upper"
        assert found[0].score == pytest.approx(230 / 255, abs=0.01)  # stated to be probabilities, so not softmaxed


def test_an_edge_file_lives_as_long_as_it_runs(tmp_path):
    folder = bundle(tmp_path)
    artifact = json.loads((folder / "manifest.json").read_text())["artifacts"][0]
    manifest = Manifest("z", "classify", BANDS, (8, 8, 3), FORM, "probabilities", (Artifact(**artifact),))
    write_bundle(tmp_path / "z.edge", manifest, [folder / artifact["file"]])
    with open_running(tmp_path / "z.edge", FAKE) as running:
        assert running._runnable.path.is_file()


def test_the_precision_is_chosen_among_the_files(tmp_path):
    path = bundle(tmp_path, (("fake", "float32"), ("fake", "int8")))
    for wish, expected in ((None, "bands int8"), ("float32", "bands float32")):
        with open_running(path, Wishes(backend="fake", precision=wish)) as running:
            assert running.name == expected


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    path = bundle(tmp_path, (("fake", "float32"), ("fake", "int8")))
    monkeypatch.setattr("edge.running.read_tuning", lambda *_: Tuning("fake", 3, "float32", 1.0))
    return path


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(), ("bands float32", 3)),
        (Wishes(threads=1), ("bands float32", 1)),
        (Wishes(precision="int8", backend="fake", threads=2), ("bands int8", 2)),
    ],
)
def test_the_tuning_record_decides_what_nobody_asked_for(tuned, wishes, expected):
    with open_running(tuned, wishes) as running:
        assert (running.name, running.threads) == expected


def test_a_tuning_record_for_a_backend_that_is_gone_is_passed_over(tuned, monkeypatch):
    monkeypatch.setattr("edge.running.read_tuning", lambda *_: Tuning("gone", 3, "float32", 1.0))
    with open_running(tuned, FAKE) as running:
        assert running.name == "bands int8"


def test_a_bundle_goes_to_the_backend_of_its_preferred_file(tmp_path):
    with open_running(bundle(tmp_path), Wishes()) as running:
        assert running.backend == "fake"


def test_a_bundle_whose_only_backend_is_missing_names_the_extra(tmp_path, monkeypatch):
    def missing(path, name=None):
        raise MissingExtra("backend 'onnxruntime' needs onnxruntime: pip install 'edgekit[onnx]'")

    path = bundle(tmp_path, (("onnx", "int8"),))
    monkeypatch.setattr("edge.backends.for_file", missing)
    with pytest.raises(MissingExtra, match=r"edgekit\[onnx\]"):
        open_running(path, Wishes())


def test_a_bare_file_takes_labels_and_an_input_format(tmp_path):
    path = fake_model(tmp_path, dtype="float32")
    wishes = Wishes(labels=labels_file(tmp_path), mean=(0.0,), std=(255.0,), colour="BGR", resize="crop", top=2)
    with open_running(path, wishes) as running:
        tensor = running.preprocess(picture(0, (8, 8)))
        assert tensor.max() == np.float32(230 / 255)
        found = running.task.decode(running.model.run([tensor]), running.model.outputs, (8, 8))
        assert found.predictions[0].label == "top"
        assert len(found.predictions) == 2


def test_a_bare_quantized_file_takes_pixels_as_they_are_unless_told_otherwise(tmp_path):
    path = fake_model(tmp_path, dtype="uint8")
    with open_running(path, Wishes()) as running:
        assert running.preprocess(picture(0, (8, 8))).max() == 230
    row = json.loads(path.read_text())
    row["inputs"][0]["quantization"] = [0.01, 10]
    path.write_text(json.dumps(row))
    with open_running(path, Wishes(mean=(0.0,), std=(255.0,))) as running:
        assert running.preprocess(picture(0, (8, 8))).max() == round(230 / 255 / 0.01) + 10


def two_inputs(folder):
    path = fake_model(folder)
    row = json.loads(path.read_text())
    row["inputs"] *= 2
    path.write_text(json.dumps(row))
    return path


ERRORS = [
    pytest.param(lambda d: d / "no.tflite", Wishes(), FileError, r"model .*no\.tflite does not exist", id="missing"),
    pytest.param(lambda d: d, Wishes(), FileError, r"no manifest\.json", id="a folder without a manifest"),
    pytest.param(fake_model, Wishes(threads=0), InputError, "threads must be at least 1, got 0", id="threads"),
    pytest.param(fake_model, Wishes(precision="int8"), InputError, "one file", id="precision of a file"),
    pytest.param(bundle, Wishes(backend="fake", mean=(0.0,)), InputError, "leave out mean", id="mean of a bundle"),
    pytest.param(bundle, Wishes(backend="fake", precision="x"), InputError, r"has no .* it has: fake int8", id="none"),
    pytest.param(bundle, Wishes(precision="x"), InputError, "it has: fake int8", id="none, for any backend"),
    pytest.param(two_inputs, Wishes(), InputError, r"one image input, bands\.fake has", id="two inputs"),
    pytest.param(lambda d: fake_model(d, (1, 640)), Wishes(), InputError, "must have shape", id="no image"),
    pytest.param(fake_model, Wishes(top=0), InputError, "top must be at least 1", id="top"),
    pytest.param(fake_model, Wishes(backend="litert"), InputError, r"opens \.tflite", id="another backend's file"),
]


@pytest.mark.parametrize(("make", "wishes", "error", "line"), ERRORS)
def test_what_cannot_run_is_one_line(tmp_path, make, wishes, error, line):
    with pytest.raises(error, match=line) as caught:
        open_running(make(tmp_path), wishes)
    assert "\n" not in str(caught.value)


def test_labels_that_do_not_fit_name_their_file(tmp_path):
    wishes = Wishes(labels=labels_file(tmp_path, ("a", "b")))
    with pytest.raises(InputError, match=r"model's 4 classes, got 2 in .*labels\.txt"):
        open_running(fake_model(tmp_path), wishes)
