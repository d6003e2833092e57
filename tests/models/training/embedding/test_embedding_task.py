"""Pictures of people for the fit: who is trained on, who is reported on, and a training that tells new faces apart."""

import json
import shutil

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.settings import Augmentation, Settings
from edge.models.training.training_record import reader_options, signature_of
from edge.scenes.faces import write_faces

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.training import fit  # noqa: E402
from edge.models.training.embedding import embedding_task  # noqa: E402

SIZE = (24, 24, 3)
STILL = Augmentation(flip=False, crop=0)
PLAIN = Settings(epochs=8, batch=16, optimizer="adam", learning_rate=0.01, warmup=0, augmentation=STILL)
LOSS = {"size": 16, "margin": 0.1, "scale": 16.0}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "set"
    write_faces(folder, train=16, test=6, pictures=10, size=24, seed=3)
    return folder


@pytest.fixture(scope="module")
def task(root, tmp_path_factory):
    return embedding_task.load(root, SIZE, PLAIN, None, tmp_path_factory.mktemp("cache"), **LOSS)


def network():
    """Return a small network that ends in a vector."""
    layers = keras.layers
    inputs = x = keras.Input(SIZE, name="image")
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, 2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    return keras.Model(inputs, layers.Dense(16, name="vector")(layers.Flatten()(x)), name="small")


def test_people_are_other_ones_to_report_on(task):
    assert task.people == tuple(f"person_{n:03d}" for n in range(16))
    assert (task.count, len(task.monitor.classes), len(task.report_on.classes)) == (144, 16, 60)
    assert not {name.split("/")[1] for name in task.report_on.names} & set(task.people)
    fitted, monitored = (set(part.names) for part in (task.train, task.monitor))
    assert not fitted & monitored
    assert task.labels == ()
    assert task.network_options() == {"classes": 16}


def test_targets_are_the_people(task):
    images, targets = next(iter(task.training_batches(PLAIN, 0)))
    assert images.shape == (16, *SIZE)
    assert targets.shape == (16, 16)
    monitored = np.concatenate([t.numpy() for _, t in task.monitor_batches(PLAIN)]).argmax(-1)
    np.testing.assert_array_equal(monitored, np.arange(16))


def test_the_last_people_are_held_out_when_there_is_no_test_part(root, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(root / "train", folder / "train")
    held = embedding_task.load(folder, SIZE, PLAIN, None, tmp_path / "cache", **LOSS)
    assert held.people == tuple(f"person_{n:03d}" for n in range(13))
    assert sorted({name.split("/")[1] for name in held.report_on.names}) == [f"person_{n:03d}" for n in (13, 14, 15)]


def test_the_head_knows_everybodys_direction_and_is_not_saved(task):
    model = network()
    fitted = task.with_head(model)
    assert fitted.output_shape == (None, 16)
    vectors = embedding_task.vectors_of(model, task.train)
    centre = fitted.get_layer("cosines").get_weights()[0]
    rows = np.flatnonzero(task.train.classes == 5)[:4]
    first = np.concatenate([np.flatnonzero(task.train.classes == n)[:4] for n in range(16)])
    mean = vectors[first].reshape(16, 4, -1).mean((0, 1))
    np.testing.assert_allclose(centre[:, 5], vectors[rows].mean(0) - mean, rtol=1e-4, atol=1e-5)
    # The layers are shared: what the one learns, the other knows.
    assert all(any(a is b for b in fitted.weights) for a in model.weights)


@pytest.mark.parametrize(
    ("shape", "settings", "options", "words"),
    [
        pytest.param((24, 3), PLAIN, {}, "images have the shape", id="shape"),
        pytest.param(SIZE, PLAIN, {"size": 0}, "size must be a whole number", id="size"),
        pytest.param(SIZE, PLAIN, {"margin": 4.0}, "margin must be from 0 to below pi", id="margin"),
        pytest.param(SIZE, PLAIN, {"scale": 0}, "scale must be above 0", id="scale"),
        pytest.param(SIZE, Settings(augmentation=Augmentation(mixup=0.2)), {}, "mixup is for", id="mixup"),
    ],
)
def test_what_does_not_fit_is_refused(root, tmp_path, shape, settings, options, words):
    with pytest.raises(InputError, match=words):
        embedding_task.load(root, shape, settings, None, tmp_path, **options)


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        pytest.param({"train": 1, "test": 6}, "two people or more to train on, .* got 1 and 6", id="one to train"),
        pytest.param({"train": 16, "test": 1}, "got 16 and 1", id="one to report on"),
        pytest.param({"train": 3, "test": 0}, "no test/ folder and 3 people; holding people out needs 4", id="few"),
    ],
)
def test_too_few_people_are_refused(root, tmp_path, keep, words):
    folder = tmp_path / "set"
    for split, count in keep.items():
        for path in sorted((root / split).iterdir())[:count]:
            shutil.copytree(path, folder / split / path.name)
    with pytest.raises(InputError, match=words):
        embedding_task.load(folder, SIZE, PLAIN, None, tmp_path / "cache")


def test_a_fit_tells_people_apart_that_it_has_not_seen(task, tmp_path):
    untrained = task.report(network(), tmp_path)
    record = fit.train(network, task, PLAIN, tmp_path)
    assert record["recall_at_1"] > max(0.5, untrained["recall_at_1"])  # chance is 9 / 59
    assert record["verification"] > 0.7  # chance is 0.5
    assert not (tmp_path / "labels.txt").exists()
    saved = json.loads((tmp_path / "train.json").read_text())
    assert saved["classes"] == 16
    assert signature_of(saved)["outputs"] == [{"name": "vector", "role": "embedding"}]
    assert signature_of(saved)["task"] == {"name": "embed", "decoder": None, "parameters": {"normalize": True}}
    assert reader_options(saved) == LOSS
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.output_names == ["vector"]
