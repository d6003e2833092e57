"""The tf.data pipeline, which gathers batches from the decoded array, augments whole batches, and normalizes them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.models.training.decode import Decoded
from edge.models.training.settings import Augmentation

GREY = 127.5
"""The value of cutout's squares, which is the middle of the pixels' range."""


def training_batches(data: Decoded, classes: int, batch: int, augmentation: Augmentation, seed: int) -> Any:
    """Return an endless ``tf.data.Dataset`` of (images, targets), shuffled again each epoch.

    Images are (batch, height, width, channels) float32, normalized. Targets are (batch, classes) float32.

    Args:
        data: the decoded split.
        classes: number of classes.
        batch: images in a batch.
        augmentation: what each image goes through.
        seed: seed of the order.
    """
    order = tf.data.Dataset.range(len(data.classes)).shuffle(len(data.classes), seed=seed).repeat()
    batches = _gather(order.batch(batch, drop_remainder=True), data, classes)
    batches = batches.map(
        lambda x, y: augment(x, y, augmentation, data.normalize), tf.data.AUTOTUNE, deterministic=True
    )
    return sharded(batches).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(data: Decoded, classes: int, batch: int) -> Any:
    """Return a finite dataset of (images, targets) in order, not augmented. The last batch may be smaller."""
    order = tf.data.Dataset.range(len(data.classes)).batch(batch)
    batches = _gather(order, data, classes).map(
        lambda x, y: (data.normalize(tf.cast(x, tf.float32)), y), tf.data.AUTOTUNE
    )
    return sharded(batches).prefetch(tf.data.AUTOTUNE)


def augment(images: Any, targets: Any, how: Augmentation, normalize: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Augment and normalize one batch.

    Args:
        images: (batch, height, width, channels) uint8.
        targets: (batch, classes) float32.
        how: the augmentation.
        normalize: maps pixels to the network's input.

    Returns:
        The images, float32, and the targets, which mixup changes.
    """
    x = tf.cast(images, tf.float32)
    if how.flip or how.crop:
        x = _move(x, how)
    if how.jitter:
        x = _jitter(x, how.jitter)
    if how.cutout:
        x = _cutout(x, how.cutout)
    if how.mixup:
        x, targets = _mixup(x, targets, how.mixup)
    return normalize(x), targets


def _gather(order: Any, data: Decoded, classes: int) -> Any:
    height, width, channels = data.images.shape[1:]

    def rows(indices: Any) -> tuple[Any, Any]:
        return data.images[indices], data.classes[indices]

    def read(indices: Any) -> tuple[Any, Any]:
        images, labels = tf.numpy_function(rows, [indices], (tf.uint8, tf.int64), stateful=False)
        images.set_shape((None, height, width, channels))
        labels.set_shape((None,))
        return images, tf.one_hot(labels, classes)

    return order.map(read, tf.data.AUTOTUNE, deterministic=True)


def mapped(order: Any, read: Callable[..., Any], samples: Sequence[tuple[Any, tuple[int | None, ...]]]) -> Any:
    """Return ``order`` with every element replaced by what ``read`` makes of it in numpy.

    Args:
        order: a dataset of numbers, or of tuples of numbers.
        read: called with them as numpy arrays; it returns a tuple of arrays.
        samples: dtype and shape of each of those arrays; None for a size that varies.
    """

    def tensors(*numbers: Any) -> Any:
        parts = tf.numpy_function(read, numbers, tuple(dtype for dtype, _ in samples), stateful=False)
        return tuple(tf.ensure_shape(part, shape) for part, (_, shape) in zip(parts, samples, strict=True))

    return sharded(order.map(tensors, tf.data.AUTOTUNE, deterministic=True)).prefetch(tf.data.AUTOTUNE)


def augmented_batches(
    count: int,
    batch: int,
    seed: int,
    read: Callable[[NDArray[np.int64], np.random.Generator], Any],
    samples: Sequence[tuple[Any, tuple[int | None, ...]]],
) -> Any:
    """Return an endless dataset of batches that numpy makes with a random generator of their own.

    Args:
        count: number of training samples.
        batch: samples in a batch.
        seed: seed of the order and of the generators. The same seed gives the same batches.
        read: called with the rows of a batch and its generator; it returns a tuple of arrays.
        samples: dtype and shape of each of those arrays; see ``mapped``.
    """

    def read_numbered(rows: NDArray[np.int64], number: int) -> Any:
        return read(rows, np.random.default_rng((seed, int(number))))

    return mapped(shuffled(count, batch, seed), read_numbered, samples)


