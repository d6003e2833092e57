"""Detection: boxes with a class, fitted through anchors, reported as the mean average precision of PASCAL VOC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.decoders import anchors as boxes_of
from edge.decoders.anchors import Boxes
from edge.errors import InputError, unknown_name
from edge.models.heads.ssdlite import check_ratios, check_strides
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Progress
from edge.models.training.detection.box_augmentation import augment
from edge.models.training.detection.box_pictures import write_sheet
from edge.models.training.detection.boxes import Boxed, BoxFolder, open_boxes
from edge.models.training.detection.detection_loss import LOSSES, AnchorF1, SmoothL1
from edge.models.training.detection.matching import targets
from edge.models.training.settings import Augmentation, Settings
from edge.tasks.average_precision import Found, Truth, average_precisions, mean_average_precision

MIDDLE = 127.5
"""Mean and standard deviation of the network's input: (pixel - 127.5) / 127.5."""

LEAST_SCORE, OVERLAP, MOST = 0.02, 0.45, 200
"""Of the reported detections: the curve needs the low scores, too."""


@dataclass(frozen=True)
class Grid:
    """What the anchors are made from; ``facts`` has it, as whoever decodes the outputs needs the same."""

    input_shape: tuple[int, ...]
    strides: tuple[int, ...]
    ratios: tuple[float, ...]
    scales: tuple[float, float]

    def anchors(self) -> Boxes:
        """Return (n, 4) anchors."""
        return boxes_of.anchors(self.input_shape, self.strides, self.ratios, self.scales)


