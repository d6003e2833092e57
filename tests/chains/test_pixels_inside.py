"""Networks with preprocessing and augmentation inside: what ``edge.load`` answers is what Keras answers.

Every form is saved as people save it, converted without a word on pixels, and given a picture of its own size, so that
nothing is resized. A wrong assumption on pixels would be a wrong answer without an error.
"""

import contextlib
import io

import numpy as np
import pytest

import edge
from edge.cli import convert
from edge.deploy import quantized
from edge.deploy._tensorflow import need

tf = need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

KERAS = {"Keras 2": keras2, "Keras 3": keras3}
SIDE = 32
RNG = np.random.default_rng(3)
PICTURES = RNG.integers(0, 256, (16, 4, 4, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
"""(16, 32, 32, 3) RGB, of squares, so that resized and cropped pictures differ from each other, too."""


def augmentation(keras):
    layers = keras.layers
    return [layers.RandomFlip(), layers.RandomRotation(0.2), layers.RandomZoom(0.2), layers.RandomContrast(0.2)]


def adapted(keras):
    layer = keras.layers.Normalization()
    layer.adapt(PICTURES.astype(np.float32))
    return layer


def published(module):
    return lambda keras: [getattr(keras.applications, module).preprocess_input]


FIRST = {
    "nothing": lambda keras: [],
    "Rescaling": lambda keras: [keras.layers.Rescaling(1 / 255)],
    "augmentation and Rescaling": lambda keras: [*augmentation(keras), keras.layers.Rescaling(1 / 127.5, -1)],
    "nested augmentation": lambda keras: [keras.Sequential(augmentation(keras)), *published("mobilenet_v2")(keras)],
    "adapted Normalization": lambda keras: [adapted(keras)],
    "CenterCrop and Resizing": lambda keras: [
        keras.layers.CenterCrop(24, 24), keras.layers.Resizing(20, 20), keras.layers.Rescaling(1 / 255),
    ],
    "RandomCrop": lambda keras: [keras.layers.RandomCrop(24, 24), keras.layers.Rescaling(1 / 255)],
    "means and BGR": published("vgg16"),
    "means and deviations": published("densenet"),
    "pixels to -1..1": published("nasnet"),
    "a division": lambda keras: [lambda x: x / 255.0],
    "channels reversed": lambda keras: [lambda x: x[..., ::-1] / 255.0],
}  # fmt: skip
FORMATS = {
    "keras": lambda model, path: model.save(f"{path}.keras"),
    "h5": lambda model, path: model.save(f"{path}.h5"),
    "saved": lambda model, path: tf.saved_model.save(model, f"{path}.saved"),
    "export": lambda model, path: model.export(f"{path}.export"),
}
NOT_WRITTEN = {
    "Keras 2": {("channels reversed", "keras"), ("means and BGR", "keras")},  # "Cannot serialize object Ellipsis"
    "Keras 3": {("augmentation and Rescaling", "h5"), ("nested augmentation", "h5"), ("RandomCrop", "h5")},
}
"""What Keras itself fails to write, mostly because of the seeds of random layers."""
IN_TRAINING_MODE = {
    "Keras 2": {("augmentation and Rescaling", "export"), ("nested augmentation", "export"), ("RandomCrop", "export")},
    "Keras 3": {
        (first, form)
        for first in ("augmentation and Rescaling", "nested augmentation", "RandomCrop", "CenterCrop and Resizing")
        for form in ("saved", "export")
    },
}
"""What Keras writes as it is trained, so that its answers depend on chance: refused, see ``training_mode``."""
FAST = {
    ("Keras 2", "CenterCrop and Resizing", "h5"),
    ("Keras 3", "means and BGR", "h5"),
    ("Keras 3", "nothing", "keras"),
}


def cases():
    found = []
    for version in KERAS:
        for first in FIRST:
            for form in FORMATS:
                if (first, form) not in NOT_WRITTEN[version] | IN_TRAINING_MODE[version]:
                    marks = [] if (version, first, form) in FAST else [pytest.mark.slow]
                    found.append(pytest.param(version, first, form, marks=marks))
    return found


def network(version, first, policy="float32"):
    """Return a seeded network."""
    keras = KERAS[version]
    keras.utils.set_random_seed(1)
    keras.mixed_precision.set_global_policy(policy)
    try:
        entry = x = keras.Input((SIDE, SIDE, 3))
        for layer in FIRST[first](keras):
            x = layer(x)
        x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
        x = keras.layers.BatchNormalization(momentum=0)(keras.layers.GlobalMaxPooling2D()(x))
        x = keras.layers.Dropout(0.2)(x)
        out = keras.layers.Dense(5, activation="softmax", dtype="float32")(x)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    model = keras.Model(entry, out)
    model(given(first), training=True)  # settles the normalization, so that the pictures have different answers
    return model


def given(first):
    """Return the pictures as the network takes them: scaled to -1..1 outside where it does nothing itself."""
    pixels = PICTURES.astype(np.float32)
    return pixels / 127.5 - 1 if first == "nothing" else pixels


def answers_of_keras(model, first):
    return np.asarray(model(given(first), training=False))


def saved(model, form, folder):
    with contextlib.redirect_stdout(io.StringIO()), quantized.saving_h5():
        FORMATS[form](model, folder / "net")
    return folder / f"net.{form}"


def check(path, folder, expected, tolerance):
    """Convert a file and compare the answers of both formats on pictures with those of Keras."""
    assert convert.main([str(path), "--out", str(folder / "out"), "--tflite", "float32", "--onnx", "float32"]) == 0
    for backend in ("litert", "onnxruntime"):
        with edge.load(folder / "out", backend=backend) as session:
            for picture, row in zip(PICTURES, expected, strict=True):
                for found in session(picture, "RGB").predictions:
                    assert found.score == pytest.approx(row[found.index], abs=tolerance)
    assert expected.std(0).max() > 20 * tolerance  # the pictures are told apart


@pytest.mark.filterwarnings("ignore")  # of Keras while it saves
@pytest.mark.parametrize(("version", "first", "form"), cases())
def test_the_answers_are_those_of_keras(version, first, form, tmp_path):
    model = network(version, first)
    check(saved(model, form, tmp_path), tmp_path, answers_of_keras(model, first), 1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", KERAS)
@pytest.mark.parametrize("first", ["nothing", "Rescaling", "means and deviations"])
def test_mixed_precision_answers_within_its_rounding(version, first, tmp_path):
    """Keras computes in 16 bits, with 11 bits of mantissa; the files compute in float32."""
    model = network(version, first, "mixed_float16")
    check(saved(model, "keras", tmp_path), tmp_path, answers_of_keras(model, first), 5e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("version", "first", "form"), [(v, *case) for v, found in IN_TRAINING_MODE.items() for case in sorted(found)]
)
def test_what_keras_saves_in_training_mode_is_refused(version, first, form, tmp_path, capsys):
    model = network(version, first)
    try:
        path = saved(model, form, tmp_path)
    except AssertionError:
        pytest.skip("this version of Keras does not write it at all: the seeds are not tracked")
    assert convert.main([str(path), "--out", str(tmp_path / "out"), "--tflite", "float32"]) == 2
    assert "must be saved for inference" in capsys.readouterr().err
