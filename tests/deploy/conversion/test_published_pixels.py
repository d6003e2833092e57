"""Networks of ``keras.applications`` that leave ``preprocess_input`` to the user, told by their layers."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import freeze_keras
from edge.deploy.conversion.published_pixels import published_pixels
from edge.deploy.conversion.source import _keras
from edge.deploy.signature import Pixels, SignatureOptions, find_signature

need("tensorflow")

import keras as keras3  # noqa: E402
import tf_keras as keras2  # noqa: E402

KERAS = pytest.mark.parametrize("keras", [keras2, keras3], ids=["Keras 2", "Keras 3"])
SIDE = 32
PICTURE = np.random.default_rng(0).uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)


def block(keras, x, *names, filters=64):
    """Return what one layer of each name makes of ``x``: the first convolves, the others only pass it on."""
    for number, name in enumerate(names):
        layer = keras.layers.BatchNormalization if name.endswith("bn") else keras.layers.ReLU
        side = 3 if name.startswith("block1") else 7
        x = (keras.layers.Conv2D(filters, side, name=name) if number == 0 else layer(name=name))(x)
    return x


LAYERS = {
    "vgg16": ("block1_conv1", "block2_conv1", "block5_conv3"),
    "resnet": ("conv1_conv", "conv1_bn", "conv5_block3_out"),
    "densenet": ("conv1_conv", "pool3_conv", "pool4_conv", "conv5_block16_concat"),
}
"""The layers by which a family is told; building whole families takes minutes (see the slow test)."""


def small(keras, module, scale=None, channels=3, filters=64):
    base_entry = keras.Input((SIDE, SIDE, channels))
    base = keras.Model(base_entry, block(keras, base_entry, *LAYERS[module], filters=filters))
    entry = keras.Input((SIDE, SIDE, channels))
    x = base(entry if scale is None else scale(keras, entry))
    return keras.Model(entry, keras.layers.Dense(4, "softmax")(keras.layers.GlobalAveragePooling2D()(x)))


def told(model):
    frozen = freeze_keras(model)
    return published_pixels(frozen.graph, [tensor.op.name for tensor in frozen.inputs.values()])


@pytest.mark.parametrize("module", LAYERS)
@pytest.mark.parametrize("other", [{"filters": 8}, {"channels": 1}], ids=str)
def test_a_network_of_somebody_s_own_with_these_names_is_not_taken_for_a_published_one(module, other):
    assert told(small(keras2, module, **other)) is None


@KERAS
@pytest.mark.parametrize("module", LAYERS)
def test_the_means_are_those_of_preprocess_input(keras, module):
    pixels = told(small(keras, module))
    assert pixels.module == module
    ordered = PICTURE[..., ::-1] if pixels.colour == "BGR" else PICTURE
    made = (ordered - np.float32(pixels.mean)) / np.float32(pixels.std)
    expected = np.asarray(getattr(keras.applications, module).preprocess_input(PICTURE.copy()))
    np.testing.assert_allclose(made, expected, atol=1e-3 * np.abs(expected).max())  # torch's means are of 0 to 1


SCALES = {
    "preprocess_input inside": lambda keras, x: keras.applications.resnet.preprocess_input(x),
    "Rescaling inside": lambda keras, x: keras.layers.Rescaling(1 / 255)(x),
    "Rescaling of other numbers": lambda keras, x: keras.layers.Rescaling(2.0, -1.0)(x),
}


@KERAS
@pytest.mark.parametrize("name", SCALES)
def test_a_network_that_scales_its_input_is_left_alone(keras, name):
    assert told(small(keras, "resnet", SCALES[name])) is None


SAID = {
    "nothing": (Pixels(), (103.939, 116.779, 123.68), (1.0,), "BGR"),
    "mean and std": (Pixels(mean=(0.0,), std=(255.0,)), (0.0,), (255.0,), "RGB"),
    "the colour": (Pixels(colour="RGB"), (127.5,), (127.5,), "RGB"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_the_user_says_takes_the_place_of_all_of_it(name, tmp_path):
    pixels, *expected = SAID[name]
    source = _keras(small(keras2, "resnet"), None)
    found = find_signature(source, SignatureOptions(task="classify", pixels=pixels), lambda: written(source, tmp_path))
    form = found.signature.inputs[0].format
    assert [form.mean, form.std, form.colour] == expected
    notes = [note for note in found.notes if "keras.applications.resnet.preprocess_input" in note]
    assert len(notes) == (name == "nothing")


def written(source, folder):
    from edge.deploy.conversion.produce import first_file

    return first_file(source, folder)


FAMILIES = {
    "VGG16": "vgg16",
    "VGG19": "vgg16",
    "ResNet50": "resnet",
    "ResNet152": "resnet",
    "DenseNet121": "densenet",
    "DenseNet201": "densenet",
    "ResNet50V2": None,
    "MobileNetV2": None,
    "InceptionV3": None,
    "EfficientNetB0": None,
}


@pytest.mark.slow
@KERAS
@pytest.mark.parametrize("name", FAMILIES)
def test_the_published_networks_are_told(keras, name):
    side = 75 if name == "InceptionV3" else SIDE
    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(side, side, 3))
    found = told(model)
    assert (found and found.module) == FAMILIES[name]
    keras.backend.clear_session()
