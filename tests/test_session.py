"""From a bundle or a file to a network that answers: whose word counts, what it takes, what it refuses."""

import json

import cv2
import numpy as np
import pytest

import edge
from edge.binding import bind
from edge.bundle import write_bundle
from edge.errors import FileError, InputError, MissingExtra
from edge.manifest import Artifact, Manifest, StoredFile
from edge.opening import open_session
from edge.runnable import TensorNames
from edge.session import SessionOptions
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tensors import TensorSpec
from edge.tuning import Tuning
from tests.fake_bundle import CLASSIFY, FORM, bundle
from tests.loops import BANDS, fake_model, labels_file, picture

FAKE = SessionOptions(backend="fake")


def test_a_bundle_says_everything(tmp_path):
    with open_session(bundle(tmp_path), FAKE) as session:
        assert (session.name, session.backend) == ("bands int8", "fake")
        prepared = session.preprocess(picture(1))
        assert prepared.tensor.max() == np.float32(230 / 255)
        best = session.infer(prepared).predictions[0]
        assert best.label == "upper"
        assert best.score == pytest.approx(230 / 255, abs=0.01)  # stated to be probabilities, so not softmaxed


def test_a_zip_lives_as_long_as_it_runs(tmp_path):
    folder = bundle(tmp_path)
    file = next(folder.glob("*.fake"))
    artifact = Artifact("fake", "int8", (StoredFile(file.name),))
    write_bundle(tmp_path / "z.edge", Manifest("z", CLASSIFY, BANDS, (artifact,)), {file.name: file})
    with edge.load(tmp_path / "z.edge", backend="fake") as session:
        assert session.path.is_file()
        assert session(picture(2)).predictions[0].label == "lower"


def test_the_precision_is_chosen_among_the_files(tmp_path):
    path = bundle(tmp_path, (("fake", "float32"), ("fake", "int8")))
    for asked, expected in ((None, "bands int8"), ("float32", "bands float32")):
        with open_session(path, SessionOptions(backend="fake", precision=asked)) as session:
            assert session.name == expected


@pytest.fixture
def tuned(tmp_path, monkeypatch):
    path = bundle(tmp_path, (("fake", "float32"), ("fake", "int8")))
    monkeypatch.setattr("edge.tuning.read_tuning", lambda *_: Tuning("fake", 3, "float32", 1.0))
    return path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (SessionOptions(), ("bands float32", 3)),
        (SessionOptions(threads=1), ("bands float32", 1)),
        (SessionOptions(precision="int8", backend="fake", threads=2), ("bands int8", 2)),
    ],
)
def test_the_tuning_record_decides_what_nobody_asked_for(tuned, options, expected):
    with open_session(tuned, options) as session:
        assert (session.name, session.threads) == expected


def test_a_tuning_record_for_a_backend_that_is_gone_is_passed_over(tuned, monkeypatch):
    monkeypatch.setattr("edge.tuning.read_tuning", lambda *_: Tuning("gone", 3, "float32", 1.0))
    with open_session(tuned, FAKE) as session:
        assert session.name == "bands int8"


def test_a_bundle_goes_to_the_backend_of_its_preferred_file(tmp_path):
    with open_session(bundle(tmp_path), SessionOptions()) as session:
        assert session.backend == "fake"


def test_a_bundle_whose_only_backend_is_missing_names_the_extra(tmp_path, monkeypatch):
    def missing(path, name=None):
        raise MissingExtra("backend 'onnxruntime' needs onnxruntime: pip install 'edgekit[onnx]'")

    path = bundle(tmp_path, (("onnx", "int8"),))
    monkeypatch.setattr("edge.backends.first_that_opens", missing)
    with pytest.raises(MissingExtra, match=r"edgekit\[onnx\]"):
        open_session(path)


def test_a_bare_file_takes_labels_and_an_input_format(tmp_path):
    path = fake_model(tmp_path, dtype="float32")
    form = {"mean": (0.0,), "std": (255.0,), "colour": "BGR", "resize": "crop"}
    with edge.load(path, labels=labels_file(tmp_path), parameters={"top": 2}, **form) as session:
        assert session.preprocess(picture(0, (8, 8))).tensor.max() == np.float32(230 / 255)
        found = session(picture(0, (8, 8))).predictions
        assert [one.label for one in found] == ["top", found[1].label]
        assert session.notes
        assert not any("named by its number" in note for note in session.notes)


def test_a_bare_file_without_labels_says_that_classes_are_numbers(tmp_path):
    with edge.load(fake_model(tmp_path, dtype="float32"), task="classify") as session:
        assert "no labels given: each class is named by its number" in session.notes


def test_a_mask_of_one_score_a_pixel_needs_no_labels(tmp_path):
    outputs = [{"name": "mask", "shape": [1, 8, 8, 1], "dtype": "float32"}]
    with edge.load(fake_model(tmp_path, dtype="float32", outputs=outputs), task="segment") as session:
        assert session.task.labels == ("background", "foreground")
        assert not any("named by its number" in note for note in session.notes)


