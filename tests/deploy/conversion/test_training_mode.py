"""Functions that were saved as they are trained give answers by chance: they are refused, and say how to save them."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import freeze_keras
from edge.deploy.conversion.source import open_source
from edge.errors import InputError
from tests.deploy.keras_files import run_frozen

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

SIZE = (8, 8, 3)
WAYS = r"must be saved for inference, its outputs depend on '.*', which {}: save the whole Keras model with model.save"


def network(*layers):
    return keras.Sequential([keras.Input(SIZE), *layers, keras.layers.GlobalAveragePooling2D()])


def saved(model, training, path):
    run = tf.function(lambda x: model(x, training=training), input_signature=[tf.TensorSpec((None, *SIZE))])
    tf.saved_model.save(model, str(path), run)
    return path


LAYERS = {
    "noise": (lambda: keras.layers.GaussianNoise(1.0), "draws random numbers"),
    "dropout": (lambda: keras.layers.Dropout(0.5), "draws random numbers"),
    "a flip": (lambda: keras.layers.RandomFlip(), "draws random numbers"),
    "batch statistics": (lambda: keras.layers.BatchNormalization(), "normalizes with the statistics of its batch"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_function_in_training_mode_is_refused(name, tmp_path):
    layer, why = LAYERS[name]
    path = saved(network(layer()), True, tmp_path / "saved")
    with pytest.raises(InputError, match=WAYS.format(why)):
        open_source(path)


@pytest.mark.parametrize("name", LAYERS)
def test_the_same_network_for_inference_is_taken(name, tmp_path):
    model = network(LAYERS[name][0]())
    picture = np.random.default_rng(0).normal(size=(1, *SIZE)).astype(np.float32)
    for frozen in (freeze_keras(model), open_source(saved(model, False, tmp_path / "saved")).frozen):
        (found,) = run_frozen(frozen, picture)
        np.testing.assert_allclose(found, np.asarray(model(picture, training=False)), rtol=1e-5)


def test_a_saved_model_whose_normalization_was_adapted_needs_no_trust(tmp_path):
    """It holds the function that read the data, which nothing of the network calls."""
    normalization = keras.layers.Normalization()
    normalization.adapt(np.random.default_rng(1).uniform(0, 255, (4, *SIZE)).astype(np.float32))
    tf.saved_model.save(network(normalization), str(tmp_path / "saved"))
    assert open_source(tmp_path / "saved").rescales


@pytest.mark.parametrize("axis", [-1, (1, 2, 3)])
def test_layer_normalization_of_keras_2_needs_no_batch(axis, tmp_path):
    """It is a batch normalization in training mode inside, with each sample as a batch."""
    keras.utils.set_random_seed(1)
    model = network(keras.layers.Conv2D(4, 3), keras.layers.LayerNormalization(axis=axis))
    pictures = np.random.default_rng(0).normal(3, 5, (2, *SIZE)).astype(np.float32)
    for frozen in (freeze_keras(model), open_source(saved(model, False, tmp_path / "saved")).frozen):
        for picture in pictures:
            (found,) = run_frozen(frozen, picture[None])
            np.testing.assert_allclose(found, np.asarray(model(picture[None], training=False)), atol=1e-5)
