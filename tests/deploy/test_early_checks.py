"""What needs no TensorFlow is refused before its import, and what needs the model's inputs before any conversion."""

import json
import subprocess
import sys

import numpy as np
import pytest

from edge.deploy import early_checks, plan
from edge.deploy.conversion import freeze, produce, tflite, unrolling
from edge.deploy.conversion_options import Calibration, Callbacks, ConversionOptions
from edge.deploy.package import convert
from edge.deploy.parity import Gate
from edge.errors import InputError
from tests.cli import colours

ASK = """
import contextlib, io, json, sys
from edge.cli import convert
said = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as err:
        code = convert.main(arguments)
    said.append((code, err.getvalue().splitlines()))
print(json.dumps({"said": said, "imported": [name for name in ("tensorflow", "tf_keras") if name in sys.modules]}))
"""

ROWS = {
    "no int8 file for --explain": (["net.keras", "--explain"], "none is made: give --calibrate DATA"),
    "only float32 for --explain": (
        ["net.keras", "--explain", "--tflite", "float32"],
        "none is made: add int8 to --tflite and give --calibrate DATA",
    ),
    "a finished file for --explain": (
        ["net.onnx", "--explain"],
        "--explain needs a Keras model, a SavedModel or a float .tflite file: the layers",
    ),
    "int8 without samples": (["net.keras", "--tflite", "int8"], "int8 needs real samples to fit its ranges to: give"),
    "int8 of a float file": (["net.tflite", "--tflite", "int8"], "int8 needs real samples to fit its ranges to: give"),
    "int8 for a device": (["net.keras", "--target", "coral-usb"], "none is made: give --calibrate DATA"),
    "an unknown precision": (["open.keras", "--tflite", "int4"], "precision must be one of float32, float16, dynamic"),
    "an unknown precision of ONNX": (["open.keras", "--onnx", "dynamic"], "precision of ONNX must be one of float32"),
    "a task": (["net.keras", "--task", "clasify"], "unknown task 'clasify': did you mean 'classify'?"),
    "a decoder": (["net.keras", "--task", "detect", "--decoder", "yolo8"], "unknown decoder 'yolo8': did you mean"),
    "an opset": (["net.keras", "--opset", "9"], "the opset must be 13 to 18, got 9"),
    "no data": (["net.keras", "--calibrate", "missing.npz"], "missing.npz does not exist; expected samples"),
    "an empty folder": (["net.keras", "--calibrate", "empty"], "folder empty has no files; expected samples for the"),
    "a folder in the way": (["net.keras", "--out", "empty"], "--out empty exists and is not a bundle; choose another"),
    "labels that are too few": (["net.tflite", "--labels", "two.txt"], "each of the model's 3 classes, got 2 in two"),
    "labels of an .onnx file": (["net.onnx", "--labels", "two.txt"], "each of the model's 3 classes, got 2 in two"),
    "an array with another name": (["net.onnx", "--verify", "other.npz"], "must have an array for each input: "),
    "pixels that vanish": (["net.keras", "--std", "1e-40"], "into numbers that float32 tells apart"),
    "no deviation": (["net.keras", "--std", "0"], "std must be positive"),
    "only weights": (["weights.h5"], "holds weights only"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("early")
    keras, model = colours.keras, colours.classifier()
    model.save(here / "net.keras")
    model.save_weights(here / "weights.h5")
    entry = keras.Input((None, None, 3))
    keras.Model(entry, keras.layers.GlobalAveragePooling2D()(entry)).save(here / "open.keras")
    (here / "net.tflite").write_bytes(tflite.to_float32(freeze.freeze_keras(model)))
    convert(model, ConversionOptions(here / "made", onnx=("float32",)))
    (here / "made" / "model_float32.onnx").rename(here / "net.onnx")
    (here / "empty").mkdir()
    (here / "two.txt").write_text("blue\ngreen\n")
    np.savez(here / "other.npz", pictures=np.zeros((4, *colours.SIZE), np.uint8))
    return here


@pytest.fixture(scope="module")
def refused(folder):
    """Return what one process that never needs TensorFlow says to each row."""
    asked = json.dumps([["--out", "net", *arguments] for arguments, _ in ROWS.values()])
    done = subprocess.run([sys.executable, "-c", ASK, asked], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("row", ROWS)
def test_it_is_one_line(refused, row):
    code, lines = refused["said"][list(ROWS).index(row)]
    assert code == 2
    assert len(lines) == 1
    assert ROWS[row][1] in lines[0]


def test_tensorflow_is_not_imported(refused):
    assert refused["imported"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"labels": "two.txt"}, "each of the model's 3 classes, got 2", id="labels"),
        pytest.param({"calibration": "other.npz"}, "pictures", id="calibrate"),
        pytest.param({"gate": "other.npz"}, "pictures", id="verify"),
    ],
)
def test_what_the_model_s_inputs_and_outputs_tell_is_refused_before_a_conversion(
    folder, tmp_path, monkeypatch, options, words
):
    def converted(*_):
        raise AssertionError("something was converted")

    monkeypatch.setattr(produce, "first_file", converted)
    kinds = {"labels": lambda path: path, "calibration": Calibration, "gate": Gate}
    given = {name: kinds[name](folder / value) for name, value in options.items()}
    with pytest.raises(InputError, match=words):
        convert(folder / "net.keras", ConversionOptions(tmp_path / "net", **given))


def test_what_samples_would_not_help_is_left_to_the_opened_model(folder, tmp_path):
    keras = colours.keras
    steps = unrolling.MOST_STEPS + 1
    recurrent = keras.Sequential([keras.Input((steps, 3)), keras.layers.GRU(4), keras.layers.Dense(2)])
    recurrent.save(tmp_path / "gru.keras")
    (tmp_path / "gru.tflite").write_bytes(tflite.to_float32(freeze.freeze_keras(recurrent)))
    options = ConversionOptions(tmp_path / "net", tflite=("int8",))
    for name in ("gru.keras", "gru.tflite"):
        early_checks.check(str(tmp_path / name), options)
        with pytest.raises(InputError, match="has no int8 file, because it has a loop"):
            convert(tmp_path / name, options)
    early_checks.check("zoo:mobilenet_v2", options)


@pytest.mark.parametrize(("io", "said"), [("uint8", True), (None, False)])
def test_a_border_of_int8_files_has_no_use_without_one(folder, io, said):
    heard = []
    options = ConversionOptions(folder / "out", tflite=("float32",), io=io)
    callbacks = Callbacks(heard.append)
    plan.recipe_of(options, plan.opened(folder / "net.keras", options, callbacks), callbacks)
    assert any(line.startswith("--io has no use: ") for line in heard) == said


def test_open_sizes_of_an_onnx_file_are_no_early_fault(tmp_path):
    """Only when it is opened do --input-shape and the file's metadata count."""
    onnx = pytest.importorskip("onnx")
    value, real = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    rows = [value(name, real, ["batch", 3, "height", "width"]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "net", rows[:1], rows[1:])
    path = tmp_path / "net.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    assert early_checks._is_told_later(str(path))