def test_a_bare_quantized_file_takes_pixels_as_they_are_unless_told_otherwise(tmp_path):
    path = fake_model(tmp_path, dtype="uint8")
    with edge.load(path) as session:
        assert session.preprocess(picture(0, (8, 8))).tensor.max() == 230
    row = json.loads(path.read_text())
    row["inputs"][0]["quantization"] = [0.01, 10]
    path.write_text(json.dumps(row))
    with edge.load(path, mean=(0.0,), std=(255.0,)) as session:
        assert session.preprocess(picture(0, (8, 8))).tensor.max() == round(230 / 255 / 0.01) + 10


@pytest.fixture
def bands(tmp_path):
    with edge.load(bundle(tmp_path), backend="fake") as session:
        yield session


def answer(result):
    return result.predictions[0].label


def test_pictures_of_any_form_give_the_same_answer(bands, tmp_path):
    image = picture(3)
    file = tmp_path / "picture.png"
    cv2.imwrite(str(file), image)
    given = [image, image[..., ::-1], image[..., :1], image[..., 0], file, str(file)]
    colours = ["BGR", "RGB", "BGR", "BGR", "BGR", "RGB"]
    assert [answer(bands(one, colour)) for one, colour in zip(given, colours, strict=True)] == ["bottom"] * 6
    assert [answer(one) for one in bands([picture(0), picture(2)])] == ["top", "lower"]
    assert answer(bands({"image": image})) == "bottom"


def test_the_network_s_own_numbers_are_taken_in_its_shape(bands):
    image = picture(3, (8, 8))
    assert answer(bands(bands.pictures({"image": image})["image"])) == answer(bands(image)) == "bottom"


def test_the_order_of_colours_counts(tmp_path):
    with edge.load(bundle(tmp_path), backend="fake") as session:
        blue = np.zeros((8, 8, 3), np.uint8)
        blue[..., 0] = 255
        assert session.preprocess(blue).tensor[0, 0, 0].tolist() == [1.0, 0.0, 0.0]
        given_as_rgb = session.pictures({"image": np.ascontiguousarray(blue[..., ::-1])}, "RGB")["image"]
        assert given_as_rgb[0, 0, 0].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        pytest.param(
            np.zeros((8, 8, 3), np.float32),
            r"uint8; the network's own numbers need its shape, batch included, got \(8, 8, 3\) float32",
            id="floats",
        ),
        pytest.param(np.zeros((8, 8, 4), np.uint8), r"got \(8, 8, 4\) uint8", id="four channels"),
        pytest.param(np.zeros((0, 8, 3), np.uint8), r"must have pixels", id="empty"),
        pytest.param("no.png", "no.png: it cannot be read: No such file", id="no file"),
        pytest.param({"picture": 1}, r"the network takes image .*; got picture", id="another name"),
        pytest.param({"image": np.zeros((1, 9, 9, 3), np.float32)}, "picture must be", id="another size"),
        pytest.param({"image": np.zeros((3, 8, 8), np.float32)}, "own numbers need its shape", id="no batch"),
        pytest.param(
            {"image": np.zeros((1, 8, 8, 3), np.uint8)}, r"network's numbers.*got uint8; give pixels", id="pixels"
        ),
    ],
)
def test_what_is_no_picture_is_one_line(bands, value, line):
    with pytest.raises((InputError, FileError), match=line) as caught:
        bands(value)
    assert "\n" not in str(caught.value)


TWO = Signature(
    (Input("left", "tensor", (1, 8)), Input("right", "tensor", (1, 8))),
    (Output("first", "tensor", (1, 2)), Output("second", "tensor", (1, 4))),
    TaskSpec("raw"),
)


def two_bundle(folder, tensors):
    """Return a bundle of a network whose outputs are means of its first input only."""
    content = {
        "inputs": [
            {"name": "b:0", "shape": [1, 8], "dtype": "float32"},
            {"name": "a:0", "shape": [1, 8], "dtype": "int8", "quantization": [0.5, 1]},
        ],
        "outputs": [
            {"name": "y", "shape": [1, 4], "dtype": "float32"},
            {"name": "x", "shape": [1, 2], "dtype": "float32"},
        ],
    }
    file = folder / "two.fake"
    file.write_text(json.dumps(content))
    artifact = Artifact("fake", "float32", (StoredFile(file.name),), "cpu", tensors)
    write_bundle(folder / "two", Manifest("two", TWO, (), (artifact,)), {file.name: file})
    return folder / "two"


NAMES = TensorNames({"left": "a:0", "right": "b:0"}, {"first": "x", "second": "y"})


def test_tensors_are_found_by_name_and_not_by_their_order(tmp_path):
    with edge.load(two_bundle(tmp_path, NAMES), backend="fake") as session:
        right = np.repeat([1.0, 5.0], 4).astype(np.float32)
        outputs = session({"left": np.zeros(8), "right": right}).tensors
        np.testing.assert_allclose(outputs["first"], [[1, 5]])
        np.testing.assert_allclose(outputs["second"], [[1, 1, 5, 5]])
        assert session._input_order == ["right", "left"]


