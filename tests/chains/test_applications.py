"""The smallest network of every family of ``keras.applications``, of Keras 2 and Keras 3, through ``edge-convert``.

The weights are random, so logits are compared: a softmax over random weights says nothing. Batch normalization is
settled on pictures first, else the values die out on the way.
"""

import gc
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest

from edge.backends import open_model
from edge.bundle import open_bundle
from edge.cli import convert
from edge.deploy._tensorflow import need
from edge.scenes.image_set import write_dataset
from edge.tensors import dequantize, quantize
from tests import tflite_file

tf = need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

KERAS = {"Keras 3": keras3, "Keras 2": keras2}
CLASSES = 10
TF = ("127.5", "127.5", "RGB")
TORCH = ("123.675,116.28,103.53", "58.395,57.12,57.375", "RGB")
CAFFE = ("103.939,116.779,123.68", "1", "BGR")
PIXELS = ("0", "1", "RGB")
"""Mean, std and colour of ``preprocess_input``; the last is of families that scale pixels in their first layers."""


@dataclass(frozen=True)
class Row:
    """A family.

    Attributes:
        name: its smallest network.
        pixels: how it takes pixels.
        side: the height and width of its input.
        options: options of its builder that make it smaller.
        only: the version of Keras that has it. None for both.
    """

    name: str
    pixels: tuple[str, str, str]
    side: int = 64
    options: dict[str, Any] = field(default_factory=dict)
    only: str | None = None


ROWS = (
    Row("MobileNet", TF, side=32, options={"alpha": 0.25}),
    Row("MobileNetV2", TF, options={"alpha": 0.35}),
    Row("MobileNetV3Small", PIXELS, options={"alpha": 0.75}),
    Row("EfficientNetB0", PIXELS),
    Row("EfficientNetV2B0", PIXELS),
    Row("NASNetMobile", TF, side=32),
    Row("DenseNet121", TORCH, side=32),
    Row("ConvNeXtTiny", PIXELS, side=32, only="Keras 3"),  # tf_keras cannot load the file that it writes
    Row("VGG16", CAFFE, side=32),
    Row("ResNet50", CAFFE, side=32),
    Row("ResNetRS50", PIXELS, side=32, only="Keras 2"),
    Row("InceptionResNetV2", TF, side=75),
    Row("ResNet50V2", TF, side=32),
    Row("InceptionV3", TF, side=75),
    Row("Xception", TF, side=71),
    Row("RegNetX002", PIXELS, only="Keras 2"),
    Row("RegNetY002", PIXELS, only="Keras 2"),
)
FAST = "MobileNet"
"""The family in ``make test``, in both forms."""
OPEN = {"MobileNetV3Small"}
"""Saved with an input of (None, None, None, 3), as the builder makes it without a size."""
HDF5 = {"MobileNet", "ResNet50", "EfficientNetB0"}
"""Saved as .h5, the others as .keras."""
SAMPLES = 8
COMPARED = 32
"""How many pictures the int8 files are compared on: 320 logits."""
LEAST_DECIBELS = 13
"""The least signal-to-noise ratio of int8 logits. The networks have 14 to 26 dB; where one operation computes nonsense,
or a range collapses, there is no signal left, and the ratio is near 0."""
LEAST_ALIKE = 0.93
"""The share of pictures whose logits are all within a step of TFLite's: all but two of 32.

In networks of hundreds of layers with random weights, one tie that is rounded the other way changes a whole picture.
"""
HEAVY = {"VGG16", "ResNet50", "ResNetRS50", "InceptionV3", "InceptionResNetV2", "Xception", "ConvNeXtTiny"}
"""Networks whose conversion takes gigabytes: one worker has them one after the other."""
APART = {
    "MobileNetV3Small": "TFLite's int8 kernel rounds a hard swish in 16 bits of its own",
    "ConvNeXtTiny": "layer normalization is many operations, and each runtime rounds reciprocal roots in its own way",
}
"""Families whose ONNX files come out a few steps apart, and why."""


@pytest.fixture(autouse=True)
def memory_is_given_back():
    """Networks of Keras refer to themselves; those of several families would fill a worker's memory."""
    yield
    gc.collect()


def cases():
    """Return a case for each family, all but FAST as slow ones."""
    found = []
    for row in ROWS:
        group = "heavy applications" if row.name in HEAVY else row.name
        marks = [pytest.mark.xdist_group(group), pytest.mark.timeout(900)]
        marks += [] if row.name == FAST else [pytest.mark.slow]
        found.append(pytest.param(row, id=row.name, marks=marks))
    return found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of drawn pictures, which differ from each other as photographs do."""
    folder = tmp_path_factory.mktemp("pictures")
    write_dataset(folder, per_class_train=6, per_class_test=1, size=96, seed=1)
    return folder


def tensors(folder, row: Row):
    """Return (48, side, side, 3) inputs of the pictures, prepared as the family's ``preprocess_input`` does."""
    read = [cv2.imread(str(path)) for path in sorted(folder.rglob("*.png"))[:48]]
    pixels = np.stack([cv2.resize(one, (row.side, row.side)) for one in read]).astype(np.float32)
    mean, std, colour = row.pixels
    ordered = pixels if colour == "BGR" else pixels[..., ::-1]
    return (ordered - numbers(mean)) / numbers(std)