@dataclass(frozen=True)
class Detection(Plain):
    """train: what is fitted. monitor: what each epoch reports on. report_on: what the final figures are taken on.

    upside_down: training images are mirrored top to bottom, too, for pictures without an up.
    """

    train: Boxed
    monitor: Boxed
    report_on: Boxed
    labels: tuple[str, ...]
    grid: Grid
    upside_down: bool = False
    kind: str = "focal"
    metric: str = "anchor_f1"
    anchors: Boxes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchors", self.grid.anchors())

    @property
    def count(self) -> int:
        """Training images."""
        return len(self.train.names)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, height, width, channels) float32 images, and the targets of ``boxes`` and ``scores``, endless."""
        order = tf.data.Dataset.range(self.count).shuffle(self.count, seed=seed).repeat()
        numbered = tf.data.Dataset.zip((order.batch(settings.batch, drop_remainder=True), tf.data.Dataset.counter()))

        def read(rows: NDArray[np.int64], step: int) -> tuple[Any, ...]:
            return self._batch(self.train, rows, settings.augmentation, np.random.default_rng([seed, int(step)]))

        return self._mapped(numbered, read)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored images, in order."""
        order = tf.data.Dataset.range(len(self.monitor.names)).batch(settings.batch)
        return self._mapped(order, lambda rows: self._batch(self.monitor, rows))

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training images in batches."""
        rows = np.random.default_rng(seed).choice(self.count, min(self.count, most), replace=False)
        for part in np.array_split(rows, max(1, len(rows) // batch)):
            yield normalize(self.train.images[np.sort(part)])

    def loss(self, settings: Settings) -> Any:
        """Smooth L1 for ``boxes``, ``kind`` for ``scores``; label smoothing is not used."""
        return [SmoothL1(), LOSSES[self.kind]()]

    def metrics(self) -> list[Any]:
        """F1 of the anchors' classes: average precision needs both outputs, which Keras gives no metric."""
        return [[], [AnchorF1()]]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """``mAP`` at an overlap of 0.5 and ``AP`` by class; a sheet of images with what was found is written."""
        found, score = self._found(model, self.report_on)
        per_class = average_precisions(found, self.report_on.truths, len(self.labels))
        write_sheet(out / "detections.png", self.report_on, found, self.labels)
        named = {label: round(value, 4) for label, value in zip(self.labels, per_class, strict=True)}
        return {"mAP": mean_average_precision(per_class), "AP": named, self.metric: score}

    def facts(self) -> Mapping[str, Any]:
        """Counts, normalization, and what the anchors are made from."""
        boxes = np.bincount(np.concatenate([t.classes for t in self.train.truths]), minlength=len(self.labels))
        return {
            "images": {"train": self.count, "report": len(self.report_on.names)},
            "boxes": dict(zip(self.labels, boxes.tolist(), strict=True)),
            "corrupt": [],
            "mean": [MIDDLE],
            "std": [MIDDLE],
            "loss": self.kind,
            "upside_down": self.upside_down,
            "anchors": {name: list(getattr(self.grid, name)) for name in ("strides", "ratios", "scales")},
        }

    def _mapped(self, order: Any, read: Any) -> Any:
        """Map numbers to batches in numpy; ``tf.distribute`` shards by element, as there are no files."""
        count, classes = len(self.anchors), len(self.labels)
        shapes = ((None, *self.grid.input_shape), (None, count, 5), (None, count, classes + 1))

        def shaped(*numbers: Any) -> Any:
            parts = tf.numpy_function(read, numbers, (tf.float32,) * 3, stateful=False)
            image, offsets, scores = (tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True))
            return image, (offsets, scores)

        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        mapped = order.map(shaped, tf.data.AUTOTUNE, deterministic=True)
        return mapped.with_options(options).prefetch(tf.data.AUTOTUNE)

    def _batch(
        self, data: Boxed, rows: NDArray[np.int64], how: Augmentation | None = None, rng: Any = None
    ) -> tuple[Any, ...]:
        samples = []
        for row in rows:
            image, truth = data.images[row].astype(np.float32), data.truths[row]
            if how is not None:
                image, truth = augment(image, truth, how, self.upside_down, rng)
            samples.append((normalize(image), *targets(truth.boxes, truth.classes, self.anchors, len(self.labels))))
        return tuple(np.stack(part) for part in zip(*samples, strict=True))

    def _found(self, model: Any, data: Boxed, batch: int = 8) -> tuple[list[Found], float]:
        """Return what ``model`` finds in each image, and the F1 of its anchors."""
        call = tf.function(lambda images: model(images, training=False))
        found, f1 = [], AnchorF1()
        for rows in np.array_split(np.arange(len(data.names)), -(-len(data.names) // batch)):
            images, _, wanted = self._batch(data, rows)
            offsets, scores = (np.asarray(part) for part in call(images))
            f1.update_state(wanted, scores)
            found += [find(o, s, self.anchors) for o, s in zip(offsets, scores, strict=True)]
        return found, float(f1.result())


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None = None,
    *,
    strides: tuple[int, ...] = boxes_of.STRIDES,
    ratios: tuple[float, ...] = boxes_of.RATIOS,
    scales: tuple[float, float] | None = None,
    upside_down: bool = False,
    loss: str = "focal",
) -> Detection:
    """Read a data set in the layout of PASCAL VOC.

    strides, ratios: those of the network. scales: of the smallest and the largest anchors, parts of the input's
    shorter side; None takes them from the training boxes. With ``settings.patience`` or ``settings.holdout`` the set
    ``train`` is fitted and ``val`` monitored; otherwise ``trainval`` is fitted. ``test`` is reported on, ``val``
    where there is none.
    """
    if settings.augmentation.cutout or settings.augmentation.mixup:
        raise InputError("cutout and mixup are for whole images with one class; leave them out for boxes")
    if not isinstance(upside_down, bool):
        raise InputError(f"upside_down must be True or False, got {upside_down!r}")
    strides, ratios = check_strides(strides), check_ratios(ratios)
    if loss not in LOSSES:
        raise unknown_name("loss", loss, LOSSES)
    height, width, channels = input_shape
    folder = open_boxes(root)
    train, monitor, report = _parts(folder, (height, width, channels), settings, progress)
    if scales is None:
        scales = fitting_scales(train.truths, input_shape, len(folder.labels))
    grid = Grid(tuple(input_shape), strides, ratios, boxes_of.check_scales(scales))
    return Detection(train, monitor, report, folder.labels, grid, upside_down, loss)


def _parts(
    folder: BoxFolder, size: tuple[int, int, int], settings: Settings, progress: Progress | None
) -> tuple[Boxed, Boxed, Boxed]:
    """Return what is fitted, monitored and reported on."""
    there = folder.splits
    apart = bool(settings.patience or settings.holdout) or "test" not in there
    fitted = ["train", "val"] if apart else ["trainval" if "trainval" in there else "train"]
    needed = [*fitted, "test"] if "test" in there else fitted
    for name in needed:
        if name not in there:
            raise InputError(
                f"data set {folder.root} needs ImageSets/Main/{name}.txt with names in it; it has: {', '.join(there)}"
            )
    train, *others = (folder.read(name, size, progress) for name in needed)
    return train, others[0], others[-1]


def fitting_scales(truths: tuple[Truth, ...], input_shape: tuple[int, ...], classes: int) -> tuple[float, float]:
    """Return the sides of the smallest and of the largest anchors, parts of the input's shorter side.

    They are the medians of the class with the smallest boxes and of the one with the largest; of a single class, its
    quartiles.
    """
    height, width = input_shape[:2]
    boxes, numbers = np.concatenate([t.boxes for t in truths]), np.concatenate([t.classes for t in truths])
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * height * width) / min(height, width)
    medians = [np.median(sides[numbers == c]) for c in range(classes) if (numbers == c).any()]
    low, high = (min(medians), max(medians)) if len(medians) > 1 else np.percentile(sides, (25, 75))
    return round(float(low), 4), round(float(high), 4)


def find(offsets: Boxes, scores: NDArray[np.float32], anchors: Boxes) -> Found:
    """Return the detections of one image: TensorFlow's suppression, which the device's is tested against."""
    boxes = np.clip(boxes_of.decode(offsets, anchors), 0.0, 1.0)
    seen = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    kept, values, classes, count = tf.image.combined_non_max_suppression(
        boxes[None, seen, None], scores[None, seen, 1:], MOST, MOST, OVERLAP, LEAST_SCORE
    )
    n = int(count[0])
    return Found(kept[0, :n].numpy(), values[0, :n].numpy(), classes[0, :n].numpy().astype(np.int64))


def normalize(images: Any) -> NDArray[np.float32]:
    """Map pixels 0 to 255 to the network's input, float32."""
    return (np.asarray(images, np.float32) - np.float32(MIDDLE)) / np.float32(MIDDLE)
