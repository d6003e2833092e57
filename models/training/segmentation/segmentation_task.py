"""The dataset task of segmentation: one class for each pixel, reported by Dice and IoU of the foreground."""

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
from edge.models.training.hold_out import hold_out_rows
from edge.models.training.normalization import FACTS, normalize
from edge.models.training.reader_checks import check_image_shape, check_no_cutout_or_mixup
from edge.models.training.segmentation import segmentation_loss, windows
from edge.models.training.segmentation.mask_folder import Pair, decoded, open_masks
from edge.models.training.settings import Settings
from edge.tasks.pixel_counts import Counts, count, foreground

VIEWS = ("resize", "crop")
PICTURE = "segmentation.png"
IMAGES_IN_PICTURE = 3


@dataclass(frozen=True)
class Segmentation(Plain):
    """Images with masks.

    Attributes:
        train: the pairs that the network is fitted to.
        monitor: the pairs that each epoch is evaluated on.
        report_on: the pairs that the final figures are measured on.
        labels: the class names.
        classes: (256,) uint8, the label index of each mask value; see ``MaskSet``.
        size: (height, width, channels) of the network's input.
        view: ``resize`` when the network sees the whole image at the size of its input, ``crop`` when it sees windows
            at the size of the image.
        turns: whether training windows are also turned; see ``windows.augment``.
        elastic: standard deviation of the elastic deformation in pixels; see ``windows.augment``.
        kind: the loss, a name in ``segmentation_loss.LOSSES``.
        metric: the metric that says how good an epoch is.
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
    kind: str = segmentation_loss.LOSSES[0]
    metric: str = "dice"

    @property
    def count(self) -> int:
        """The number of training samples: of images, or of the windows that cover them."""
        return len(self._samples(self.train))

    def _samples(self, pairs: tuple[Pair, ...]) -> list[tuple[Pair, int, int]]:
        """Return the pair and the first pixel (y, x) of each window; an image that is resized is one window."""
        if self.view == "resize":
            return [(pair, 0, 0) for pair in pairs]
        return [(pair, *at) for pair in pairs for at in windows.grid(pair.shape, *self.size[:2])]

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of augmented batches.

        Inputs are (batch, height, width, channels) float32, normalized. Targets are (batch, height, width, classes)
        float32 one-hot, or zeros for ignored pixels.
        """
        samples = self._samples(self.train)

        def sample(index: int, step: int) -> windows.Sample:
            return self._random_sample(samples[index][0], settings, np.random.default_rng((seed, step)))

        order = tf.data.Dataset.range(len(samples)).shuffle(len(samples), seed=seed).repeat()
        steps = tf.data.Dataset.range(np.iinfo(np.int64).max)
        return self._batches(tf.data.Dataset.zip((order, steps)), sample, settings.batch, drop_remainder=True)

    def _random_sample(self, pair: Pair, settings: Settings, rng: np.random.Generator) -> windows.Sample:
        """Return an augmented sample: the resized image, shifted by up to ``crop`` pixels, or a random window."""
        height, width = self.size[:2]
        whole = decoded(pair, self.size[2])
        if self.view == "resize":
            whole = windows.padded(windows.resized(whole, height, width), height, width, settings.augmentation.crop)
        else:
            whole = windows.padded(whole, height, width)
        window = windows.random_window(whole, height, width, rng)
        return windows.augment(window, settings.augmentation, self.turns, self.elastic, rng)

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored images in order, or the windows that cover them, not augmented."""
        samples = self._samples(self.monitor)
        order = tf.data.Dataset.range(len(samples))
        return self._batches(
            tf.data.Dataset.zip((order, order)), lambda index, _: self._plain(*samples[index]), settings.batch
        )

    def _plain(self, pair: Pair, y: int, x: int) -> windows.Sample:
        """Return a sample that is not augmented."""
        height, width = self.size[:2]
        whole = decoded(pair, self.size[2])
        if self.view == "resize":
            return windows.resized(whole, height, width)
        return windows.cut(windows.padded(whole, height, width), y, x, height, width)

    def _batches(self, order: Any, sample: Any, batch: int, drop_remainder: bool = False) -> Any:
        """Return batches of the samples that ``sample`` makes from each (index, step) of ``order``."""
        height, width, channels = self.size

        def read(index: Any, step: Any) -> tuple[Any, Any]:
            image, mask = sample(int(index), int(step))
            return normalize(image), self.classes[mask]

        def tensors(index: Any, step: Any) -> tuple[Any, Any]:
            image, mask = tf.numpy_function(read, [index, step], (tf.float32, tf.uint8), stateful=False)
            return tf.ensure_shape(image, (height, width, channels)), tf.ensure_shape(mask, (height, width))

        batches = order.map(tensors, tf.data.AUTOTUNE, deterministic=True).batch(batch, drop_remainder)
        one_hot = batches.map(lambda x, y: (x, tf.one_hot(tf.cast(y, tf.int32), len(self.labels))), tf.data.AUTOTUNE)
        return sharded(one_hot).prefetch(tf.data.AUTOTUNE)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training samples, not augmented."""
        samples = self._samples(self.train)
        rows = np.random.default_rng(seed).permutation(len(samples))[:most]
        for start in range(0, len(rows), batch):
            yield np.stack([normalize(self._plain(*samples[row])[0]) for row in rows[start : start + batch]])

    def loss(self, settings: Settings) -> Any:
        """Return the loss ``kind``. Label smoothing applies to its cross-entropy."""
        return segmentation_loss.DiceLoss(self.kind, settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Return Dice and IoU of the foreground, named ``dice`` and ``iou``."""
        return [segmentation_loss.ForegroundOverlap(name, len(self.labels)) for name in ("dice", "iou")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Predict whole images at their own size, write a picture of the first ones, and return the final figures.

        The pixels of all images are counted together. The picture shows image, mask and prediction side by side.

        Returns:
            ``dice`` and ``iou`` of the foreground, ``pixel_accuracy``, each from 0 to 1, and ``by_class``, where a
            figure is None for a class that does not occur.
        """
        predict = _caller(model)
        zero = np.zeros(len(self.labels), np.int64)
        counts = Counts(zero, zero, zero)
        shown: list[tuple[NDArray[Any], ...]] = []
        for pair in self.report_on:
            image, mask = decoded(pair, self.size[2])
            found = self.probabilities(predict, image).argmax(-1)
            counts += count(found, self.classes[mask], len(self.labels))
            if len(shown) < IMAGES_IN_PICTURE:
                shown.append((image, self.classes[mask], found))
        _write_picture(shown, len(self.labels), out / PICTURE)
        dice, iou = counts.dice(), counts.iou()
        by_class = {
            name: {"dice": _json_number(d), "iou": _json_number(i)}
            for name, d, i in zip(self.labels, dice, iou, strict=True)
        }
        figures = {"dice": foreground(dice), "iou": foreground(iou)}
        return {**figures, "pixel_accuracy": counts.accuracy(), "by_class": by_class}

    def probabilities(self, predict: Any, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of a whole image at its own size.

        With the view ``resize``, the image is resized to the network's input, and the result is resized back. With the
        view ``crop``, the result is the mean over windows that overlap by half. So each pixel is also seen away from
        the border of a window, as in the overlap-tile strategy of U-Net (https://arxiv.org/abs/1505.04597), section 2.

        Args:
            predict: maps (1, height, width, channels) float32 to probabilities.
            image: (height, width, channels) uint8.

        Returns:
            (height, width, classes) float32.
        """
        height, width = self.size[:2]
        empty = np.zeros(image.shape[:2], np.uint8)
        if self.view == "resize":
            small = normalize(windows.resized((image, empty), height, width)[0])
            large = cv2.resize(predict(small[None])[0], image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            return np.asarray(large, np.float32)
        large = normalize(windows.padded((image, empty), height, width)[0])
        total = np.zeros((*large.shape[:2], len(self.labels)), np.float32)
        seen = np.zeros((*large.shape[:2], 1), np.float32)
        for y, x in windows.grid(large.shape[:2], height, width, overlap=0.5):
            here = (slice(y, y + height), slice(x, x + width))
            total[here] += predict(large[here][None])[0]
            seen[here] += 1
        return np.asarray((total / seen)[: image.shape[0], : image.shape[1]], np.float32)

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of images, the names of the reported ones, the normalization and the options."""
        return {
            "images": {"train": len(self.train), "report": len(self.report_on)},
            "reported": [pair.name for pair in self.report_on],
            "corrupt": [],
            **FACTS,
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
    loss: str = segmentation_loss.LOSSES[0],
) -> Segmentation:
    """Read a data set of images and masks; see ``edge.models.training.segmentation.mask_folder``.

    Args:
        root: a folder or a zip.
        input_shape: (height, width, channels).
        settings: the settings of the run. ``holdout`` sets training images apart for validation.
        progress: called with the number of pairs that were read and of all pairs.
        view: ``resize`` or ``crop``; see ``Segmentation``.
        turns: whether training windows are also turned; see ``windows.augment``.
        elastic: standard deviation of the elastic deformation in pixels, 0 for none; see ``windows.augment``.
        loss: a name in ``segmentation_loss.LOSSES``.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: a file cannot be read or decoded.
    """
    _check(input_shape, settings, view, turns, elastic, loss)
    height, width, channels = input_shape
    data = open_masks(root, channels, progress)
    train, report = data.splits["train"], data.splits["test"]
    monitor = data.splits.get("validation", report)
    if settings.holdout and "validation" not in data.splits:
        kept, apart = hold_out_rows(len(train), settings.holdout, settings.seed)
        train, monitor = tuple(train[row] for row in kept), tuple(train[row] for row in apart)
    size = (height, width, channels)
    return Segmentation(train, monitor, report, data.labels, data.classes, size, view, turns, elastic, loss)


def _check(input_shape: tuple[int, ...], settings: Settings, view: str, turns: bool, elastic: float, loss: str) -> None:
    check_image_shape(input_shape)
    if view not in VIEWS:
        raise InputError(f"view must be one of {', '.join(VIEWS)}, got {view!r}")
    if loss not in segmentation_loss.LOSSES:
        raise InputError(f"loss must be one of {', '.join(segmentation_loss.LOSSES)}, got {loss!r}")
    if turns not in (True, False):
        raise InputError(f"turns must be True or False, got {turns!r}")
    if not (isinstance(elastic, (int, float)) and elastic >= 0):  # this also refuses NaN
        raise InputError(f"elastic must be 0 pixels or more, got {elastic!r}")
    check_no_cutout_or_mixup(settings.augmentation, "segmentation")


def _caller(model: Any) -> Any:
    """Return a function that maps (1, height, width, channels) float32 to the model's output in numpy."""
    signature = [tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)]
    call = tf.function(lambda images: model(images, training=False), signature)
    return lambda images: call(images).numpy()


def _json_number(value: float) -> float | None:
    """Return a figure for JSON: None for NaN, which stands for a class that does not occur."""
    return None if np.isnan(value) else float(value)


def _write_picture(shown: list[tuple[NDArray[Any], ...]], classes: int, target: Path) -> None:
    """Draw each image, mask and prediction in a row. The first class is black and ignored pixels are grey.

    A second class is white. With more, each class but the first has a colour, and the hues are evenly spread.
    """
    colours = np.full((256, 3), 128, np.uint8)
    hues = np.array([[[180 * number // classes, 255, 255] for number in range(classes)]], np.uint8)
    colours[:classes] = cv2.cvtColor(hues, cv2.COLOR_HSV2BGR)[0] if classes > 2 else 255
    colours[0] = 0
    rows = []
    for image, mask, found in shown:
        picture = image if image.shape[2] == 3 else np.repeat(image, 3, -1)
        rows.append(np.hstack([picture[..., ::-1], colours[mask], colours[found]]))
    width = rows[0].shape[1]
    rows = [cv2.resize(row, (width, round(row.shape[0] * width / row.shape[1]))) for row in rows]
    with replaced(target) as temporary:
        temporary.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())
