"""Sizes that a model leaves open: stated by the user, and the network computes what it computes on such an input."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion import input_shapes
from edge.deploy.conversion.source import open_source
from edge.errors import InputError
from tests.deploy.keras_files import saved

tf = need("tensorflow")
keras = need("tf_keras")

RNG = np.random.default_rng(5)


def open_network():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2)(inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("shape", [(17, 23, 3), (1, 17, 23, 3)], ids=["without the batch", "with it"])
def test_a_keras_model_gets_its_sizes(tmp_path, shape):
    model = open_network()
    source = open_source(str(saved(model, tmp_path / "net.keras")), shapes={"": shape})
    assert [spec.shape for spec in source.inputs] == [(1, 17, 23, 3)]
    images = RNG.normal(size=(3, 17, 23, 3)).astype(np.float32)
    np.testing.assert_allclose(next(iter(source.reference({"input": images}).values())), model(images), atol=1e-6)


def test_a_saved_model_gets_its_sizes(tmp_path):
    model = open_network()
    model.export(str(tmp_path / "saved"))
    name = next(iter(spec.name for spec in open_source_inputs(tmp_path / "saved", (9, 11, 3))))
    source = open_source(str(tmp_path / "saved"), shapes={name: (9, 11, 3)})
    assert [spec.shape for spec in source.inputs] == [(1, 9, 11, 3)]
    images = RNG.normal(size=(2, 9, 11, 3)).astype(np.float32)
    np.testing.assert_allclose(next(iter(source.reference({name: images}).values())), model(images), atol=1e-6)


def open_source_inputs(path, shape):
    return open_source(str(path), shapes={"": shape}).inputs


def test_without_them_the_option_to_type_is_said(tmp_path):
    with pytest.raises(InputError, match=r"\(None, None, None, 3\) for 'input'; .* with --input-shape 224,224,3"):
        open_source(str(saved(open_network(), tmp_path / "net.keras")))


TWO = {"left": tf.TensorSpec((None, None, 3)), "right": tf.TensorSpec((None, 4))}


@pytest.mark.parametrize(
    ("specs", "shapes", "words"),
    [
        pytest.param(TWO, {"": (5, 3)}, r"needs a name for each input.*left \?,\?,3, right \?,4", id="which one"),
        pytest.param(TWO, {"middle": (5, 3)}, "names 'middle'; the model's inputs are left", id="another name"),
        pytest.param(TWO, {"left": (5, 4)}, r"of 'left' must fit \?,\?,3, .* got 5,4", id="other channels"),
        pytest.param(TWO, {"left": (2, 5, 3)}, "the batch is 1, got 2,5,3", id="a batch"),
        pytest.param(TWO, {"left": (5,)}, "must fit", id="too few"),
        pytest.param(TWO, {"right": (5,)}, "must fit", id="a fixed size"),
    ],
)
def test_what_does_not_fit_is_refused(specs, shapes, words):
    with pytest.raises(InputError, match=words):
        input_shapes.apply(specs, shapes)


def test_a_finished_file_has_its_sizes(tmp_path):
    from tests.backends import models

    with pytest.raises(InputError, match=r"not for \.tflite files: convert the model that net\.tflite was made from"):
        open_source(str(models.tflite_conv(tmp_path / "net.tflite")), shapes={"": (5, 4, 3)})
