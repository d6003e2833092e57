"""ArcFace against its formula written out in numpy, and what it does to an embedding."""

import math

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError

need("tensorflow")

import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

from edge.models.heads.arcface import ArcFace, Cosines  # noqa: E402


def by_hand(cosines, classes, margin, scale):
    """Equation 3, one sample at a time; angles beyond pi - margin as the authors' code has them."""
    losses = []
    for row, true in zip(cosines.astype(np.float64), classes, strict=True):
        logits = row.copy()
        angle = math.acos(row[true])
        beyond = row[true] - margin * math.sin(margin)
        logits[true] = math.cos(angle + margin) if angle + margin < math.pi else beyond
        logits *= scale
        top = logits.max()
        losses.append(top + math.log(np.exp(logits - top).sum()) - logits[true])
    return np.array(losses)


@pytest.mark.parametrize(
    ("margin", "scale"),
    [
        pytest.param(0.5, 64.0, id="the paper's"),
        pytest.param(0.3, 30.0, id="smaller"),
        pytest.param(0.0, 1.0, id="no margin: plain softmax"),
    ],
)
def test_loss_is_the_papers(margin, scale):
    cosines = np.random.default_rng(0).uniform(-0.99, 0.99, (64, 6)).astype(np.float32)
    classes = np.arange(64) % 6
    cosines[0, 0], cosines[1, 1] = -0.98, 0.98  # one beyond pi - margin, one near its centre
    got = ArcFace(margin, scale, reduction="none")(np.eye(6, dtype=np.float32)[classes], cosines)
    # float32: 64 times the rounding of a cosine.
    np.testing.assert_allclose(got, by_hand(cosines, classes, margin, scale), rtol=1e-4, atol=1e-4)


def test_loss_of_one_sample_in_numbers():
    # cos(60 deg + 0.5 rad) = 0.5 * 0.877583 - 0.866025 * 0.479426 = 0.023597; times 10: 0.235966.
    # The other class: 10 * 0.1 = 1. Loss: log(1 + e^(1 - 0.235966)) = 1.146.
    got = ArcFace(0.5, 10.0)(np.array([[1.0, 0.0]], np.float32), np.array([[0.5, 0.1]], np.float32))
    assert float(got) == pytest.approx(math.log(1 + math.exp(1 - 0.235966)), rel=1e-4)


def test_gradient_is_finite_at_the_ends():
    cosines = tf.constant([[1.0, -1.0], [-1.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(cosines)
        loss = ArcFace()(tf.constant([[1.0, 0.0], [1.0, 0.0]]), cosines)
    assert np.isfinite(tape.gradient(loss, cosines)).all()


def test_cosines_know_no_length():
    layer = Cosines(3)
    x = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    got = layer(x).numpy()
    centres = layer.centres.numpy()
    expected = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (centres / np.linalg.norm(centres, axis=0))
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_allclose(layer(5 * x), got, atol=1e-6)


def test_embedding_groups_what_belongs_together():
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(4, 16))
    classes = np.arange(128) % 4
    x = (centres[classes] + 0.3 * rng.normal(size=(128, 16))).astype(np.float32)
    keras.utils.set_random_seed(3)
    embedding = keras.Sequential([keras.layers.Dense(8)])
    model = keras.Sequential([embedding, Cosines(4)])
    model.compile(keras.optimizers.Adam(0.01), ArcFace(), metrics=["accuracy"])
    history = model.fit(x, np.eye(4, dtype=np.float32)[classes], 32, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    vectors = embedding(x).numpy()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    same = classes[:, None] == classes
    cosines = vectors @ vectors.T
    assert cosines[same].min() > cosines[~same].max()


def test_comes_back_from_its_configuration():
    loss = ArcFace.from_config(ArcFace(0.4, 32.0).get_config())
    assert (loss.margin, loss.scale) == (0.4, 32.0)
    layer = keras.layers.deserialize(keras.layers.serialize(Cosines(7)))
    assert layer.classes == 7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda: ArcFace(margin=-0.1), "margin must be from 0 to below pi, got -0.1", id="margin"),
        pytest.param(lambda: ArcFace(scale=0), "scale must be above 0, got 0", id="scale"),
        pytest.param(lambda: Cosines(0), "classes must be at least 1, got 0", id="classes"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
