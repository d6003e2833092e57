"""Learning rates, worked out by hand."""

import math

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.models.training.settings import Settings

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.models.training.schedules import WarmupCosine, WarmupStep, optimizer, schedule  # noqa: E402


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        pytest.param(0, 0.1, id="first of ten warm-up steps"),
        pytest.param(4, 0.5, id="half of the warm-up"),
        pytest.param(9, 1.0, id="top"),
        pytest.param(10, 1.0, id="the cosine starts"),
        pytest.param(60, 0.5, id="half of the cosine"),
        pytest.param(35, 0.5 * (1 + math.cos(math.pi / 4)), id="a quarter of it"),
        pytest.param(110, 0.0, id="end"),
        pytest.param(500, 0.0, id="after the end"),
    ],
)
def test_warm_up_then_cosine(step, rate):
    assert float(WarmupCosine(peak=1.0, steps=110, warmup=10)(step)) == pytest.approx(rate, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        pytest.param(0, 0.5, id="first of two warm-up steps"),
        pytest.param(1, 1.0, id="top"),
        pytest.param(9, 1.0, id="before the first stair"),
        pytest.param(10, 0.1, id="first stair"),
        pytest.param(29, 0.01, id="before the third"),
        pytest.param(30, 0.001, id="third stair"),
    ],
)
def test_warm_up_then_stairs(step, rate):
    assert float(WarmupStep(peak=1.0, warmup=2, every=10, factor=0.1)(step)) == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize("made", [WarmupCosine(0.3, 50, 5), WarmupStep(0.3, 5, 20, 0.5)])
def test_schedules_come_back_from_their_configuration(made):
    schedules = keras.optimizers.schedules
    again = schedules.deserialize(schedules.serialize(made))
    assert [float(again(step)) for step in range(0, 60, 7)] == [float(made(step)) for step in range(0, 60, 7)]


def test_settings_count_in_epochs():
    cosine = schedule(Settings(epochs=10, learning_rate=0.2, warmup=1.5), steps_per_epoch=8)
    assert (cosine.peak, cosine.steps, cosine.warmup) == (0.2, 80, 12)
    stairs = schedule(Settings(schedule="step", step_epochs=3, step_factor=0.2, warmup=0), steps_per_epoch=8)
    assert (stairs.warmup, stairs.every, stairs.factor) == (0, 24, 0.2)
    assert float(stairs(0)) == pytest.approx(0.1)


def one_dense():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, bias_initializer="ones")])


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_weight_decay_leaves_biases_alone(name):
    model = one_dense()
    settings = Settings(epochs=1, optimizer=name, learning_rate=0.5, weight_decay=0.1, warmup=0, schedule="step")
    made = optimizer(settings, 10, model)
    kernel, bias = (w.numpy() for w in model.trainable_weights)
    made.apply_gradients((tf.zeros_like(w), w) for w in model.trainable_weights)
    # Decoupled: the kernel shrinks by rate * decay, also without a gradient.
    np.testing.assert_allclose(model.trainable_weights[0], kernel * (1 - 0.5 * 0.1), rtol=1e-5)
    np.testing.assert_array_equal(model.trainable_weights[1], bias)


def test_sgd_with_momentum_is_nesterov():
    model = one_dense()
    settings = Settings(
        epochs=1, learning_rate=0.1, momentum=0.9, weight_decay=0, warmup=0, schedule="step", step_epochs=9
    )
    made = optimizer(settings, 10, model)
    start = model.trainable_weights[1].numpy()
    for _ in range(2):
        made.apply_gradients((tf.ones_like(w), w) for w in model.trainable_weights)
    # v1 = -0.1, x1 = 0.9 v1 - 0.1 = -0.19; v2 = 0.9 v1 - 0.1 = -0.19, x2 = x1 + 0.9 v2 - 0.1 = -0.461
    np.testing.assert_allclose(model.trainable_weights[1], start - 0.461, rtol=1e-5)
