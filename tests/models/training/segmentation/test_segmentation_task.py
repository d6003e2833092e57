"""Segmentation: data sets of masks, windows, Dice and IoU by hand, and the task that they make for the fit."""

import json
import zipfile

import cv2
import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import FileError, InputError
from edge.models.training.segmentation import windows
from edge.models.training.segmentation.mask_folder import decoded, open_masks
from edge.models.training.settings import Augmentation, Settings
from edge.tasks import pixel_counts
from tests.shared import needs_shared, shared

need("tensorflow")

import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

from edge.models.training import fit  # noqa: E402
from edge.models.training.segmentation import segmentation_loss, segmentation_task  # noqa: E402

PLAIN = Settings(
    epochs=2, batch=2, optimizer="adam", learning_rate=0.05, warmup=0, augmentation=Augmentation(flip=False, crop=0)
)


def png(array):
    return cv2.imencode(".png", array)[1].tobytes()


def scene(seed, shape=(24, 32)):
    """Return a noisy grey image with one bright rectangle, and where it is."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    y, x = rng.integers(2, 8, 2)
    mask[y : y + 12, x : x + 16] = 255
    return np.where(mask > 0, 200, 50).astype(np.uint8) + rng.integers(0, 40, shape).astype(np.uint8), mask


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def pairs(count, folder="", masks="label", values=None):
    files = {}
    for number in range(count):
        image, mask = scene(number)
        files[f"{folder}image/{number}.png"] = png(image)
        files[f"{folder}{masks}/{number}.png"] = png(mask if values is None else values(mask))
    return files


@pytest.fixture
def root(tmp_path):
    return write(tmp_path / "cells", pairs(12))


# Data sets


def names(part):
    return [pair.name for pair in part]


def test_the_last_fifth_is_held_out_numbers_as_numbers(root):
    data = open_masks(root, 1)
    assert names(data.splits["train"]) == [f"image/{n}.png" for n in range(10)]
    assert names(data.splits["test"]) == ["image/10.png", "image/11.png"]
    assert data.labels == ("background", "foreground")


def test_pairs_are_images_with_their_masks(root):
    for pair in open_masks(root, 1).splits["train"]:
        image, mask = decoded(pair, 1)
        expected_image, expected_mask = scene(int(pair.name.split("/")[1].split(".")[0]))
        np.testing.assert_array_equal(image[..., 0], expected_image)
        np.testing.assert_array_equal(mask, expected_mask)
        assert pair.shape == (24, 32)


def test_splits_stand_above_or_below_and_in_a_zip(tmp_path):
    files = {f"set/train/{k}": v for k, v in pairs(3).items()}
    files |= {f"set/{side}s/test/5.png": v for side, v in zip(("image", "label"), pairs(1).values(), strict=True)}
    files |= {f"set/val/{k}": v for k, v in pairs(1).items()}
    files |= {"set/train/image/.ipynb_checkpoints/0.png": b"", "__MACOSX/set/train/image/._0.png": b"", "a.png": b""}
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    found = open_masks(archive, 3).splits
    assert {split: names(part) for split, part in found.items()} == {
        "train": ["set/train/image/0.png", "set/train/image/1.png", "set/train/image/2.png"],
        "test": ["set/images/test/5.png"],
        "validation": ["set/val/image/0.png"],
    }
    assert decoded(found["test"][0], 3)[0].shape == (24, 32, 3)


def test_a_validation_split_is_reported_on_when_there_is_no_test_split(tmp_path):
    files = {**pairs(2, "train/"), **pairs(2, "validation/")}
    data = open_masks(write(tmp_path, files), 1)
    assert data.splits["test"] == data.splits["validation"]


@pytest.mark.parametrize(
    ("values", "labels", "expected", "classes"),
    [
        (lambda m: m, None, ("background", "foreground"), {0: 0, 255: 1}),
        (lambda m: m // 255, None, ("background", "foreground"), {0: 0, 1: 1, 255: 255}),
        (lambda m: np.repeat((m // 255)[..., None], 3, -1), None, ("background", "foreground"), {0: 0, 1: 1}),
        (lambda m: np.where(m > 0, 2, np.arange(32) % 2), None, ("class 0", "class 1", "class 2"), {2: 2, 3: 255}),
        (lambda m: np.where(m > 0, 255, np.arange(32) % 2), None, ("background", "foreground"), {1: 1, 255: 255}),
        (lambda m: m, "wall\ncell\n", ("wall", "cell"), {0: 0, 255: 1}),
        (lambda m: m // 128 * 2, "sky\n\nroad\ncar\n", ("sky", "road", "car"), {0: 0, 1: 1, 2: 2, 3: 255}),
    ],
)
def test_mask_values_become_classes(tmp_path, values, labels, expected, classes):
    files = pairs(2, values=lambda m: values(m).astype(np.uint8))
    if labels:
        files["labels.txt"] = labels.encode()
    data = open_masks(write(tmp_path, files), 1)
    assert data.labels == expected
    assert {value: int(data.classes[value]) for value in classes} == classes


def without(name):
    return lambda files: files.pop(name)


def changed(name, content):
    return lambda files: files.update({name: content})


GREY = np.zeros((24, 32), np.uint8)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (without("label/1.png"), InputError, "image image/1.png must have a mask of the same name, got none"),
        (without("image/1.png"), InputError, "mask label/1.png must have an image of the same name, got none"),
        (changed("image/1.jpg", b""), InputError, "one image a name, got image/1.jpg and image/1.png"),
        (changed("label/1.png", b"\x89PNG"), FileError, "mask label/1.png cannot be decoded; .* got 4 bytes"),
        (changed("image/1.png", b""), FileError, "image image/1.png cannot be decoded; .* got 0 bytes"),
        (changed("image/1.png", b"text"), FileError, "image image/1.png cannot be decoded"),
        (
            changed("label/1.png", png(GREY[:, :-2])),
            InputError,
            "mask label/1.png must have its image's size, expected 32x24, got 30x24",
        ),
        (
            changed("label/1.png", png(GREY.astype(np.uint16))),
            InputError,
            "mask label/1.png must be grey, 8 bits a pixel, got 16 bits",
        ),
        (
            changed("label/1.png", png(np.dstack([GREY, GREY, GREY + 1]))),
            InputError,
            "mask label/1.png must be grey, 8 bits a pixel, got colours",
        ),
        (changed("label/1.png", png(GREY + 7)), InputError, "mask values must be 0 and 255, or .* got 7 in label/1"),
        (changed("labels.txt", b"one\n"), InputError, "labels.txt must have 2 to 255 lines, one a class, got 1"),
        (changed("labels.txt", b"a\nb\nc\n"), None, ""),
    ],
)
def test_says_which_file_is_wrong(tmp_path, damage, error, message):
    files = pairs(3)
    damage(files)
    write(tmp_path, files)
    if error is None:
        assert len(open_masks(tmp_path, 1).labels) == 3
        return
    with pytest.raises(error, match=message):
        open_masks(tmp_path, 1)


def test_says_what_a_data_set_must_have(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        open_masks(tmp_path / "none", 1)
    write(tmp_path, {"train/cat/0.png": png(GREY)})
    with pytest.raises(InputError, match="masks in mask/, masks/, label/ or labels/, got 0 images and 0 masks"):
        open_masks(tmp_path, 1)
    write(tmp_path / "one", pairs(1))
    with pytest.raises(InputError, match="at least 2 images to hold one out, got 1"):
        open_masks(tmp_path / "one", 1)
    write(tmp_path / "tests", pairs(1, "test/"))
    with pytest.raises(InputError, match="must have images to train on, got only test"):
        open_masks(tmp_path / "tests", 1)


# Windows


def test_a_grid_covers_and_ends_with_the_image():
    assert list(windows.grid((10, 4), 4, 4)) == [(0, 0), (3, 0), (6, 0)]
    assert list(windows.grid((4, 8), 4, 4)) == [(0, 0), (0, 4)]
    assert list(windows.grid((4, 8), 4, 4, overlap=0.5)) == [(0, 0), (0, 2), (0, 4)]
    assert list(windows.grid((2, 3), 4, 4)) == [(0, 0)]


def test_padding_mirrors_outwards():
    sample = np.array([[1, 2], [3, 4]], np.uint8)[..., None], np.array([[1, 2], [3, 4]], np.uint8)
    image, mask = windows.padded(sample, 3, 2, border=0)
    np.testing.assert_array_equal(mask, [[1, 2], [3, 4], [3, 4]])
    np.testing.assert_array_equal(image[..., 0], mask)
    assert windows.padded(sample, 2, 2, border=1)[1].tolist()[0] == [1, 1, 2, 2]


@pytest.mark.parametrize("shape", [(16, 16), (16, 24)])
def test_the_mask_goes_where_the_image_goes(shape):
    values = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    seen = set()
    for seed in range(64):
        image, mask = windows.augment(
            (values[..., None], values), Augmentation(), True, 0.0, np.random.default_rng(seed)
        )
        np.testing.assert_array_equal(image[..., 0], mask)
        assert mask.shape == shape
        seen.add(mask.tobytes())
    assert len(seen) == (8 if shape[0] == shape[1] else 4)


def test_bending_moves_both_alike_and_stays_inside():
    mask = np.kron(np.eye(4, dtype=np.uint8), np.full((16, 16), 255, np.uint8))
    image, bent = windows.deform((mask[..., None], mask), 3.0, np.random.default_rng(1))
    assert (bent != mask).mean() > 0.02
    assert set(np.unique(bent)) == {0, 255}
    # Away from edges the interpolated image is one of the two values too.
    assert ((image[..., 0] > 127) == (bent > 127)).mean() > 0.98


def test_jitter_scales_brightness_then_contrast():
    image = np.array([[40, 80]], np.uint8)[..., None]
    rng = np.random.default_rng(5)
    brightness, contrast = np.random.default_rng(5).uniform(0.5, 1.5, 2)
    expected = 60 * brightness + np.array([-20, 20]) * brightness * contrast
    np.testing.assert_allclose(windows.jitter(image, 0.5, rng)[0, :, 0], expected, atol=0.51)  # whole numbers
    assert windows.jitter(image, 0.0, rng) is image


# Overlap

TRUE = np.array([[0, 0, 1, 1], [0, 2, 1, 255]])
FOUND = np.array([[0, 1, 1, 1], [0, 1, 0, 1]])


def one_hot(classes, count=3):
    return tf.one_hot(classes[None], count).numpy()


@pytest.mark.parametrize("name", ["dice", "iou"])
def test_the_metric_agrees_with_the_counts_over_batches(name):
    rng = np.random.default_rng(0)
    metric = segmentation_loss.ForegroundOverlap(name, 4)
    metric.update_state(one_hot(TRUE, 4), one_hot(FOUND, 4))
    metric.reset_state()
    counts = None
    for _ in range(3):
        true, found = rng.choice([0, 1, 2, 255], (5, 6)), rng.integers(0, 3, (5, 6))
        metric.update_state(one_hot(true, 4), one_hot(found, 4))
        here = pixel_counts.count(found, true, 4)
        counts = counts + here if counts else here
    expected = counts.dice() if name == "dice" else counts.iou()
    assert float(metric.result()) == pytest.approx(pixel_counts.foreground(expected))


def test_the_loss_by_hand():
    true = one_hot(np.array([[0, 1, 255]]), 2)
    p = np.array([[[[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]]]], np.float32)
    # Smoothed by one pixel: 2 * 0.8 + 1 over 1 + 1.2 + 1, and 2 * 0.6 + 1 over 1 + 0.8 + 1.
    dice = 1 - ((1.6 + 1) / 3.2 + (1.2 + 1) / 2.8) / 2
    assert segmentation_loss.DiceLoss("dice")(true, p).numpy() == pytest.approx(dice, abs=1e-6)
    cross = -(np.log(0.8) + np.log(0.6)) / 2
    assert segmentation_loss.DiceLoss()(true, p).numpy() == pytest.approx(dice + cross, abs=1e-6)
    smooth = -(0.9 * np.log(0.8) + 0.1 * np.log(0.2) + 0.9 * np.log(0.6) + 0.1 * np.log(0.4)) / 2
    assert segmentation_loss.DiceLoss(label_smoothing=0.2)(true, p).numpy() == pytest.approx(dice + smooth, abs=1e-6)


def test_a_perfect_mask_has_no_loss():
    true = one_hot(np.array([[0, 0], [1, 1]]), 3)
    assert segmentation_loss.DiceLoss("dice")(true, true).numpy() == pytest.approx(0, abs=1e-6)


# The task


def threshold(shape):
    """A network that sees what is bright: probabilities from the pixel, 1x1."""
    model = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(2, 1), keras.layers.Softmax()])
    model.layers[0].set_weights([np.array([[[[0.0, 50.0]]]], np.float32), np.zeros(2, np.float32)])
    return model


@pytest.mark.parametrize(
    ("view", "size"), [("crop", (16, 16)), ("crop", (24, 32)), ("crop", (32, 48)), ("resize", (24, 32))]
)
def test_reports_whole_images_whatever_the_network_sees(root, tmp_path, view, size):
    task = segmentation_task.load(root, (*size, 1), PLAIN, view=view)
    out = tmp_path / "out"
    record = task.report(threshold((*size, 1)), out)
    assert next(iter(record)) == task.metric == "dice"
    assert record["dice"] == record["iou"] == record["pixel_accuracy"] == 1
    assert record["by_class"]["background"] == {"dice": 1, "iou": 1}
    picture = cv2.imread(str(out / segmentation_task.PICTURE))
    assert picture.shape == (2 * 24, 3 * 32, 3)
    image, mask = scene(10)
    np.testing.assert_array_equal(picture[:24, :32, 0], image)
    np.testing.assert_array_equal(picture[:24, 32:64, 0], mask)
    np.testing.assert_array_equal(picture[:24, 64:, 0], mask)


def test_each_class_has_a_colour_of_its_own(tmp_path):
    image, mask = np.zeros((1, 5, 1), np.uint8), np.array([[0, 1, 2, 3, 255]], np.uint8)
    segmentation_task._write_picture([(image, mask, mask)], 4, tmp_path / "seen.png")
    colours = cv2.imread(str(tmp_path / "seen.png"))[0, 5:10].tolist()
    assert (colours[0], colours[-1]) == ([0] * 3, [128] * 3)
    assert len(set(map(tuple, colours))) == 5


def test_a_resized_network_is_judged_at_the_images_own_size(root, tmp_path):
    task = segmentation_task.load(root, (12, 16, 1), PLAIN)
    record = task.report(threshold((12, 16, 1)), tmp_path)
    assert 0.9 < record["dice"] < 1  # half the resolution cannot follow odd edges


@pytest.mark.parametrize("view", ["crop", "resize"])
def test_batches_are_windows_with_one_hot_targets(root, view):
    settings = Settings(batch=4, augmentation=Augmentation(crop=3, jitter=0.1))
    task = segmentation_task.load(root, (16, 16, 1), settings, view=view, turns=True, elastic=1.0)
    assert task.count == (40 if view == "crop" else 10)
    first = list(task.training_batches(settings, 7).take(12))
    again = list(task.training_batches(settings, 7).take(12))
    other = next(iter(task.training_batches(settings, 8)))
    for (x, y), (x2, y2) in zip(first, again, strict=True):
        assert x.shape == (4, 16, 16, 1)
        assert y.shape == (4, 16, 16, 2)
        assert x.dtype == y.dtype == tf.float32
        assert set(np.unique(y)) == {0, 1}
        np.testing.assert_array_equal(np.sum(y, -1), 1)
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
        # What is bright is the rectangle: image and mask went through the same. Its edge may fall to either side.
        assert ((x[..., 0] > 0) == (y[..., 1] > 0.5)).numpy().mean() > 0.9
    assert not np.array_equal(other[0], first[0][0])


def test_ignored_pixels_have_no_target(tmp_path):
    files = pairs(2, values=lambda m: np.where(m > 0, 255, np.arange(32) % 2).astype(np.uint8))
    task = segmentation_task.load(write(tmp_path, files), (24, 32, 1), PLAIN)
    (x, y), *_ = task.monitor_batches(PLAIN)
    _, mask = scene(1)
    np.testing.assert_array_equal(np.sum(y[0], -1), mask == 0)
    assert x.shape == (1, 24, 32, 1)


def test_monitored_windows_cover_the_held_out_images(root):
    task = segmentation_task.load(root, (16, 16, 1), PLAIN, view="crop")
    batches = list(task.monitor_batches(PLAIN))
    assert sum(len(x) for x, _ in batches) == 2 * 4
    assert sum(len(x) for x in task.inputs(3, 8, seed=0)) == 8
    x = next(task.inputs(3, 8, seed=0))
    assert x.dtype == np.float32
    assert -1 <= x.min() < x.max() <= 1


def test_holds_training_images_out_to_monitor(root):
    settings = Settings(holdout=0.3)
    task = segmentation_task.load(root, (16, 16, 1), settings)
    assert (len(task.train), len(task.monitor), len(task.report_on)) == (7, 3, 2)
    assert not set(task.train) & set(task.monitor)


def test_fits_and_writes_its_record(root, tmp_path, capsys):
    task = segmentation_task.load(root, (16, 16, 1), PLAIN, view="crop")

    def make():
        return keras.Sequential(
            [
                keras.Input((16, 16, 1)),
                keras.layers.Conv2D(2, 1),
                keras.layers.Activation("softmax", dtype="float32"),
            ],
            name="small",
        )

    record = fit.train(make, task, PLAIN, tmp_path)
    assert record["dice"] > 0.95
    saved = json.loads((tmp_path / fit.RECORD).read_text())
    assert saved["images"] == {"train": 10, "report": 2}
    assert saved["reported"] == ["image/10.png", "image/11.png"]
    assert saved["view"] == "crop"
    assert "val_dice" in (tmp_path / fit.HISTORY).read_text()
    assert "dice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shape", "settings", "options", "message"),
    [
        ((16, 16, 4), PLAIN, {}, r"\(height, width, 1 or 3\), got input_shape \(16, 16, 4\)"),
        ((640,), PLAIN, {}, r"got input_shape \(640,\)"),
        ((16, 16, 1), PLAIN, {"view": "tile"}, "view must be one of resize, crop, got 'tile'"),
        ((16, 16, 1), PLAIN, {"loss": "iou"}, "loss must be one of dice"),
        ((16, 16, 1), PLAIN, {"turns": "yes"}, "turns must be True or False, got 'yes'"),
        ((16, 16, 1), PLAIN, {"elastic": -1.0}, "elastic must be 0 pixels or more, got -1.0"),
        ((16, 16, 1), PLAIN, {"elastic": "some"}, "elastic must be 0 pixels or more, got 'some'"),
        ((16, 16, 1), Settings(augmentation=Augmentation(mixup=0.2)), {}, "mixup is for the classification of images"),
        ((16, 16, 1), Settings(augmentation=Augmentation(cutout=4)), {}, "cutout is for the classification of images"),
    ],
)
def test_refuses_what_does_not_fit(root, shape, settings, options, message):
    with pytest.raises(InputError, match=message):
        segmentation_task.load(root, shape, settings, **options)


def test_tells_its_progress(root):
    seen = []
    segmentation_task.load(root, (16, 16, 1), PLAIN, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 12) for n in range(1, 13)]


@needs_shared
def test_reads_the_membrane_stack():
    task = segmentation_task.load(shared("data", "membrane.zip"), (256, 256, 1), PLAIN, view="crop")
    assert (len(task.train), len(task.report_on), task.count) == (24, 6, 96)
    assert names(task.report_on) == [f"membrane/train/image/{n}.png" for n in range(24, 30)]
    image, mask = decoded(task.train[0], 1)
    assert image.shape == (512, 512, 1)
    assert set(np.unique(task.classes[mask])) == {0, 1}
    assert task.classes[mask].mean() == pytest.approx(0.78, abs=0.02)  # white: the inside of cells