def shuffled(count: int, batch: int, seed: int) -> Any:
    """Return an endless dataset of (rows of a batch, number of the batch), reshuffled each epoch."""
    order = tf.data.Dataset.range(count).shuffle(count, seed=seed).repeat()
    return tf.data.Dataset.zip((order.batch(batch, drop_remainder=True), tf.data.Dataset.counter()))


def in_order(count: int, batch: int) -> Any:
    """Return a finite dataset of the rows of each batch; the last batch may be smaller."""
    return tf.data.Dataset.range(count).batch(batch)


def some_rows(count: int, batch: int, most: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield batches of a random choice of ``most`` rows, each batch in the order of the rows."""
    rows = np.random.default_rng(seed).choice(count, min(count, most), replace=False)
    for part in np.array_split(rows, max(1, len(rows) // batch)):
        yield np.sort(part)


def sharded(dataset: Any) -> Any:
    """Let ``tf.distribute`` shard by element, because there are no files to shard by."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def _per_image(x: Any, low: float, high: float) -> Any:
    return tf.random.uniform((tf.shape(x)[0], 1, 1, 1), low, high)


def _move(x: Any, how: Augmentation) -> Any:
    """Flip and shift every image in one projective transform. Pixels beyond the edge repeat it."""
    count, width = tf.shape(x)[0], float(x.shape[2])
    flip = tf.cast(tf.random.uniform((count,)) < 0.5, tf.float32) if how.flip else tf.zeros((count,))
    dx, dy = (tf.round(tf.random.uniform((count,), -how.crop - 0.5, how.crop + 0.5)) for _ in range(2))
    zero, one = tf.zeros((count,)), tf.ones((count,))
    rows = tf.stack([1 - 2 * flip, zero, dx + flip * (width - 1), zero, one, dy, zero, zero], axis=1)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=rows,
        output_shape=x.shape[1:3],
        fill_value=0.0,
        interpolation="NEAREST",
        fill_mode="NEAREST",
    )
    return tf.ensure_shape(moved, x.shape)


def _jitter(x: Any, amount: float) -> Any:
    """Scale the brightness, the contrast around the image's mean, and the saturation around its grey."""
    x = x * _per_image(x, 1 - amount, 1 + amount)
    mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    x = mean + (x - mean) * _per_image(x, 1 - amount, 1 + amount)
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * _per_image(x, 1 - amount, 1 + amount)
    return tf.clip_by_value(x, 0.0, 255.0)


def _cutout(x: Any, side: int) -> Any:
    """Cover a square of each image, whose centre is anywhere, with grey (https://arxiv.org/abs/1708.04552)."""
    height, width = x.shape[1:3]
    rows = tf.reshape(tf.range(height, dtype=tf.float32), (1, -1, 1, 1))
    columns = tf.reshape(tf.range(width, dtype=tf.float32), (1, 1, -1, 1))
    inside_y = tf.abs(rows - _per_image(x, 0.0, float(height))) < side / 2
    inside_x = tf.abs(columns - _per_image(x, 0.0, float(width))) < side / 2
    return tf.where(tf.logical_and(inside_y, inside_x), GREY, x)


def _mixup(x: Any, y: Any, alpha: float) -> tuple[Any, Any]:
    """Blend every image and target with another one of the batch, with a share drawn from Beta(alpha, alpha)."""
    first, second = (tf.random.gamma((tf.shape(x)[0], 1, 1, 1), alpha) for _ in range(2))
    share = first / tf.maximum(first + second, np.finfo(np.float32).tiny)
    other = tf.random.shuffle(tf.range(tf.shape(x)[0]))
    flat = tf.reshape(share, (-1, 1))
    return x * share + tf.gather(x, other) * (1 - share), y * flat + tf.gather(y, other) * (1 - flat)
