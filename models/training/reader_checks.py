"""The checks that the readers of several dataset tasks make before they read any data."""

from edge.errors import InputError
from edge.models.training.settings import Augmentation


def check_image_shape(input_shape: tuple[int, ...]) -> None:
    """Raise InputError unless ``input_shape`` is (height, width, channels) with 1 or 3 channels."""
    if len(input_shape) != 3 or input_shape[2] not in (1, 3):
        raise InputError(f"images have the shape (height, width, 1 or 3), got input_shape {input_shape}")


def check_no_cutout_or_mixup(augmentation: Augmentation, samples: str) -> None:
    """Raise InputError when cutout or mixup is set. Both change images that have one class each.

    Args:
        augmentation: the augmentation of the run.
        samples: what the task trains on, for the error message.
    """
    for name in ("cutout", "mixup"):
        if value := getattr(augmentation, name):
            raise InputError(f"{name} is for the classification of images and must be 0 for {samples}, got {value}")
