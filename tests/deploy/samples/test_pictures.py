"""Pictures with classes or without, through the device's preprocessing."""

import cv2
import numpy as np
import pytest

from edge.deploy.samples import CALIBRATION, VERIFICATION, open_samples
from edge.errors import FileError, InputError
from edge.tensors import Quantization
from tests.deploy.samples.network_info import COLOUR, GREY, everything, image, network, tensor

COLOURS = {"blue": (200, 0, 0), "green": (0, 150, 0), "red": (0, 0, 100)}
"""BGR."""


@pytest.fixture
def folder(tmp_path):
    for split, count in (("train", 2), ("test", 1)):
        for label, colour in COLOURS.items():
            place = tmp_path / "data" / split / label
            place.mkdir(parents=True)
            for number in range(count):
                cv2.imwrite(str(place / f"{number}.png"), np.full((8, 16, 3), colour, np.uint8))
    return tmp_path / "data"


def test_classes_are_truths_of_a_classifier_in_the_networks_order(folder):
    wanted = network(image((4, 6, 3)), labels=("red", "green", "blue"))
    samples = open_samples(folder, wanted, CALIBRATION, everything)
    assert samples.ids == tuple(f"train/{label}/{n}.png" for label in COLOURS for n in (0, 1))
    for sample in samples.read():
        label = sample.id.split("/")[1]
        blue, green, red = COLOURS[label]
        assert sample.truth == ("red", "green", "blue").index(label)
        (value,) = sample.inputs.values()
        assert (value.shape, value.dtype) == ((1, 4, 6, 3), np.float32)
        np.testing.assert_array_equal(value[0, 2, 3], [red, green, blue])
        assert (sample.placement.frame, sample.placement.input) == ((16, 8), (6, 4))


def test_each_sample_has_memory_of_its_own(folder):
    first, *_, last = open_samples(folder, network(image((4, 6, 3))), CALIBRATION, everything).read()
    assert not np.array_equal(first.inputs["image"], last.inputs["image"])


def test_verification_takes_the_test_part(folder):
    found = open_samples(folder, network(image((4, 6, 3))), VERIFICATION, everything)
    assert found.ids == tuple(f"test/{label}/0.png" for label in COLOURS)
    assert [sample.truth for sample in found.read()] == [0, 1, 2]  # without labels the set's own order


def test_for_another_task_classes_are_no_truth(folder):
    wanted = network(image((4, 6, 3)), task="detect", role="detections")
    assert {sample.truth for sample in open_samples(folder, wanted, CALIBRATION, everything).read()} == {None}


def test_what_a_choice_picks(folder):
    def first_of_each(classes):
        return np.unique(classes, return_index=True)[1]

    found = open_samples(folder, network(image((4, 6, 3))), CALIBRATION, first_of_each)
    assert found.ids == tuple(f"train/{label}/0.png" for label in COLOURS)


def test_a_damaged_picture_is_none(folder):
    path = folder / "train" / "green" / "0.png"
    path.write_bytes(path.read_bytes()[:50])
    found = list(open_samples(folder, network(image((4, 6, 3))), CALIBRATION, everything).read())
    assert [sample is None for sample in found] == [False, False, True, False, False, False]


def test_any_folder_of_pictures_has_no_truths(folder):
    found = open_samples(folder / "train" / "red", network(image((4, 6, 3))), CALIBRATION, everything)
    assert found.ids == ("0.png", "1.png")
    assert {sample.truth for sample in found.read()} == {None}


def test_a_quantized_input_gets_the_values_that_it_can_hold(folder):
    """A finished file's pixels, in steps of 2 from -128: what it will see, as real values."""
    wanted = network(image((4, 6, 1), GREY), quantization=Quantization(2.0, -128))
    for sample in open_samples(folder, wanted, VERIFICATION, everything).read():
        (value,) = sample.inputs.values()
        assert value.dtype == np.float32
        grey = np.rint(np.dot(COLOURS[sample.id.split("/")[1]], (0.114, 0.587, 0.299)))  # OpenCV's weights
        assert np.abs(value - grey).max() <= 1
        np.testing.assert_array_equal(value % 2, 0)


def test_a_class_that_the_network_lacks_is_refused(folder):
    with pytest.raises(InputError, match="'red' is not one of the model's labels: blue, green"):
        open_samples(folder, network(image((4, 6, 3)), labels=("blue", "green")), CALIBRATION, everything)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        pytest.param((image((4, 6, 3)), tensor((2,))), "holds no samples for image .*, x ", id="another input"),
        pytest.param((tensor((30, 40)),), "holds no samples for x ", id="no picture"),
    ],
)
def test_pictures_are_for_networks_of_one_picture(folder, entries, words):
    with pytest.raises(InputError, match=words) as caught:
        open_samples(folder, network(*entries), CALIBRATION, everything)
    assert "an .npz file with an array for each input" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_path_and_an_empty_folder_are_told_apart(tmp_path):
    with pytest.raises(FileError, match="none does not exist"):
        open_samples(tmp_path / "none", network(image((4, 6, 3))), CALIBRATION, everything)
    with pytest.raises(InputError, match="has no images"):
        open_samples(tmp_path, network(image((4, 6, 3), COLOUR)), CALIBRATION, everything)
