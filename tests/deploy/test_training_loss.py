"""The loss in a Keras file tells what a network's one vector means, in the files of Keras 2 and 3."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

from edge.deploy import keras_file, training_loss  # noqa: E402
from edge.deploy.conversion_options import Callbacks, ConversionOptions  # noqa: E402
from edge.deploy.package import convert  # noqa: E402
from edge.tensors import TensorSpec  # noqa: E402


def saved(keras, path, count, loss, activation=None):
    """Save a network over pictures whose last layer has ``count`` units."""
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(count, activation=activation)]
    model = keras.Sequential(layers)
    model.compile("sgd", loss)
    model.save(path)
    return path


LOSSES = {
    "a name": lambda keras: "sparse_categorical_crossentropy",
    "an object": lambda keras: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "a function": lambda keras: keras.losses.sparse_categorical_crossentropy,
}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3 with numpy 2
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("form", LOSSES)
@pytest.mark.parametrize("module", ["tf_keras", "keras"])
def test_the_loss_is_read_from_every_file(module, form, suffix, tmp_path):
    keras = need(module)
    path = saved(keras, tmp_path / f"net{suffix}", 10, LOSSES[form](keras))
    assert training_loss.name_of(keras_file.read(path).loss) == "sparse_categorical_crossentropy"


@pytest.mark.parametrize("form", LOSSES)
@pytest.mark.parametrize("module", ["tf_keras", "keras"])
def test_the_loss_of_a_model_in_memory_tells_too(module, form, tmp_path):
    keras = need(module)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10)])
    model.compile("sgd", LOSSES[form](keras))
    assert training_loss.name_of(training_loss.in_memory(model)) == "sparse_categorical_crossentropy"
    manifest = convert(model, ConversionOptions(str(tmp_path / "net")))
    assert manifest.signature.task.name == "classify"


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ({"class_name": "MeanSquaredError", "config": {}}, "mean_squared_error"),
        ({"class_name": "LogCosh", "config": {}}, "log_cosh"),
        ({"class_name": "Huber", "config": {}}, "huber"),
        ({"class_name": "function", "config": "categorical_hinge"}, "categorical_hinge"),
        ("mse", "mse"),
        ("MSE", "mse"),
        (None, ""),
    ],
)
def test_a_loss_is_named_as_people_write_it(stored, name):
    assert training_loss.name_of(stored) == name


@pytest.mark.parametrize(
    ("count", "loss", "expected"),
    [
        (10, "sparse_categorical_crossentropy", "classify"),
        (10, "categorical_crossentropy", "classify"),
        (1, "binary_crossentropy", "classify"),
        (10, "binary_crossentropy", None),  # independent labels, or an autoencoder's pixels
        (1, "sparse_categorical_crossentropy", None),
        (1, "mean_squared_error", "regress"),
        (4, "huber", "regress"),
        (136, "mse", None),  # landmarks, or an autoencoder
        (10, "", None),
    ],
)
def test_a_loss_tells_the_task_of_a_vector(count, loss, expected):
    outputs = (TensorSpec("y", (1, count), np.dtype(np.float32)),)
    assert training_loss.task_for(loss, outputs) == expected


def test_a_loss_tells_nothing_of_maps_and_several_outputs():
    vector = TensorSpec("y", (1, 10), np.dtype(np.float32))
    a_map = TensorSpec("y", (1, 4, 4, 10), np.dtype(np.float32))
    assert training_loss.task_for("categorical_crossentropy", (a_map,)) is None
    assert training_loss.task_for("categorical_crossentropy", (vector, vector)) is None
    assert training_loss.name_of({"scores": "mse", "boxes": "mse"}) == ""
    assert training_loss.name_of(["mse", "mse"]) == ""


@pytest.mark.parametrize(
    ("count", "loss", "options", "task"),
    [
        (10, "sparse_categorical_crossentropy", {}, "classify"),
        (1, "mse", {}, "regress"),
        (10, "sparse_categorical_crossentropy", {"task": "embed"}, "embed"),  # the user knows better
        (10, None, {}, "raw"),
    ],
)
def test_a_network_of_logits_is_converted_for_the_task_that_it_was_trained_for(tmp_path, count, loss, options, task):
    heard = []
    path = saved(need("tf_keras"), tmp_path / "net.keras", count, loss)
    manifest = convert(path, ConversionOptions(tmp_path / "net", **options), Callbacks(report=heard.append))
    assert manifest.signature.task.name == task
    told = [line for line in heard if line.startswith("the model was trained with the loss")]
    assert told == ([f"the model was trained with the loss {loss}: task {task}"] if loss and not options else [])
