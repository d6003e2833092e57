"""What an int8 detector's outputs hold: logits near 0 and boxes that fit the picture, whatever the background gives."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edge import decoders
from edge.deploy._tensorflow import need
from edge.deploy.conversion.output_limits import LOGITS, Limit, limits_of
from edge.signature import Output
from tests.decoders.heads import signature

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.backends import open_model  # noqa: E402
from edge.deploy.conversion import float_onnx, freeze, onnx, tflite  # noqa: E402
from edge.deploy.conversion.post_training import Settings, to_int8  # noqa: E402
from edge.deploy.conversion_options import Calibration, ConversionOptions  # noqa: E402
from edge.deploy.package import convert  # noqa: E402
from edge.tensors import dequantize, quantize  # noqa: E402

SIDE, BOXES, BACKGROUND = 128, 896, -1000.0
LARGEST, PIXELS = 1.25 * SIDE, (-1.0, 1.0)


def head(entry, columns, name):
    """Return (1, 896, columns) of two maps, as BlazeFace's: two boxes at 16 x 16 places, six at 8 x 8."""
    parts = []
    for stride, boxes in ((8, 2), (16, 6)):
        conv = keras.layers.Conv2D(boxes * columns, 1, strides=stride, kernel_initializer="random_normal")
        parts.append(keras.layers.Reshape((-1, columns))(conv(entry)))
    return keras.layers.Concatenate(axis=1, name=name)(parts)


def detector():
    """Return a network with BlazeFace's outputs. Dark places are background, where boxes are huge, too."""
    keras.utils.set_random_seed(2)
    entry = keras.Input((SIDE, SIDE, 3), name="x")
    model = keras.Model(entry, [head(entry, 16, "regressors"), head(entry, 1, "classificators")])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            scores = kernel.shape[-1] in (2, 6)
            factor = -BACKGROUND / 6 if scores else 1000
            layer.set_weights([np.full_like(kernel, factor) if scores else factor * np.sign(kernel), bias])
    return model


def samples(brightest=1.0, count=8):
    """Return pictures of -1 to ``brightest``; at 0 a logit is 0."""
    rng = np.random.default_rng(0)
    return [{"x": rng.uniform(-1, brightest, (1, SIDE, SIDE, 3)).astype(np.float32)} for _ in range(count)]


def limits():
    outputs = {"regressors": ("boxes", (1, BOXES, 16)), "classificators": ("scores", (1, BOXES, 1))}
    net = signature("blazeface", outputs, (SIDE, SIDE))
    return limits_of(net.outputs, decoders.load("blazeface")(net))


def int8(tmp_path, kind, rows):
    """Return an int8 file of the detector, made from its graph or from its float ONNX file."""
    frozen = freeze.freeze_keras(detector())
    if kind == "tflite":
        path, settings = tmp_path / "int8.tflite", Settings(io="float32", bounds={"x": PIXELS}, limits=limits())
        path.write_bytes(to_int8(tflite.marked(frozen, rows), rows, settings, lambda done, total: None))
        return path
    source, path = tmp_path / "float.tflite", tmp_path / "int8.onnx"
    source.write_bytes(tflite.to_float32(frozen))
    onnx.from_tflite(source, tmp_path / "float.onnx", {}, 17)
    named = {1: "classificators", 16: "regressors"}
    with open_model(tmp_path / "float.onnx") as model:
        names = {named[spec.shape[-1]]: spec.name for spec in model.outputs}
        entry = model.inputs[0]
    given = [{entry.name: quantize(row["x"], entry)} for row in rows]
    renamed = [replace(one, name=names[one.name]) for one in limits()]
    settings = Settings(bounds={entry.name: PIXELS}, limits=renamed)
    path.write_bytes(float_onnx.to_int8(tmp_path / "float.onnx", given, settings, lambda done, total: None))
    return path