def numbers(text):
    return np.float32([float(part) for part in text.split(",")])


def built(row: Row, keras, inputs):
    """Return the network with moving statistics of one batch.

    The offsets of the normalizations are 1, so that most activations are in the part where they are nearly linear.
    With offsets of 0 random networks are chaotic: a rounding grows from layer to layer, and the int8 files of some have
    1 dB, those of TFLite's own converter too.
    """
    keras.utils.set_random_seed(1)
    shape = None if row.name in OPEN else (row.side, row.side, 3)
    make = getattr(keras.applications, row.name)
    model = make(input_shape=shape, weights=None, classes=CLASSES, classifier_activation=None, **row.options)
    norms = [layer for layer in model._flatten_layers() if type(layer).__name__ == "BatchNormalization"]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
        norm.beta.assign(np.ones(norm.beta.shape, np.float32))
    model(inputs, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    return model


def answers(path, inputs):
    """Return the logits of a file, and the size of a step of them."""
    with open_model(path, threads=1) as model:
        entry, out = model.inputs[0], model.outputs[0]
        found = [dequantize(model.run([quantize(one[None], entry)])[0], out) for one in inputs]
    return np.concatenate(found), out.quantization.scale if out.quantization else None


def decibels(found, expected):
    """Return the signal-to-noise ratio."""
    return 10 * np.log10(np.sum(expected**2) / np.sum((found - expected) ** 2))


def converted(row: Row, path, folder, net, precisions):
    """Convert a file as a user does; return its files by name."""
    mean, std, colour = row.pixels
    words = [str(path), "--out", str(net), "--tflite", precisions, "--onnx", precisions]
    words += ["--calibrate", str(folder), "--samples", str(SAMPLES)] if "int8" in precisions else []
    words += [] if row.pixels == PIXELS or row.pixels == TF else ["--mean", mean, "--std", std, "--colour", colour]
    words += ["--input-shape", f"{row.side},{row.side},3"] if row.name in OPEN else []
    assert convert.main(words) == 0
    manifest = open_bundle(net).manifest
    form = manifest.signature.inputs[0].format
    assert (form.mean, form.std, form.colour) == (tuple(numbers(mean)), tuple(numbers(std)), colour)
    return {artifact.file: net / artifact.file for artifact in manifest.artifacts}


def check_float(files, inputs, expected):
    for kind in ("tflite", "onnx"):
        found, _ = answers(files[f"model_float32.{kind}"], inputs)
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def check_int8(row, files, inputs, expected):
    int8, step = answers(files["model_int8.tflite"], inputs)
    onnx, _ = answers(files["model_int8.onnx"], inputs)
    apart = np.abs(onnx - int8) / step
    print(f"{row.name}: int8 {decibels(int8, expected):.1f} dB, ONNX {decibels(onnx, expected):.1f} dB, apart by up to "
          f"{apart.max():.1f} steps, {np.mean(apart <= 1.01):.1%} within one")  # fmt: skip
    assert decibels(int8, expected) >= LEAST_DECIBELS
    assert decibels(onnx, expected) >= decibels(int8, expected) - 1  # the steps apart are no loss
    alike = np.mean((apart <= 1.01).all(axis=1))
    assert row.name in APART or alike >= LEAST_ALIKE


@pytest.mark.filterwarnings("ignore")  # of both Keras versions while they build, which are not what is tested
@pytest.mark.parametrize("row", cases())
def test_it_converts_at_once_and_computes_the_same(row, pictures, tmp_path):
    """Both forms are compared in float32. int8 files are made again where the second has other operations."""
    inputs, known, every = tensors(pictures, row), None, "float32,int8"
    for version in KERAS if row.only is None else [row.only]:
        model = built(row, KERAS[version], inputs)
        expected = np.asarray(model(inputs[:COMPARED], training=False))
        path = tmp_path / f"{version}{'.h5' if row.name in HDF5 else '.keras'}"
        model.save(path)
        files = converted(row, path, pictures, tmp_path / version, "float32" if known else every)
        check_float(files, inputs[:SAMPLES], expected[:SAMPLES])
        operations = sorted(tflite_file.op_names(files["model_float32.tflite"].read_bytes()))
        if known not in (None, operations):
            files = converted(row, path, pictures, tmp_path / f"{version} again", every)
        if known != operations:
            check_int8(row, files, inputs[:COMPARED], expected)
        known = operations
        KERAS[version].backend.clear_session()
