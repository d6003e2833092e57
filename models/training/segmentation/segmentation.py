"""Segmentation: one class a pixel, Dice with or without cross-entropy, Dice and IoU of the foreground."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.errors import InputError
from edge.files import replaced
from edge.models.training.batching import sharded
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Progress
from edge.models.training.segmentation import overlap, windows
from edge.models.training.segmentation.masks import Pair, decoded, open_masks
from edge.models.training.settings import Settings
from edge.tasks.pixel_counts import Counts, count, foreground

VIEWS = ("resize", "crop")
MEAN = STD = 127.5
PICTURE, PICTURED = "segmentation.png", 3


@dataclass(frozen=True)
class Segmentation(Plain):
    """train: what is fitted. monitor: what each epoch reports on. report_on: what the final figures are taken on.

    size: (height, width, channels) of the network's input. classes: (256,) uint8, see ``MaskSet``.
    view: resize, the network sees the whole image at its own size; crop, windows of it at the image's.
    turns, elastic: see ``windows.augmented``. kind: of the loss.
    """

    train: tuple[Pair, ...]
    monitor: tuple[Pair, ...]
    report_on: tuple[Pair, ...]
    labels: tuple[str, ...]
    classes: NDArray[np.uint8]
    size: tuple[int, int, int]
    view: str = VIEWS[0]
    turns: bool = False
    elastic: float = 0.0
    kind: str = overlap.LOSSES[0]
    metric: str = "dice"

    @property
    def count(self) -> int:
        """Training samples: images, or as many windows as cover them."""
        return len(self._samples(self.train))

    def _samples(self, pairs: tuple[Pair, ...]) -> list[tuple[Pair, int, int]]:
        """Return the windows that cover ``pairs``, one an image when it is resized."""
        if self.view == "resize":
            return [(pair, 0, 0) for pair in pairs]
        return [(pair, *at) for pair in pairs for at in windows.grid(pair.shape, *self.size[:2])]

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, height, width, channels) float32 normalized and (batch, height, width, classes) one-hot, endless."""
        samples = self._samples(self.train)

        def sample(index: int, step: int) -> windows.Sample:
            return self._drawn(samples[index][0], settings, np.random.default_rng((seed, step)))

        order = tf.data.Dataset.range(len(samples)).shuffle(len(samples), seed=seed).repeat()
        steps = tf.data.Dataset.range(np.iinfo(np.int64).max)
        return self._batches(tf.data.Dataset.zip((order, steps)), sample, settings.batch, drop_remainder=True)

    def _drawn(self, pair: Pair, settings: Settings, rng: np.random.Generator) -> windows.Sample:
        """Return one augmented window: a shift of up to ``crop`` pixels, or a window from anywhere in the image."""
        height, width = self.size[:2]
        whole = decoded(pair, self.size[2])
        if self.view == "resize":
            whole = windows.padded(windows.resized(whole, height, width), height, width, settings.augmentation.crop)
        else:
            whole = windows.padded(whole, height, width)
        window = windows.random_window(whole, height, width, rng)
        return windows.augmented(window, settings.augmentation, self.turns, self.elastic, rng)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored images, in order; when cropped, in windows that cover them."""
        samples = self._samples(self.monitor)
        order = tf.data.Dataset.range(len(samples))
        return self._batches(
            tf.data.Dataset.zip((order, order)), lambda index, _: self._plain(*samples[index]), settings.batch
        )

    def _plain(self, pair: Pair, y: int, x: int) -> windows.Sample:
        height, width = self.size[:2]
        whole = decoded(pair, self.size[2])
        if self.view == "resize":
            return windows.resized(whole, height, width)
        return windows.cut(windows.padded(whole, height, width), y, x, height, width)

    def _batches(self, order: Any, sample: Any, batch: int, drop_remainder: bool = False) -> Any:
        """Map (index, step) to samples; targets become one-hot, zeros where the mask says to ignore."""
        height, width, channels = self.size

        def read(index: Any, step: Any) -> tuple[Any, Any]:
            image, mask = sample(int(index), int(step))
            return self.normalize(image), self.classes[mask]

        def tensors(index: Any, step: Any) -> tuple[Any, Any]:
            image, mask = tf.numpy_function(read, [index, step], (tf.float32, tf.uint8), stateful=False)
            return tf.ensure_shape(image, (height, width, channels)), tf.ensure_shape(mask, (height, width))

        batches = order.map(tensors, tf.data.AUTOTUNE, deterministic=True).batch(batch, drop_remainder)
        one_hot = batches.map(lambda x, y: (x, tf.one_hot(tf.cast(y, tf.int32), len(self.labels))), tf.data.AUTOTUNE)
        return sharded(one_hot).prefetch(tf.data.AUTOTUNE)

    def normalize(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map pixels 0 to 255 to the network's input, -1 to 1, float32."""
        return ((image - np.float32(MEAN)) / np.float32(STD)).astype(np.float32)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield training inputs in batches, not augmented."""
        samples = self._samples(self.train)
        rows = np.random.default_rng(seed).permutation(len(samples))[:most]
        for start in range(0, len(rows), batch):
            yield np.stack([self.normalize(self._plain(*samples[row])[0]) for row in rows[start : start + batch]])

    def loss(self, settings: Settings) -> Any:
        """Dice, and cross-entropy with the settings' label smoothing unless ``kind`` is dice."""
        return overlap.Loss(self.kind, settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Dice and IoU of the foreground."""
        return [overlap.Overlap(name, len(self.labels)) for name in ("dice", "iou")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Dice and IoU of the foreground, pixel accuracy, and both figures by class, on whole images.

        Pixels of all images are counted together, at the images' own size. The first images go into a picture:
        image, mask and prediction side by side.
        """
        predict = _caller(model)
        zero = np.zeros(len(self.labels), np.int64)
        counts = Counts(zero, zero, zero)
        shown: list[tuple[NDArray[Any], ...]] = []
        for pair in self.report_on:
            image, mask = decoded(pair, self.size[2])
            found = self.probabilities(predict, image).argmax(-1)
            counts += count(found, self.classes[mask], len(self.labels))
            if len(shown) < PICTURED:
                shown.append((image, self.classes[mask], found))
        _picture(shown, len(self.labels), out / PICTURE)
        dice, iou = counts.dice(), counts.iou()
        by_class = {
            name: {"dice": _number(d), "iou": _number(i)} for name, d, i in zip(self.labels, dice, iou, strict=True)
        }
        figures = {"dice": foreground(dice), "iou": foreground(iou)}
        return {**figures, "pixel_accuracy": counts.accuracy(), "by_class": by_class}

    def probabilities(self, predict: Any, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (height, width, classes) of a whole image, at its own size.

        Resized: there and back. Cropped: the mean of windows that overlap by half, so that no pixel is judged
        from a window's border alone (after the overlap-tile strategy of U-Net, section 2).
        """
        height, width = self.size[:2]
        empty = np.zeros(image.shape[:2], np.uint8)
        if self.view == "resize":
            small = self.normalize(windows.resized((image, empty), height, width)[0])
            large = cv2.resize(predict(small[None])[0], image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            return np.asarray(large, np.float32)
        large = self.normalize(windows.padded((image, empty), height, width)[0])
        total = np.zeros((*large.shape[:2], len(self.labels)), np.float32)
        seen = np.zeros((*large.shape[:2], 1), np.float32)
        for y, x in windows.grid(large.shape[:2], height, width, overlap=0.5):
            here = (slice(y, y + height), slice(x, x + width))
            total[here] += predict(large[here][None])[0]
            seen[here] += 1
        return np.asarray((total / seen)[: image.shape[0], : image.shape[1]], np.float32)

    def facts(self) -> Mapping[str, Any]:
        """Counts, which images were held out, normalization, how the network saw the images."""
        return {
            "images": {"train": len(self.train), "report": len(self.report_on)},
            "reported": [pair.name for pair in self.report_on],
            "corrupt": [],
            "mean": [MEAN],
            "std": [STD],
            "view": self.view,
            "turns": self.turns,
            "elastic": self.elastic,
            "loss": self.kind,
        }


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None = None,
    *,
    view: str = VIEWS[0],
    turns: bool = False,
    elastic: float = 0.0,
    loss: str = overlap.LOSSES[0],
) -> Segmentation:
    """Read images and masks (``edge.models.training.segmentation.masks``) for a network of ``input_shape``.

    Raises InputError for a value that does not fit, and as ``open_masks`` does.
    """
    _check(input_shape, settings, view, turns, elastic, loss)
    height, width, channels = input_shape
    data = open_masks(root, channels, progress)
    train, report = data.splits["train"], data.splits["test"]
    monitor = data.splits.get("validation", report)
    if settings.holdout and "validation" not in data.splits:
        train, monitor = _hold_out(train, settings)
    size = (height, width, channels)
    return Segmentation(train, monitor, report, data.labels, data.classes, size, view, turns, elastic, loss)


def _check(input_shape: tuple[int, ...], settings: Settings, view: str, turns: bool, elastic: float, loss: str) -> None:
    if len(input_shape) != 3 or input_shape[2] not in (1, 3):
        raise InputError(f"images have the shape (height, width, 1 or 3), got input_shape {input_shape}")
    if view not in VIEWS:
        raise InputError(f"view must be one of {', '.join(VIEWS)}, got {view!r}")
    if loss not in overlap.LOSSES:
        raise InputError(f"loss must be one of {', '.join(overlap.LOSSES)}, got {loss!r}")
    if turns not in (True, False):
        raise InputError(f"turns must be True or False, got {turns!r}")
    if not (isinstance(elastic, (int, float)) and elastic >= 0):  # not a number included
        raise InputError(f"elastic must be 0 pixels or more, got {elastic!r}")
    for name in ("cutout", "mixup"):
        if value := getattr(settings.augmentation, name):
            raise InputError(f"{name} is for classification and must be 0 for segmentation, got {value}")


def _hold_out(pairs: tuple[Pair, ...], settings: Settings) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Return the training part and a random ``holdout`` share set apart, at least one image of each."""
    if len(pairs) < 2:
        raise InputError(f"holding images out needs at least 2 training images, got {len(pairs)}")
    order = np.random.default_rng(settings.seed).permutation(len(pairs))
    apart = set(order[: min(len(pairs) - 1, max(1, round(settings.holdout * len(pairs))))].tolist())
    return (
        tuple(pair for row, pair in enumerate(pairs) if row not in apart),
        tuple(pair for row, pair in enumerate(pairs) if row in apart),
    )


def _caller(model: Any) -> Any:
    signature = [tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)]
    call = tf.function(lambda images: model(images, training=False), signature)
    return lambda images: call(images).numpy()


def _number(value: float) -> float | None:
    """JSON has no number for a class that does not occur."""
    return None if np.isnan(value) else float(value)


def _picture(shown: list[tuple[NDArray[Any], ...]], classes: int, target: Path) -> None:
    """Draw rows of image, mask, prediction; classes as greys from black, ignored pixels mid-grey."""
    greys = np.full(256, 128, np.uint8)
    greys[:classes] = np.linspace(0, 255, classes)
    rows = []
    for image, mask, found in shown:
        picture = image if image.shape[2] == 3 else np.repeat(image, 3, -1)
        sides = [np.repeat(greys[part][..., None], 3, -1) for part in (mask, found)]
        rows.append(np.hstack([picture[..., ::-1], *sides]))
    width = rows[0].shape[1]
    rows = [cv2.resize(row, (width, round(row.shape[0] * width / row.shape[1]))) for row in rows]
    with replaced(target) as temporary:
        temporary.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())
