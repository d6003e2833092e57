"""The settings of a training run, as one frozen value that is saved with its results."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from edge.errors import InputError

OptimizerName = Literal["sgd", "adam", "adamw"]
ScheduleName = Literal["cosine", "step"]
StrategyName = Literal["auto", "one", "mirrored", "multiworker"]


@dataclass(frozen=True)
class Augmentation:
    """What each training image goes through.

    Attributes:
        flip: whether half of the images are mirrored.
        crop: largest shift in each direction, in pixels. The edge is repeated.
        jitter: largest change of brightness, contrast and saturation, as a fraction.
        cutout: side of a grey square, in pixels; 0 for none.
        mixup: alpha of the Beta distribution (https://arxiv.org/abs/1710.09412); 0 for none.
    """

    flip: bool = True
    crop: int = 4
    jitter: float = 0.0
    cutout: int = 0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("crop", "jitter", "cutout", "mixup"):
            if not getattr(self, name) >= 0:  # not a number included
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name)}")


@dataclass(frozen=True)
class Settings:
    """The settings of one run.

    Attributes:
        epochs: number of epochs.
        batch: samples in a batch.
        optimizer: the optimizer.
        learning_rate: the highest learning rate, after ``warmup`` epochs.
        momentum: of SGD.
        weight_decay: decoupled weight decay, which is multiplied by the learning rate and kept apart from the momentum.
            Batch normalizations and biases have none. With momentum 0.9 it acts like an L2 penalty of a tenth of it.
        schedule: the learning rate schedule.
        warmup: epochs of the rise to ``learning_rate``.
        step_epochs: epochs from one step of the schedule "step" to the next.
        step_factor: what such a step multiplies the learning rate by.
        label_smoothing: share of each target that is spread over all classes.
        augmentation: what each training image goes through.
        patience: epochs without a better monitored metric before the training stops; 0 for never.
        holdout: fraction of the training samples that is set apart for validation. Without it and without a validation
            folder, the test samples are only reported on, and the weights of the last epoch are kept.
        average: share of the starting weights in the result, see ``edge.models.training.averaging``; 0 for none.
        mixed_precision: whether layers compute in 16 bits.
        strategy: how the training is distributed over devices.
        seed: seed of weights, order and augmentation.
    """

    epochs: int = 30
    batch: int = 128
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 2e-3
    schedule: ScheduleName = "cosine"
    warmup: float = 2.0
    step_epochs: int = 10
    step_factor: float = 0.1
    label_smoothing: float = 0.1
    augmentation: Augmentation = Augmentation()
    patience: int = 0
    holdout: float = 0.0
    average: float = 0.0
    mixed_precision: bool = False
    strategy: StrategyName = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        _at_least("epochs", self.epochs, 1)
        _at_least("batch", self.batch, 1)
        _at_least("step_epochs", self.step_epochs, 1)
        for name in ("learning_rate", "warmup", "weight_decay", "patience", "seed"):
            _at_least(name, getattr(self, name), 0)
        for name in ("momentum", "label_smoothing", "holdout", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must be from 0 to below 1, got {getattr(self, name)}")
        if not 0 < self.step_factor <= 1:
            raise InputError(f"step_factor must be above 0 and at most 1, got {self.step_factor}")

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that run records hold."""
        return asdict(self)


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:  # not a number included
        raise InputError(f"{name} must be at least {least}, got {value}")
