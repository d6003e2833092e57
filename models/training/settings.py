"""Every choice of one training run, as one frozen value that is saved with what it made."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from edge.errors import InputError

OptimizerName = Literal["sgd", "adam", "adamw"]
ScheduleName = Literal["cosine", "step"]
StrategyName = Literal["auto", "one", "mirrored", "multiworker"]


@dataclass(frozen=True)
class Augmentation:
    """What each training image goes through. flip: mirror left-right half of the time.

    crop: shift by up to this many pixels in each direction, edges repeated. jitter: brightness, contrast and
    saturation change by up to this fraction. cutout: side in pixels of one grey square, 0 for none.
    mixup: alpha of the Beta distribution (https://arxiv.org/abs/1710.09412), 0 for none.
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
    """One run. learning_rate: at the top of the schedule, after ``warmup`` epochs.

    weight_decay: decoupled (times the learning rate, apart from the momentum), never on BN and biases; with
    momentum 0.9 it is worth a tenth of the same number as an L2 penalty.
    patience: epochs without a better validation accuracy before stopping, 0 for never.
    holdout: fraction of the training images set apart for validation; with neither it nor a validation
    folder the test images are only reported on, and the last epoch's weights are kept.
    average: share of the starting weights in the result, see ``edge.models.training.averaging``; 0 for none.
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
        """Return the form that run records hold."""
        return asdict(self)


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:  # not a number included
        raise InputError(f"{name} must be at least {least}, got {value}")
