"""Model files that other people published do what they are known to do, through the commands a person would type.

The expected answers were computed with short decoders written for one file each, not with this project. A box counts
as found at an overlap of 0.8; scores may differ by 0.03, as pictures are resized by another library there.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import edge
from edge.cli import camera
from tests.shared import SHARED, needs_shared, shared

IOU, SCORE = 0.8, 0.03


def see(model, picture, tmp_path, *options):
    """Run edge-camera on one picture and return its result's JSON."""
    out = tmp_path / "out.jsonl"
    source = shared("images", picture)
    words = ["--model", str(wild(model)), "--source", str(source), "--jsonl", str(out), "--quiet", *options]
    assert camera.main(words) == 0
    return json.loads(out.read_text().splitlines()[0])


def wild(name):
    return shared("models", "wild", name)


def iou(a, b):
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = np.prod(np.maximum(sides, 0))
    return common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common)


def check_boxes(found, expected):
    """expected: (label or None, box, score) of every box, best first."""
    assert len(found) == len(expected), found
    for row, (label, box, score) in zip(found, expected, strict=True):
        assert iou(np.asarray(row["box"]), np.asarray(box, float)) >= IOU, (row, box)
        assert row["score"] == pytest.approx(score, abs=SCORE)
        if label is not None:
            assert row["label"] == label


def from_0_to_1():
    return ("--mean", "0", "--std", "255")


FACE = "grace_hopper.bmp"
RFB = ("--mean", "127", "--std", "128")
RFB_FACE = [("face", (172, 121, 357, 334), 1.0)]
DETECTORS = [
    ("face_detection_front.tflite", FACE, (), [("face", (173, 137, 358, 354), 0.915)]),
    ("version-RFB-320_without_postprocessing.onnx", FACE, RFB, RFB_FACE),
    ("version-RFB-320_without_postprocessing.tflite", FACE, RFB, RFB_FACE),
    ("version-RFB-320.onnx", FACE, RFB, RFB_FACE),
    ("face_mask_detection.tflite", FACE, from_0_to_1(), [(None, (187, 142, 353, 325), 0.999)]),
    (
        "FastestDet.onnx",
        "cat.bmp",
        ("--colour", "BGR", *from_0_to_1(), "--labels", "coco80.txt", "--score-threshold", "0.7"),
        [("cat", (48, 46, 378, 373), 0.74)],
    ),
    (
        "FastestDet.onnx",
        "pets.jpg",
        ("--colour", "BGR", *from_0_to_1(), "--labels", "coco80.txt", "--score-threshold", "0.7"),
        [("dog", (118, 39, 259, 297), 0.90), ("dog", (336, 170, 493, 372), 0.83)],
    ),
]


@needs_shared
@pytest.mark.parametrize(("model", "picture", "options", "boxes"), DETECTORS)
def test_detectors(model, picture, options, boxes, tmp_path):
    """Their heads are recognized; what they expect of pixels is told."""
    named = [str(wild(word)) if word.endswith(".txt") else word for word in options]
    result = see(model, picture, tmp_path, *named)
    assert result["task"] == "detect"
    check_boxes(result["results"], boxes)


