"""Learning rate schedules: warm-up, then a cosine to zero or a staircase."""

import math
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.models.training.settings import Settings


@keras.utils.register_keras_serializable("edge")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise from 0 to ``peak`` in ``warmup`` steps, then half a cosine down to 0 at ``steps``."""

    def __init__(self, peak: float, steps: int, warmup: int) -> None:
        self.peak, self.steps, self.warmup = peak, steps, warmup

    def __call__(self, step: Any) -> Any:
        step = tf.cast(step, tf.float32)
        rise = (step + 1.0) / max(1, self.warmup)
        progress = tf.clip_by_value((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        return self.peak * tf.minimum(tf.minimum(rise, 1.0), 0.5 * (1.0 + tf.cos(math.pi * progress)))

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps, "warmup": self.warmup}


@keras.utils.register_keras_serializable("edge")
class WarmupStep(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to ``peak`` in ``warmup`` steps, and a multiplication by ``factor`` after every ``every`` steps."""

    def __init__(self, peak: float, warmup: int, every: int, factor: float) -> None:
        self.peak, self.warmup, self.every, self.factor = peak, warmup, every, factor

    def __call__(self, step: Any) -> Any:
        step = tf.cast(step, tf.float32)
        rise = tf.minimum((step + 1.0) / max(1, self.warmup), 1.0)
        return self.peak * rise * self.factor ** tf.floor(step / self.every)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup": self.warmup, "every": self.every, "factor": self.factor}


def schedule(settings: Settings, steps_per_epoch: int) -> Any:
    """Return the learning rate schedule of the settings."""
    warmup = round(settings.warmup * steps_per_epoch)
    if settings.schedule == "cosine":
        return WarmupCosine(settings.learning_rate, settings.epochs * steps_per_epoch, warmup)
    every = settings.step_epochs * steps_per_epoch
    return WarmupStep(settings.learning_rate, warmup, every, settings.step_factor)


def optimizer(settings: Settings, steps_per_epoch: int, model: Any) -> Any:
    """Return the optimizer of the settings. Biases and parameters of batch normalizations have no weight decay."""
    rate = schedule(settings, steps_per_epoch)
    decay = settings.weight_decay or None
    if settings.optimizer == "sgd":
        # As in AdamW, Keras' weight decay is decoupled from the momentum and scaled by the learning rate.
        made = keras.optimizers.SGD(rate, settings.momentum, nesterov=settings.momentum > 0, weight_decay=decay)
    elif settings.optimizer == "adam":
        made = keras.optimizers.Adam(rate, weight_decay=decay)
    else:
        made = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    if decay:
        made.exclude_from_weight_decay(var_list=[w for w in model.trainable_weights if len(w.shape) == 1])
    return made
