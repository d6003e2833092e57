import json

import pytest

from edge.errors import InputError
from edge.models.training.settings import Augmentation, Settings


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"step_epochs": 0}, "step_epochs must be at least 1"),
        ({"learning_rate": -0.1}, "learning_rate must be at least 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be at least 0, got nan"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"weight_decay": -1}, "weight_decay must be at least 0"),
        ({"momentum": 1.0}, "momentum must be from 0 to below 1"),
        ({"momentum": -0.5}, "momentum must be from 0 to below 1"),
        ({"step_factor": 0.0}, "step_factor must be above 0 and at most 1"),
        ({"patience": -1}, "patience must be at least 0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be from 0 to below 1, got 1.0"),
        ({"holdout": 1.0}, "holdout must be from 0 to below 1"),
        ({"holdout": -0.1}, "holdout must be from 0 to below 1"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_values_that_do_not_fit_are_refused(choice, words):
    with pytest.raises(InputError, match=words):
        Settings(**choice)


@pytest.mark.parametrize("name", ["crop", "jitter", "cutout", "mixup"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_augmentation_is_never_negative(name, value):
    with pytest.raises(InputError, match=f"{name} must be 0 or more"):
        Augmentation(**{name: value})


def test_the_record_is_json():
    settings = Settings(augmentation=Augmentation(jitter=0.2))
    content = json.loads(json.dumps(settings.as_json()))
    assert content["augmentation"]["jitter"] == 0.2
    assert content["optimizer"] == "sgd"