@needs_shared
def test_the_mask_detector_names_its_classes(tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("mask\nno mask\n")
    result = see("face_mask_detection.tflite", FACE, tmp_path, *from_0_to_1(), "--labels", str(labels))
    assert result["results"][0]["label"] == "no mask"


SINET = (
    *("--colour", "BGR", "--mean", "102.890434,111.25247,126.91212"),
    *("--std", f"{62.93292 * 255},{62.82138 * 255},{66.355705 * 255}"),
)


@needs_shared
@pytest.mark.parametrize(
    ("model", "options"), [("portrait_segmentation.tflite", from_0_to_1()), ("SINet_Softmax.onnx", SINET)]
)
def test_segmenters_find_the_person(model, options):
    words = dict(zip((w.removeprefix("--") for w in options[::2]), options[1::2], strict=True))
    form = {k: tuple(map(float, v.split(","))) if k in ("mean", "std") else v for k, v in words.items()}
    with edge.load(wild(model), **form) as net:
        result = net(shared("images", FACE))
    assert result.task == "segment"
    assert result.mask.classes.shape == (600, 512)
    assert (result.mask.classes[180:300, 220:310] == 1).mean() > 0.99  # the face
    assert (result.mask.classes[:60, :60] == 0).all()  # the top left corner


@needs_shared
def test_a_landmark_file_is_two_point_sets_and_never_a_class(tmp_path):
    path, eye = wild("iris_landmark.tflite"), np.full((64, 64, 3), 90, np.uint8)
    with edge.load(path, mean=(0.0,), std=(255.0,)) as net:
        found = net(eye)
    assert found.task == "keypoints"
    assert sorted(len(pose.points) for pose in found.poses) == [5, 71]
    with edge.load(path, task="raw", mean=(0.0,), std=(255.0,)) as net:
        found = net(eye)
    assert sorted(np.size(value) for value in found.tensors.values()) == [15, 213]


@needs_shared
def test_a_custom_operation_is_one_line(capsys):
    from edge.cli import bench, convert

    path = str(wild("segm_lite_v681.tflite"))
    picture = str(shared("images", FACE))
    for main, words in (
        (camera.main, ["--model", path, "--source", picture]),
        (bench.main, [path]),
        (convert.main, [path, "--out", "nowhere"]),
    ):
        assert main(words) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert "custom operation" in lines[-1]


@needs_shared
def test_a_streaming_wake_word_model_runs_as_numbers(tmp_path, capsys):
    path = wild("okay_nabu.tflite")
    with edge.load(path, task="raw") as net:
        outputs = net(np.zeros((1, 3, 40), np.float32))
    assert all(np.isfinite(v).all() for v in outputs.tensors.values())
    assert camera.main(["--model", str(path), "--source", str(shared("images", FACE)), "--task", "raw"]) == 2
    assert "is no image" in capsys.readouterr().err
    from edge.cli import bench

    assert bench.main([str(path), "--seconds", "0.05", "--threads", "1"]) == 0


@needs_shared
@pytest.mark.slow
def test_a_teachable_machine_model_becomes_a_bundle_that_names_the_bottle(tmp_path):
    from edge.cli import convert

    out, labels = tmp_path / "water.edge", wild("teachable_machine_water_labels.txt")
    words = [str(wild("teachable_machine_water.h5")), "--out", str(out), "--labels", str(labels)]
    assert convert.main([*words, "--tflite", "float32"]) == 0
    with edge.load(out) as net:
        best = net(shared("images", "cat.bmp")).predictions[0]
    assert best.label == "5 Galoon"
    assert best.score == pytest.approx(0.999, abs=0.005)


@needs_shared
@pytest.mark.slow
def test_a_batch_that_is_built_in_becomes_one(tmp_path):
    from edge.cli import convert

    out = tmp_path / "digits.edge"
    words = [str(wild("mnist_28x28.keras")), "--out", str(out), "--mean", "0", "--std", "255"]
    assert convert.main(words) == 0
    result = tmp_path / "out.jsonl"
    picture = str(shared("images", "mnist_nine.bmp"))
    assert camera.main(["--model", str(out), "--source", picture, "--jsonl", str(result), "--quiet"]) == 0
    assert json.loads(result.read_text())["results"][0]["label"] == "9"


@needs_shared
@pytest.mark.slow
def test_a_wake_word_network_converts_with_arrays_and_is_never_asked_for_a_colour(tmp_path):
    from edge.cli import convert

    samples = np.random.default_rng(0).normal(0, 1, (20, 30, 1, 40)).astype(np.float32)
    data, out = tmp_path / "samples.npz", tmp_path / "wake.edge"
    model = wild("str_ww_ref_model.h5")
    name = input_name(model)
    np.savez(data, **{name: samples})
    assert convert.main([str(model), "--out", str(out), "--calibrate", str(data), "--verify", str(data)]) == 0
    with edge.load(out) as net:
        assert net.signature.task.name == "classify"
        assert net.signature.inputs[0].kind == "tensor"
        assert net(samples[0]).predictions


def input_name(model):
    """Return the name of a Keras file's one input."""
    from edge.deploy.conversion.source import open_source

    return open_source(str(model)).inputs[0].name


PASCAL = "deeplabv3_mnv2_dm05_pascal_quant.tflite"


@needs_shared
def test_the_pascal_segmenter_gives_the_pixels_of_a_plain_run(tmp_path):
    """Class 3 is the bird; its overlap with the hand-drawn mask is 0.82 in a plain run of the interpreter."""
    import cv2
    from ai_edge_litert.interpreter import Interpreter

    picture = cv2.imread(str(shared("images", "bird_segmentation.bmp")))
    interpreter = Interpreter(str(shared("models", "coral", PASCAL)))
    interpreter.allocate_tensors()
    entry, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, _ = entry["shape"]
    pixels = cv2.cvtColor(cv2.resize(picture, (width, height)), cv2.COLOR_BGR2RGB)
    interpreter.set_tensor(entry["index"], pixels[None])
    interpreter.invoke()
    plain = interpreter.get_tensor(out["index"])[0]
    plain = plain.argmax(-1) if plain.ndim == 3 and plain.shape[-1] > 1 else plain.reshape(plain.shape[:2])
    with edge.load(shared("models", "coral", PASCAL)) as net:
        found = net(picture).mask.classes
    rows = (np.arange(picture.shape[0]) + 0.5) * plain.shape[0] / picture.shape[0]
    columns = (np.arange(picture.shape[1]) + 0.5) * plain.shape[1] / picture.shape[1]
    expected = plain[rows.astype(int)[:, None], columns.astype(int)]
    assert (found == expected).mean() >= 0.999
    truth = cv2.imread(str(shared("images", "bird_segmentation_mask.bmp")), cv2.IMREAD_GRAYSCALE)
    truth = cv2.resize(truth, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    bird = found == 3
    assert (bird & truth).sum() / (bird | truth).sum() == pytest.approx(0.82, abs=0.02)


def test_every_published_file_has_a_test():
    """A file that is added to the folder must get one."""
    if SHARED is None:
        pytest.skip("needs the optional data folder: set EDGE_SHARED to it")
    source = Path(__file__).read_text(encoding="utf-8")
    models = {p.name for p in shared("models", "wild").iterdir() if p.suffix in (".tflite", ".onnx", ".h5", ".keras")}
    assert {name for name in models if name not in source} == set()


@needs_shared
def test_a_network_with_a_state_says_why_it_has_no_onnx_file(tmp_path, capsys):
    from edge.cli import convert

    assert convert.main([str(wild("okay_nabu.tflite")), "--out", str(tmp_path / "net"), "--onnx", "int8"]) == 2
    said = capsys.readouterr().err
    assert "it keeps a state from run to run (ASSIGN_VARIABLE, CALL_ONCE" in said
    assert said.strip().endswith("; give --tflite without --onnx")
    assert convert.main([str(wild("okay_nabu.tflite")), "--out", str(tmp_path / "net")]) == 0
    said = capsys.readouterr().err
    assert "no model_int8.onnx: " in said
    assert "give --tflite" not in said


@needs_shared
@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "face_detection_front.tflite",
            "face_detection_front.tflite is float16: it becomes model_float16.tflite as it is, and model_float32.onnx "
            "for other runtimes and precisions; --tflite and --onnx choose",
        ),
        ("version-RFB-320.onnx", ""),
    ],
)
def test_what_a_finished_file_becomes_is_said(tmp_path, name, line):
    from edge.deploy import plan
    from edge.deploy.conversion_options import Callbacks, ConversionOptions

    heard = []
    options, callbacks = ConversionOptions(tmp_path / "net"), Callbacks(heard.append)
    plan.recipe_of(options, plan.opened(wild(name), options, callbacks), callbacks)
    assert heard == ([line] if line else [])
