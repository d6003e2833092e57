"""The checks that several readers share."""

import pytest

from edge.errors import InputError
from edge.models.training.reader_checks import check_image_shape, check_no_cutout_or_mixup
from edge.models.training.settings import Augmentation


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 2), (4, 8, 8, 3)])
def test_an_image_has_three_axes_and_one_or_three_channels(shape):
    check_image_shape((8, 8, 1))
    check_image_shape((8, 8, 3))
    with pytest.raises(InputError, match=r"images have the shape \(height, width, 1 or 3\)"):
        check_image_shape(shape)


@pytest.mark.parametrize(
    ("augmentation", "name"), [(Augmentation(cutout=4), "cutout"), (Augmentation(mixup=0.2), "mixup")]
)
def test_cutout_and_mixup_are_refused(augmentation, name):
    check_no_cutout_or_mixup(Augmentation(), "boxes")
    with pytest.raises(InputError, match=f"{name} is for the classification of images and must be 0 for boxes, got"):
        check_no_cutout_or_mixup(augmentation, "boxes")
