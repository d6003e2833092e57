"""HDF5 files of Keras 3 with operations between the layers, which Keras 3 itself cannot read again."""

import numpy as np
import pytest

from edge.deploy.load import load_keras
from edge.errors import InputError
from tests.deploy.keras_files import keras3_file

KINDS = """
entry = keras.Input((8, 8, 3))
def convolved(x, *more):
    return layers.Conv2D(2, 3, kernel_initializer='ones')(x)
"""
NETWORKS = {
    "a division": ("x = convolved(entry / 255.0 - 0.5)", lambda x: x / 255 - 0.5),
    "channels reversed": ("x = convolved(entry[..., ::-1] * keras.ops.ones((3,)))", lambda x: x[..., ::-1]),
    "a window": ("x = convolved(entry[:, 1:5, 2:7])", lambda x: x[:, 1:5, 2:7]),
    "published means": (
        "x = convolved(keras.applications.vgg16.preprocess_input(entry))",
        lambda x: x[..., ::-1] - np.float32([103.939, 116.779, 123.68]),
    ),
    "an operation and a layer of one name": (
        "x = convolved(layers.Add()([entry + 3.0, layers.Rescaling(0.5)(entry)]))",
        lambda x: 1.5 * x + 3,
    ),
    "inside a nested network": (
        "inner = keras.Model(entry, keras.ops.abs(entry - 100.0)); outer = keras.Input((8, 8, 3)); "
        "x = convolved(inner(outer)); entry = outer",
        lambda x: np.abs(x - 100),
    ),
}
PICTURES = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """All files, written by one process of Keras 3."""
    folder = tmp_path_factory.mktemp("files")
    code = "import os\n"
    for number, (body, _) in enumerate(NETWORKS.values()):
        code += f"{KINDS}{body}\nmodel = keras.Model(entry, x)\nmodel.save(sys.argv[1] + '.{number}.h5')\n"
    keras3_file(folder / "last.keras", code)
    return {name: folder / f"last.keras.{number}.h5" for number, name in enumerate(NETWORKS)}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_computes_what_was_written(files, name):
    taken = NETWORKS[name][1](PICTURES)
    windows = np.lib.stride_tricks.sliding_window_view(taken, (3, 3), (1, 2)).sum((-3, -2, -1))  # a kernel of ones
    found = np.asarray(load_keras(files[name])(PICTURES))
    np.testing.assert_allclose(found, np.stack([windows] * 2, -1), rtol=1e-4, atol=1e-3)


def test_a_layer_of_the_users_own_with_the_name_of_an_operation_is_refused(tmp_path):
    code = (
        "Flip = type('Flip', (layers.Layer,), {'call': lambda self, x: x * 2})\n"
        "entry = keras.Input((8, 8, 3))\nmodel = keras.Model(entry, Flip()(entry / 255.0))\n"
        "model.save(sys.argv[1] + '.h5')\n"
    )
    path = keras3_file(tmp_path / "own.keras", code)
    with pytest.raises(InputError, match="needs 'Flip', a layer or function that is not part of Keras"):
        load_keras(path.with_name("own.keras.h5"))


def test_a_trusted_lambda_in_hdf5(tmp_path):
    code = (
        "entry = keras.Input((8, 8, 3))\nmodel = keras.Model(entry, layers.Lambda(lambda x: x * 2)(entry))\n"
        "model.save(sys.argv[1] + '.h5')\n"
    )
    path = keras3_file(tmp_path / "code.keras", code).with_name("code.keras.h5")
    with pytest.raises(InputError, match="--trust"):
        load_keras(path)
    np.testing.assert_array_equal(np.asarray(load_keras(path, trust=True)(PICTURES)), PICTURES * 2)