def outputs(path, picture):
    """Return the real values of the outputs by their number of columns."""
    with open_model(path, threads=1) as model:
        arrays = model.run([quantize(picture, model.inputs[0])])
        found = zip(model.outputs, arrays, strict=True)
        return {spec.shape[-1]: dequantize(array, spec) for spec, array in found}


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
@pytest.mark.parametrize("brightest", [1.0, 0.0], ids=["with faces", "background alone"])
def test_values_that_count_have_small_steps(kind, brightest, tmp_path):
    """Steps of 16 / 255 and of a picture's 320 / 255, where the whole range would have 4 and more."""
    path = int8(tmp_path, kind, samples(brightest))
    found = outputs(path, samples()[0]["x"])
    logits, boxes = found[1].ravel(), found[16].ravel()
    assert logits.min() == pytest.approx(LOGITS[0], abs=0.07)
    assert logits.max() == pytest.approx(LOGITS[1], abs=0.07)
    assert np.abs(boxes).max() <= LARGEST + 1.3
    # Between pixels and logits only the rounding of the input, 1 / 127.5 times 1000 / 6 a channel, and of the output.
    expected = -BACKGROUND / 6 * samples()[0]["x"][0, ::8, ::8].sum(axis=-1).repeat(2, axis=-1).ravel()
    near = np.abs(expected) < 7
    assert near.any()
    np.testing.assert_allclose(logits[:512][near], expected[near], atol=3 * 167 / 255 + 0.04)


def test_a_face_detector_from_file_to_bundle(tmp_path):
    """The decoder that was recognized states the limits."""
    content = tflite.to_float32(freeze.freeze_keras(detector()))
    (tmp_path / "faces.tflite").write_bytes(content)
    np.savez(tmp_path / "x.npz", x=np.concatenate([row["x"] for row in samples()]))
    calibration = Calibration(tmp_path / "x.npz", 8)
    convert(str(tmp_path / "faces.tflite"), ConversionOptions(tmp_path / "net", calibration=calibration))
    task = json.loads((tmp_path / "net" / "manifest.json").read_text())["signature"]["task"]
    assert task["decoder"] == "blazeface"
    for name in ("model_int8.tflite", "model_int8.onnx"):
        logits = outputs(tmp_path / "net" / name, samples()[0]["x"])[1]
        assert (logits.min(), logits.max()) == pytest.approx(LOGITS, abs=0.07), name


@pytest.mark.parametrize(
    ("decoder", "rows", "size", "parameters", "expected"),
    [
        (
            "blazeface",
            {"r": ("boxes", (1, BOXES, 16)), "c": ("scores", (1, BOXES, 1))},
            (128, 128),
            {},
            {"r": ((-160, 160), False), "c": (LOGITS, True)},
        ),
        (
            "ssd",
            {"b": ("boxes", (1, 2, 4)), "s": ("scores", (1, 2, 3))},
            (64, 48),
            {"anchors": [[0.5, 0.5, 0.2, 0.2]] * 2, "activation": "sigmoid"},
            {"s": (LOGITS, True)},
        ),
        (
            "ssd",
            {"b": ("boxes", (1, 2, 4)), "s": ("scores", (1, 2, 3))},
            (64, 48),
            {"anchors": [[0.5, 0.5, 0.2, 0.2]] * 2, "activation": "softmax"},
            {},
        ),
        (
            "yolov5",
            {k: ("detections", (1, 3, 8 // k, 12 // k, 7)) for k in (1, 2, 4)},
            (96, 64),
            {},
            dict.fromkeys((1, 2, 4), (LOGITS, True)),
        ),
        ("fomo", {"m": ("scores", (1, 8, 8, 3))}, (64, 64), {"activation": "sigmoid"}, {"m": (LOGITS, True)}),
        ("landmarks", {"p": ("points", (1, 63)), "s": ("scores", (1, 1))}, (64, 64), {}, {"s": (LOGITS, True)}),
        (
            "landmarks",
            {"p": ("points", (1, 63)), "s": ("scores", (1, 1)), "hand": ("tensor", (1, 1))},
            (64, 64),
            {},
            {},
        ),
    ],
)
def test_what_decoders_state(decoder, rows, size, parameters, expected):
    net = signature(decoder, rows, size, **parameters)
    found = limits_of(net.outputs, decoders.load(decoder)(net))
    assert {one.name: (one.bounds, one.whole) for one in found} == expected


def test_a_decoder_need_not_state_any():
    rows = [Output("y", "scores", (1, 4))]
    assert limits_of(rows, None) == []


@pytest.mark.parametrize(
    ("whole", "observed", "expected"),
    [
        (True, (-1000.0, -3.0), (-8.0, 8.0)),
        (False, (-1000.0, 2.0), (-8.0, 2.0)),
        (False, (-1.0, 2.0), (-1.0, 2.0)),
        (False, (-30.0, -20.0), (-8.0, -8.0)),
    ],
)
def test_what_was_observed_is_set(whole, observed, expected):
    assert Limit("s", (1, 4, 1), (-8.0, 8.0), whole).applied(observed) == expected
