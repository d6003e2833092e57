"""``--float-layers``: chosen layers of an int8 file stay float, in TFLite and in ONNX."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.bundle import open_bundle
from edge.cli import convert
from edge.deploy._tensorflow import need
from edge.deploy.conversion.float_layers import tensors_of
from edge.errors import InputError
from edge.tensors import dequantize, quantize
from tests import tflite_file

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

SIDE = 8


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network whose layer ``uneven`` loses most: one of its channels is a thousand times as large as the others."""
    folder = tmp_path_factory.mktemp("float_layers")
    keras.utils.set_random_seed(4)
    entry = keras.Input((SIDE, SIDE, 3), name="x")
    plain = keras.layers.Conv2D(6, 3, padding="same", activation="relu6", name="plain")(entry)
    uneven = keras.layers.Conv2D(6, 1, name="uneven")
    merged = keras.layers.Add(name="merged")([uneven(plain), plain])
    out = keras.layers.Dense(4, name="head")(keras.layers.GlobalAveragePooling2D(name="pool")(merged))
    model = keras.Model(entry, out)
    weights, bias = uneven.get_weights()
    weights[..., 0] *= 1000
    uneven.set_weights([weights, bias])
    head = model.get_layer("head")
    kernel, bias = head.get_weights()
    kernel[0] /= 1000
    head.set_weights([kernel, bias])
    model.save(folder / "net.keras")
    data = np.random.default_rng(1).uniform(-1, 1, (32, SIDE, SIDE, 3)).astype(np.float32)
    np.savez(folder / "data.npz", x=data)
    return folder, model, data


def words(folder, out, *more):
    return [
        str(folder / "net.keras"), "--out", str(out), "--task", "raw", "--input-kind", "tensor", "--tflite", "int8",
        "--onnx", "int8", "--calibrate", str(folder / "data.npz"), *more,
    ]  # fmt: skip


def decibels(path, model, data):
    expected = np.asarray(model(data, training=False))
    with open_model(path, threads=1) as file:
        got = [dequantize(file.run([quantize(one[None], file.inputs[0])])[0], file.outputs[0]) for one in data]
    return 10 * np.log10(np.sum(expected**2) / np.sum((np.concatenate(got) - expected) ** 2))


def test_a_layer_in_float_mends_the_file(files, tmp_path):
    folder, model, data = files
    assert convert.main(words(folder, tmp_path / "int8")) == 0
    assert convert.main(words(folder, tmp_path / "mixed", "--float-layers", "uneven,merged,pool")) == 0
    content = (tmp_path / "mixed" / "model_int8.tflite").read_bytes()
    assert "DEQUANTIZE" in tflite_file.op_names(content)
    for kind in ("tflite", "onnx"):
        before, after = (decibels(tmp_path / net / f"model_int8.{kind}", model, data) for net in ("int8", "mixed"))
        assert after > before + 6, kind
    assert open_bundle(tmp_path / "mixed").manifest.provenance["request"]["float_layers"] == [
        "uneven",
        "merged",
        "pool",
    ]


def test_a_recipe_keeps_the_layers(files, tmp_path, capsys):
    folder, _, _ = files
    assert convert.main(words(folder, tmp_path / "first", "--float-layers", "uneven")) == 0
    again = ["--recipe", str(tmp_path / "first"), "--out", str(tmp_path / "again")]
    assert convert.main(again) == 0
    assert "all files are byte for byte those of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--float-layers", "unevn"], "unknown layer 'unevn': did you mean 'uneven'?"),
        (
            ["--float-layers", "uneven", "--tflite", "float32", "--onnx", "float32"],
            "--float-layers is about the int8 file",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_calibration(files, tmp_path, capsys, more, message):
    folder, _, _ = files
    assert convert.main(words(folder, tmp_path / "net", *more)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "calibrating" not in said
    assert not (tmp_path / "net").exists()


def test_onnx_files_are_refused(files, tmp_path, capsys):
    folder, _, _ = files
    assert convert.main([*words(folder, tmp_path / "net"), "--tflite", "float32", "--onnx", "float32"]) == 0
    given = [str(tmp_path / "net" / "model_float32.onnx"), "--out", str(tmp_path / "int8"), "--onnx", "int8"]
    given += ["--calibrate", str(folder / "data.npz"), "--task", "raw", "--input-kind", "tensor"]
    assert convert.main([*given, "--float-layers", "uneven"]) == 2
    assert "model_float32.onnx is quantized by ONNX Runtime" in capsys.readouterr().err


def test_names_of_tensors_are_taken_too():
    tensors = ["net/a/Relu;net/a/Conv2D", "net/b/Conv2D"]
    assert tensors_of(tensors, ["a"]) == tensors[:1]
    assert tensors_of(tensors, [tensors[1]]) == tensors[1:]
    with pytest.raises(InputError, match="unknown layer 'c'"):
        tensors_of(tensors, ["c"])