def test_real_values_are_quantized_and_the_files_own_are_passed_on(tmp_path):
    swapped = TensorNames({"left": "b:0", "right": "a:0"}, {"first": "x", "second": "y"})
    with edge.load(two_bundle(tmp_path, swapped), backend="fake") as session:
        seen = []
        run = session.model.run
        session.model.run = lambda arrays: seen.append(arrays) or run(arrays)
        session({"left": np.zeros(8), "right": np.full((1, 8), 1.5)})
        session({"left": np.zeros(8), "right": np.full((1, 8), 4, np.int8)})
        assert [arrays[1].tolist() for arrays in seen] == [[[4] * 8]] * 2


@pytest.mark.parametrize(
    ("tensors", "line"),
    [
        (
            TensorNames({"left": "c:0", "right": "b:0"}, {}),
            r"names the tensor 'c:0', which two\.fake lacks; it has b:0",
        ),
        (TensorNames({}, {"first": "y", "second": "x"}), r"first must have the shape \(1, 2\) .* \(1, 4\) float32"),
    ],
)
def test_a_signature_that_does_not_fit_its_file_is_one_line(tmp_path, tensors, line):
    with pytest.raises(InputError, match=line):
        edge.load(two_bundle(tmp_path, tensors), backend="fake")


def test_a_network_of_several_inputs_takes_them_by_name(tmp_path):
    with edge.load(two_bundle(tmp_path, NAMES), backend="fake") as session:
        with pytest.raises(InputError, match=r"several inputs, give them by name: left \(1, 8\) float32, right"):
            session(np.zeros(8))
        with pytest.raises(InputError, match=r"input 'left' must be numbers of shape \(1, 8\), got \(3,\)"):
            session({"left": np.zeros(3), "right": np.zeros(8)})


def test_a_path_is_no_clip_of_as_many_frames_as_it_has_letters(tmp_path):
    shape = (1, 2, 4, 4, 3)
    clip = Signature((Input("clip", "image", shape, "float32", FORM),), CLASSIFY.outputs, CLASSIFY.task)
    content = {
        "inputs": [{"name": "x", "shape": shape, "dtype": "float32"}],
        "outputs": [{"name": "y", "shape": [1, 4], "dtype": "float32"}],
    }
    file = tmp_path / "clip.fake"
    file.write_text(json.dumps(content))
    artifact = Artifact("fake", "float32", (StoredFile(file.name),), "cpu", TensorNames())
    write_bundle(tmp_path / "net", Manifest("net", clip, BANDS, (artifact,)), {file.name: file})
    with edge.load(tmp_path / "net", backend="fake") as session:
        with pytest.raises(InputError, match=r"'clip' takes a clip, \(2, .* uint8, got the path a\.avi"):
            session("a.avi")
        assert session(np.zeros((2, 6, 5, 3), np.uint8)).predictions


ERRORS = [
    pytest.param(lambda d: d / "no.tflite", {}, FileError, r"model .*no\.tflite does not exist", id="missing"),
    pytest.param(lambda d: d, {}, FileError, r"no manifest\.json", id="a folder without a manifest"),
    pytest.param(fake_model, {"threads": 0}, InputError, "threads must be from 1 to 1024, got 0", id="threads"),
    pytest.param(fake_model, {"precision": "int8"}, InputError, "one file", id="precision of a file"),
    pytest.param(bundle, {"backend": "fake", "mean": (0.0,)}, InputError, "leave out mean", id="mean of a bundle"),
    pytest.param(bundle, {"backend": "fake", "task": "raw"}, InputError, "leave out task", id="task of a bundle"),
    pytest.param(bundle, {"backend": "fake", "precision": "x"}, InputError, r"has no .* it has: fake int8", id="none"),
    pytest.param(bundle, {"precision": "x"}, InputError, "it has: fake int8", id="none, for any backend"),
    pytest.param(
        fake_model, {"parameters": {"top": 0}}, InputError, "top must be a whole number of at least 1", id="top"
    ),
    pytest.param(fake_model, {"backend": "litert"}, InputError, r"opens \.tflite", id="another backend's file"),
]


@pytest.mark.parametrize(("make", "options", "error", "line"), ERRORS)
def test_what_cannot_run_is_one_line(tmp_path, make, options, error, line):
    with pytest.raises(error, match=line) as caught:
        edge.load(make(tmp_path), **options)
    assert "\n" not in str(caught.value)


def test_labels_that_do_not_fit_name_their_file(tmp_path):
    with pytest.raises(InputError, match=r"4 classes, got 2 in .*labels\.txt"):
        edge.load(fake_model(tmp_path), labels=labels_file(tmp_path, ("a", "b")))


def test_two_outputs_of_one_tensor_are_refused(tmp_path):
    two = (Output("first", "tensor", (1, 4)), Output("second", "tensor", (1, 4)))
    specs = [TensorSpec(name, (1, 4), np.dtype("float32")) for name in "ab"]
    assert bind(specs, two, {"first": "b", "second": "a"}, tmp_path)["first"] == (1, specs[1])
    with pytest.raises(InputError, match=r"first, second must have a tensor of its own .* got b, b"):
        bind(specs, two, {"first": "b", "second": "b"}, tmp_path)
