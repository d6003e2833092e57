"""Batches and augmentation, against numpy written out by hand."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.models.training.decode import Decoded
from edge.models.training.settings import Augmentation

tf = need("tensorflow")

from edge.models.training import batching  # noqa: E402

NONE = Augmentation(flip=False, crop=0)
COUNT = 64
"""Images in an augmented batch; enough that every outcome of a small choice occurs."""


@pytest.fixture(autouse=True)
def seeded():
    tf.random.set_seed(7)


def pixels(count=COUNT, side=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def decoded(count=10, side=8):
    """Image i is filled with i, so that an image says which one it is."""
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, 3))
    return Decoded(np.array(images), np.arange(count, dtype=np.int64) % 3, tuple(map(str, range(count))), ())


def augment(images, how, targets=None):
    """Return augmented pixels, 0 to 255 again, and targets."""
    targets = np.eye(len(images), dtype=np.float32) if targets is None else targets
    x, y = batching.augment(tf.constant(images), tf.constant(targets), how, decoded().normalize)
    return x.numpy() * 127.5 + 127.5, y.numpy()


def test_pixels_become_minus_one_to_one():
    np.testing.assert_allclose(decoded().normalize(np.array([0, 51, 255], np.uint8)), [-1, -0.6, 1], atol=1e-6)


def test_no_augmentation_only_normalizes():
    x, y = augment(pixels(), NONE)
    np.testing.assert_allclose(x, pixels(), atol=1e-4)
    np.testing.assert_array_equal(y, np.eye(COUNT))


def test_flip_mirrors_left_right_half_of_the_time():
    before = pixels().astype(float)
    after, _ = augment(pixels(), Augmentation(flip=True, crop=0))
    kept = np.isclose(after, before, atol=1e-3).all((1, 2, 3))
    mirrored = np.isclose(after, before[:, :, ::-1], atol=1e-3).all((1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 16 <= mirrored.sum() <= 48  # 64 fair coins: four standard deviations


def shifted(image, dy, dx):
    """Return the image moved up by dy and left by dx, its edge pixels repeated."""
    side = len(image)
    rows, columns = (np.clip(np.arange(side) + d, 0, side - 1) for d in (dy, dx))
    return image[rows][:, columns]


def test_crop_shifts_by_whole_pixels_and_repeats_the_edge():
    after, _ = augment(pixels(), Augmentation(flip=False, crop=2))
    seen = set()
    for image, got in zip(pixels().astype(float), after, strict=True):
        found = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if np.allclose(shifted(image, dy, dx), got, atol=1e-3)
        ]
        assert len(found) == 1
        seen.update(found)
    assert {dy for dy, _ in seen} == {dx for _, dx in seen} == {-2, -1, 0, 1, 2}


def test_flip_and_crop_together_shift_the_mirrored_image():
    after, _ = augment(pixels(), Augmentation(flip=True, crop=1))
    for image, got in zip(pixels().astype(float), after, strict=True):
        candidates = [shifted(i, dy, dx) for i in (image, image[:, ::-1]) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        assert any(np.allclose(candidate, got, atol=1e-3) for candidate in candidates)


def test_jitter_of_a_flat_grey_only_changes_brightness():
    after, _ = augment(np.full((COUNT, 8, 8, 3), 100, np.uint8), Augmentation(flip=False, crop=0, jitter=0.2))
    assert np.ptp(after, axis=(1, 2, 3)).max() < 1e-2  # contrast and saturation have nothing to change
    levels = after[:, 0, 0, 0]
    assert levels.min() >= 80 - 1e-3
    assert levels.max() <= 120 + 1e-3
    assert np.ptp(levels) > 30


def test_jitter_keeps_pixels_in_range_and_within_its_three_factors():
    before = pixels().astype(float)
    after, _ = augment(pixels(), Augmentation(flip=False, crop=0, jitter=0.5))
    assert after.min() >= -1e-3
    assert after.max() <= 255 + 1e-3
    assert (after.std((1, 2, 3)) <= before.std((1, 2, 3)) * 1.5**3).all()
    assert not np.allclose(after, before, atol=1)


def test_cutout_greys_one_square():
    before = np.zeros((COUNT, 16, 16, 3), np.uint8)
    after, _ = augment(before, Augmentation(flip=False, crop=0, cutout=4))
    for image in after:
        grey = np.isclose(image[..., 0], 127.5, atol=1e-3)
        assert np.isclose(image, np.where(grey[..., None], 127.5, 0), atol=1e-3).all()
        ys, xs = np.nonzero(grey)
        # The centre is anywhere inside, so that at a border only a part is seen, at a corner at least one pixel.
        if len(ys):
            assert grey[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].all()
            assert np.ptp(ys) + 1 <= 4
            assert np.ptp(xs) + 1 <= 4
    sizes = np.isclose(after[..., 0], 127.5, atol=1e-3).sum((1, 2))
    assert np.median(sizes) == 16


def test_mixup_blends_images_and_targets_by_the_same_share():
    one_hot = np.eye(COUNT, dtype=np.float32)
    levels = np.arange(COUNT, dtype=np.uint8) * 3
    images = np.broadcast_to(levels[:, None, None, None], (COUNT, 4, 4, 3))
    after, targets = augment(np.array(images), Augmentation(flip=False, crop=0, mixup=0.4), one_hot)
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
    assert targets.min() >= 0
    np.testing.assert_allclose(after[:, 0, 0, 0], targets @ levels.astype(np.float32), atol=1e-2)
    assert ((targets > 0.01).sum(1) == 2).any()
    assert (np.diag(targets) > 0).all()


@pytest.mark.parametrize("batch", [3, 10, 64])
def test_evaluation_is_every_image_once_in_order(batch):
    found = [(x.numpy(), y.numpy()) for x, y in batching.evaluation_batches(decoded(), 3, batch)]
    images, targets = (np.concatenate(part) for part in zip(*found, strict=True))
    np.testing.assert_allclose(images[:, 0, 0, 0] * 127.5 + 127.5, np.arange(10), atol=1e-4)
    np.testing.assert_array_equal(targets, np.eye(3)[np.arange(10) % 3])
    assert max(len(x) for x, _ in found) == min(batch, 10)


def drawn(seed, batches):
    dataset = batching.training_batches(decoded(12), 3, 4, NONE, seed)
    images = [x.numpy()[:, 0, 0, 0] * 127.5 + 127.5 for x, _ in dataset.take(batches)]
    return np.rint(np.concatenate(images)).astype(int).tolist()


def test_training_sees_every_image_each_epoch_in_a_new_order():
    order = drawn(seed=1, batches=6)
    assert sorted(order[:12]) == sorted(order[12:]) == list(range(12))
    assert order[:12] != order[12:]


def test_the_seed_decides_the_order():
    first = drawn(1, 3)
    tf.random.set_seed(7)
    assert drawn(1, 3) == first
    tf.random.set_seed(7)
    assert drawn(2, 3) != first


def test_training_targets_stay_with_their_images():
    for x, y in batching.training_batches(decoded(12), 3, 4, NONE, seed=3).take(3):
        numbers = np.rint(x.numpy()[:, 0, 0, 0] * 127.5 + 127.5).astype(int)
        np.testing.assert_array_equal(y.numpy(), np.eye(3)[numbers % 3])
