"""Branches on a picture's size, as Keras 2 writes its cropping layers: only the side that one size takes is left."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import freeze, freeze_keras
from edge.deploy.conversion.source import open_source
from edge.deploy.conversion.static_branches import BRANCHES
from tests.deploy.keras_files import run_frozen

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

SIZE = (16, 12, 3)
PICTURES = np.random.default_rng(0).uniform(0, 255, (1, *SIZE)).astype(np.float32)


def branches(frozen):
    return [node.name for node in frozen.graph.node if node.op in BRANCHES]


def cropping(*layers):
    entry = keras.Input(SIZE, name="picture")
    x = entry
    for layer in layers:
        x = layer(x)
    return keras.Model(entry, keras.layers.Rescaling(1 / 255)(x))


MODELS = {
    "a smaller window": (lambda: [keras.layers.CenterCrop(8, 6)], lambda x: x[:, 4:12, 3:9]),
    "two windows": (
        lambda: [keras.layers.CenterCrop(12, 10), keras.layers.CenterCrop(8, 6)],
        lambda x: x[:, 4:12, 3:9],
    ),
    # Outside training the layer resizes the picture: at half its size each pixel is the mean of four.
    "a random window": (
        lambda: [keras.layers.RandomCrop(8, 6)],
        lambda x: x.reshape(1, 8, 2, 6, 2, 3).mean((2, 4)),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_crop_of_a_known_size_has_no_branch(name):
    layers, expected = MODELS[name]
    frozen = freeze_keras(cropping(*layers()))
    assert not branches(frozen)
    (found,) = run_frozen(frozen, PICTURES)
    np.testing.assert_allclose(found, expected(PICTURES) / 255, rtol=1e-5)


@pytest.mark.parametrize("save", [tf.saved_model.save, lambda model, path: model.export(path)], ids=["save", "export"])
def test_in_a_saved_model_whose_batch_is_open(save, tmp_path):
    save(cropping(keras.layers.CenterCrop(8, 6)), str(tmp_path / "saved"))
    source = open_source(tmp_path / "saved")
    assert not branches(source.frozen)
    assert source.outputs[0].shape == (1, 8, 6, 3)
    assert source.rescales
    (found,) = run_frozen(source.frozen, PICTURES)
    np.testing.assert_allclose(found, PICTURES[:, 4:12, 3:9] / 255, rtol=1e-6)


def test_a_branch_on_the_input_stays():
    def call(tensors):
        x = tensors["x"]
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1.0, lambda: x - 1.0)

    frozen = freeze(call, {"x": tf.TensorSpec((None, 4))})
    assert len(branches(frozen)) == 1
    for value in (2.0, -2.0):
        given = np.full((1, 4), value, np.float32)
        np.testing.assert_array_equal(run_frozen(frozen, given)[0], given + np.sign(value))


def test_a_branch_inside_a_branch():
    def call(tensors):
        x = tensors["x"]
        tall, wide = tf.shape(x)[1] > 3, tf.shape(x)[2] > 3

        def inner():
            return tf.cond(wide, lambda: (x * 2.0, x[:, :1]), lambda: (x * 3.0, x[:, :2]))

        first, second = tf.cond(tall, inner, lambda: (x, x))
        return {"first": first, "second": second}

    frozen = freeze(call, {"x": tf.TensorSpec((None, 4, 2))})
    assert not branches(frozen)
    given = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    first, second = run_frozen(frozen, given)
    np.testing.assert_array_equal(first, given * 3)
    np.testing.assert_array_equal(second, given[:, :2])
