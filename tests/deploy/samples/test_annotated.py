"""Boxes, masks and keypoints as truths, in the pixels of the picture, in the network's numbering."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.deploy.samples import CALIBRATION, VERIFICATION, open_samples
from edge.errors import InputError
from edge.scenes.keypoint_set import write_keypoints
from edge.signature import TaskSpec
from tests.deploy.samples.network_info import GREY, everything, image, network

VOC = """<annotation><size><width>60</width><height>40</height></size>
<object><name>dog</name><bndbox><xmin>11</xmin><ymin>5</ymin><xmax>30</xmax><ymax>24</ymax></bndbox></object>
<object><name>cat</name><difficult>1</difficult>
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>60</xmax><ymax>40</ymax></bndbox></object></annotation>"""


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / "voc"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for stem in ("a", "b", "c"):
        cv2.imwrite(str(root / "JPEGImages" / f"{stem}.png"), np.full((40, 60, 3), 7, np.uint8))
        (root / "Annotations" / f"{stem}.xml").write_text(VOC)
    (root / "ImageSets" / "Main" / "train.txt").write_text("a\nb\n")
    (root / "ImageSets" / "Main" / "test.txt").write_text("c\n")
    return root


def detector(**choices):
    return network(image((20, 20, 3)), task="detect", role="detections", **choices)


def test_boxes_are_x_first_in_the_pictures_pixels(voc):
    (sample,) = open_samples(voc, detector(labels=("dog", "fox", "cat")), VERIFICATION, everything).read()
    assert sample.id == "c"
    # VOC counts pixels from 1, the last ones in.
    np.testing.assert_array_equal(sample.truth.boxes, [[10, 4, 30, 24], [0, 0, 60, 40]])
    assert sample.truth.classes.tolist() == [0, 2]
    assert sample.truth.difficult.tolist() == [False, True]
    assert (sample.placement.frame, sample.placement.input) == ((60, 40), (20, 20))


def test_calibration_takes_the_sets_to_train_on(voc):
    assert open_samples(voc, detector(), CALIBRATION, everything).ids == ("a", "b")


def test_a_class_that_the_detector_lacks_is_refused(voc):
    with pytest.raises(InputError, match="'cat' is not one of the model's labels"):
        open_samples(voc, detector(labels=("dog", "fox")), VERIFICATION, everything)


def test_boxes_that_do_not_fit_their_picture_are_refused(voc):
    cv2.imwrite(str(voc / "JPEGImages" / "c.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match="is for a picture of 60x40, the picture has 20x20"):
        list(open_samples(voc, detector(), VERIFICATION, everything).read())


@pytest.fixture
def masks(tmp_path):
    """Two pictures of 24 rows and 20 columns whose grey is 10 times the class, which is the column's fifth."""
    mask = np.tile(np.arange(20, dtype=np.uint8) // 10, (24, 1))
    for split in ("train", "test"):
        for side, content in (("images", 10 * mask), ("masks", mask)):
            (tmp_path / "data" / split / side).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / "data" / split / side / "0.png"), content)
    (tmp_path / "data" / "labels.txt").write_text("left\nright\n")
    return tmp_path / "data"


def segmenter(form=GREY, **choices):
    return network(image((8, 8, 1), form), task="segment", role="mask", shape=(1, 8, 8, 2), **choices)


def test_masks_have_the_pictures_size_and_the_networks_numbers(masks):
    (sample,) = open_samples(masks, segmenter(labels=("right", "left")), VERIFICATION, everything).read()
    assert sample.truth.shape == (24, 20)
    assert (sample.truth[:, :10] == 1).all()
    assert (sample.truth[:, 10:] == 0).all()
    assert (sample.placement.frame, sample.placement.input) == ((20, 24), (8, 8))


def test_what_is_ignored_in_a_mask_stays_ignored(masks):
    path = masks / "test" / "masks" / "0.png"
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    mask[:3] = 255
    cv2.imwrite(str(path), mask)
    (sample,) = open_samples(masks, segmenter(labels=("right", "left")), VERIFICATION, everything).read()
    assert (sample.truth[:3] == 255).all()
    assert set(np.unique(sample.truth[3:])) == {0, 1}


def test_a_network_that_runs_on_tiles_is_verified_on_windows(masks):
    samples = list(open_samples(masks, segmenter(replace(GREY, resize="tile")), VERIFICATION, everything).read())
    # 24 rows in three windows of 8, 20 columns in three, the last two overlapping.
    assert [sample.id for sample in samples] == [
        f"test/images/0.png[{y},{x}]" for y in (0, 8, 16) for x in (0, 6, 12)
    ]  # fmt: skip
    for sample in samples:
        assert sample.placement.frame == sample.placement.input == (8, 8)
        np.testing.assert_array_equal(sample.inputs["image"][0, :, :, 0], 10.0 * sample.truth)
    np.testing.assert_array_equal(samples[1].truth[0], [0, 0, 0, 0, 1, 1, 1, 1])


def test_keypoints_are_in_the_pictures_pixels(tmp_path):
    write_keypoints(tmp_path / "data", train=2, test=1, size=32)
    wanted = network(image((16, 8, 3)), task="keypoints", role="heatmaps")
    (sample,) = open_samples(tmp_path / "data", wanted, VERIFICATION, everything).read()
    assert sample.truth.shape == (5, 3)
    assert set(sample.truth[:, 2]) <= {0.0, 1.0}
    assert sample.truth[:, :2].max() > 8  # beyond the input's width: they are the picture's
    assert sample.placement.frame == (32, 32)


def test_other_keypoints_are_refused(tmp_path):
    write_keypoints(tmp_path / "data", train=2, test=1, size=32)
    wanted = network(image((16, 8, 3)), task="keypoints", role="heatmaps")
    names = {"names": ["nose", "tail"]}
    other = replace(wanted, signature=replace(wanted.signature, task=TaskSpec("keypoints", "heatmaps", names)))
    with pytest.raises(InputError, match="must have the network's keypoints, nose, tail; it has "):
        open_samples(tmp_path / "data", other, VERIFICATION, everything)
