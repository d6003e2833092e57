"""Clips for the fit: batches, augmentation that moves all frames alike, and a training that learns motions."""

import json

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.settings import Augmentation, Settings
from edge.models.training.training_record import reader_options, signature_of
from edge.scenes.motions import MOTIONS, write_clips

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.training import fit  # noqa: E402
from edge.models.training.clips import clip_task  # noqa: E402

SIZE = (4, 16, 16, 3)
STILL = Augmentation(flip=False, crop=0)
PLAIN = Settings(epochs=6, batch=6, optimizer="adam", learning_rate=0.01, warmup=0, augmentation=STILL)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "set"
    write_clips(folder, train=12, test=4, frames=6, size=24, seed=2)
    (folder / "train" / "fall" / "broken.avi").write_bytes(b"garbage")
    return folder


@pytest.fixture(scope="module")
def task(root, tmp_path_factory):
    return clip_task.load(root, SIZE, PLAIN, None, tmp_path_factory.mktemp("cache"))


def test_batches_are_clips_with_one_hot_targets(task):
    inputs, targets = next(iter(task.training_batches(PLAIN, 0)))
    assert inputs.shape == (6, *SIZE)
    assert inputs.dtype.name == "float32"
    assert -1 <= inputs.numpy().min() < inputs.numpy().max() <= 1
    np.testing.assert_array_equal(targets.numpy().sum(1), 1)
    again, _ = next(iter(task.training_batches(PLAIN, 0)))
    np.testing.assert_array_equal(inputs, again)


def test_an_epoch_sees_every_clip_and_the_broken_one_is_named(task):
    assert task.count == 72
    assert task.facts()["corrupt"] == ["train/fall/broken.avi"]
    batches = iter(task.training_batches(PLAIN, 1))
    seen = np.concatenate([next(batches)[0].numpy() for _ in range(12)])
    expected = clip_task.normalize(task.train.frames)
    assert {clip.tobytes() for clip in seen} == {clip.tobytes() for clip in expected}


def test_decoded_clips_are_reused(root, task, tmp_path):
    first = clip_task.load(root, SIZE, PLAIN, None, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    again = clip_task.load(root, SIZE, PLAIN, None, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == files
    np.testing.assert_array_equal(first.train.frames, again.train.frames)


def test_all_frames_of_a_clip_are_moved_alike():
    """Every frame holds the same picture, so a clip that was moved as one still does."""
    picture = np.random.default_rng(0).uniform(0, 255, (1, 9, 11, 3)).astype(np.float32)
    how, rng = Augmentation(flip=True, crop=3, jitter=0.3), np.random.default_rng(1)
    changed = 0
    for _ in range(20):
        found = clip_task.augment(np.repeat(picture, 5, axis=0), how, rng)
        np.testing.assert_array_equal(found, np.repeat(found[:1], 5, axis=0))
        changed += not np.array_equal(found[0], picture[0])
    assert changed > 15


def test_a_mirrored_clip_is_the_other_way_round_and_a_shift_repeats_the_edge():
    row = np.arange(6, dtype=np.float32).reshape(1, 1, 6, 1)
    found = {
        tuple(clip_task.augment(row, Augmentation(flip=True, crop=1), np.random.default_rng(n)).ravel())
        for n in range(60)
    }
    shifted = [(0, 1, 2, 3, 4, 5), (0, 0, 1, 2, 3, 4), (1, 2, 3, 4, 5, 5)]
    # Mirrored first, then shifted: the edge that is repeated is the mirrored clip's.
    mirrored = [(5, 4, 3, 2, 1, 0), (5, 5, 4, 3, 2, 1), (4, 3, 2, 1, 0, 0)]
    assert found == {*shifted, *mirrored}


def test_clips_are_held_out_to_monitor(root, tmp_path):
    held = clip_task.load(root, SIZE, Settings(batch=6, holdout=0.25), None, tmp_path)
    assert (held.count, len(held.monitor.classes), len(held.report_on.classes)) == (54, 18, 24)
    assert held.facts()["corrupt"] == ["train/fall/broken.avi"]
    assert len(list(held.inputs(8, 20, seed=0))) == 2


@pytest.mark.parametrize(
    ("shape", "settings", "options", "words"),
    [
        pytest.param((16, 16, 3), PLAIN, {}, "clips have the shape", id="shape"),
        pytest.param((4, 16, 16, 2), PLAIN, {}, "clips have the shape", id="channels"),
        pytest.param(SIZE, PLAIN, {"step": -1}, "step must be a whole number", id="step"),
        pytest.param(
            SIZE,
            Settings(augmentation=Augmentation(cutout=4)),
            {},
            "cutout is for the classification of images",
            id="cutout",
        ),
    ],
)
def test_what_does_not_fit_is_refused(root, tmp_path, shape, settings, options, words):
    with pytest.raises(InputError, match=words):
        clip_task.load(root, shape, settings, None, tmp_path, **options)


def small_network():
    """Return a network over the frames' differences in time: the smallest that can see a motion."""
    layers = keras.layers
    inputs = keras.Input(SIZE, name="clip")
    x = layers.Permute((2, 3, 1, 4))(inputs)
    x = layers.Reshape((16, 16, 12))(x)
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, 2, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(len(MOTIONS), "softmax", name="probabilities")(x)
    return keras.Model(inputs, x, name="small")


def test_a_fit_learns_motions_and_says_how_clips_are_made(task, tmp_path):
    record = fit.train(small_network, task, PLAIN, tmp_path)
    assert record["accuracy"] > 0.5  # chance is 0.17
    assert set(record["accuracy_by_class"]) == set(MOTIONS)
    saved = json.loads((tmp_path / "train.json").read_text())
    assert (tmp_path / "labels.txt").read_text().split() == list(MOTIONS)
    pixels = {"mean": [127.5], "std": [127.5], "colour": "RGB", "resize": "stretch"}
    assert signature_of(saved)["inputs"] == [{"kind": "tensor", "clip": {"frames": 4, "step": 0, **pixels}}]
    assert reader_options(saved) == {"step": 0}
