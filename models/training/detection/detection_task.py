"""The dataset task of detection: a network with anchors, reported by the mean average precision of PASCAL VOC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.decoders import anchors as anchor_boxes
from edge.decoders.anchors import Boxes
from edge.errors import InputError, unknown_name
from edge.models.heads.ssdlite import check_ratios, check_strides
from edge.models.training import batching
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Progress
from edge.models.training.detection.anchor_matching import targets
from edge.models.training.detection.box_augmentation import augment
from edge.models.training.detection.box_pictures import write_sheet
from edge.models.training.detection.detection_loss import LOSSES, AnchorF1, SmoothL1
from edge.models.training.detection.voc_folder import BoxedImages, BoxFolder, open_boxes
from edge.models.training.normalization import FACTS, normalize
from edge.models.training.reader_checks import check_no_cutout_or_mixup
from edge.models.training.settings import Augmentation, Settings
from edge.tasks.average_precision import Found, Truth, average_precisions, mean_average_precision

SCORE_THRESHOLD, IOU_THRESHOLD, MAX_DETECTIONS = 0.02, 0.45, 200
"""The selection of the reported detections. The precision-recall curve needs low scores, too."""


@dataclass(frozen=True)
class Grid:
    """The parameters that anchors are made from. The training record holds them for whoever decodes the outputs.

    Attributes:
        input_shape: (height, width, channels) of the network's input.
        strides: the stride of each feature map, in pixels.
        ratios: the aspect ratios besides 1; see ``edge.decoders.anchors``.
        scales: the sides of the smallest and the largest anchors, in fractions of the input's shorter side.
    """

    input_shape: tuple[int, ...]
    strides: tuple[int, ...]
    ratios: tuple[float, ...]
    scales: tuple[float, float]

    def anchors(self) -> Boxes:
        """Return the anchors, (n, 4) float32; see ``edge.decoders.anchors``."""
        return anchor_boxes.anchors(self.input_shape, self.strides, self.ratios, self.scales)


@dataclass(frozen=True)
class Detection(Plain):
    """Images with boxes.

    Attributes:
        train: the images that the network is fitted to.
        monitor: the images that each epoch is evaluated on.
        report_on: the images that the final figures are measured on.
        labels: the class names.
        grid: the parameters of the anchors.
        upside_down: whether training images are mirrored top to bottom, too, for pictures without an upper side.
        kind: the loss for classes, a name in ``LOSSES``.
        metric: the metric that says how good an epoch is.
        anchors: (n, 4) float32, made from ``grid``.
    """

    train: BoxedImages
    monitor: BoxedImages
    report_on: BoxedImages
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
        """The number of training images."""
        return len(self.train.names)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of augmented batches.

        Inputs are (batch, height, width, channels) float32, normalized. Targets are the pair that
        ``anchor_matching.targets`` describes, with the batch as first axis.
        """

        def read(rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Any, ...]:
            return self._batch(self.train, rows, settings.augmentation, rng)

        batches = batching.augmented_batches(self.count, settings.batch, seed, read, self._samples)
        return batches.map(_with_paired_targets)

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored images in order, not augmented."""
        order = batching.in_order(len(self.monitor.names), settings.batch)
        batches = batching.mapped(order, lambda rows: self._batch(self.monitor, rows), self._samples)
        return batches.map(_with_paired_targets)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training images, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield normalize(self.train.images[rows])

    def loss(self, settings: Settings) -> Any:
        """Return the losses of the outputs ``boxes`` and ``scores``. Label smoothing is not used."""
        return [SmoothL1(), LOSSES[self.kind]()]

    def metrics(self) -> list[Any]:
        """Return the F1 of the anchors' classes.

        Average precision would need both outputs, but Keras gives a metric only one.
        """
        return [[], [AnchorF1()]]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Write a picture of some detections, and return the final figures.

        Returns:
            ``mAP`` at an IoU of 0.5, ``AP`` by class, and the anchors' F1, each from 0 to 1.
        """
        found, score = self._detect(model, self.report_on)
        per_class = average_precisions(found, self.report_on.truths, len(self.labels))
        write_sheet(out / "detections.png", self.report_on, found, self.labels)
        named = {label: round(value, 4) for label, value in zip(self.labels, per_class, strict=True)}
        return {"mAP": mean_average_precision(per_class), "AP": named, self.metric: score}

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of images and boxes, the normalization, the options, and the parameters of the anchors."""
        boxes = np.bincount(np.concatenate([t.classes for t in self.train.truths]), minlength=len(self.labels))
        return {
            "images": {"train": self.count, "report": len(self.report_on.names)},
            "boxes": dict(zip(self.labels, boxes.tolist(), strict=True)),
            "corrupt": [],
            **FACTS,
            "loss": self.kind,
            "upside_down": self.upside_down,
            "anchors": {name: list(getattr(self.grid, name)) for name in ("strides", "ratios", "scales")},
        }

    @property
    def _samples(self) -> tuple[Any, ...]:
        """Return the dtypes and shapes of images, offsets and classes."""
        count, classes = len(self.anchors), len(self.labels)
        shapes = ((None, *self.grid.input_shape), (None, count, 5), (None, count, classes + 1))
        return tuple((tf.float32, shape) for shape in shapes)

    def _batch(
        self,
        data: BoxedImages,
        rows: NDArray[np.int64],
        how: Augmentation | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Any, ...]:
        samples = []
        for row in rows:
            image, truth = data.images[row].astype(np.float32), data.truths[row]
            if how is not None and rng is not None:
                image, truth = augment(image, truth, how, self.upside_down, rng)
            samples.append((normalize(image), *targets(truth.boxes, truth.classes, self.anchors, len(self.labels))))
        return tuple(np.stack(part) for part in zip(*samples, strict=True))

    def _detect(self, model: Any, data: BoxedImages, batch: int = 8) -> tuple[list[Found], float]:
        """Return the detections of ``model`` in each image, and the F1 of its anchors."""
        call = tf.function(lambda images: model(images, training=False))
        found, f1 = [], AnchorF1()
        for rows in np.array_split(np.arange(len(data.names)), -(-len(data.names) // batch)):
            images, _, wanted = self._batch(data, rows)
            offsets, scores = (np.asarray(part) for part in call(images))
            f1.update_state(wanted, scores)
            found += [detections_of(o, s, self.anchors) for o, s in zip(offsets, scores, strict=True)]
        return found, float(f1.result())


def _with_paired_targets(images: Any, offsets: Any, scores: Any) -> Any:
    return images, (offsets, scores)


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None = None,
    *,
    strides: tuple[int, ...] = anchor_boxes.STRIDES,
    ratios: tuple[float, ...] = anchor_boxes.RATIOS,
    scales: tuple[float, float] | None = None,
    upside_down: bool = False,
    loss: str = "focal",
) -> Detection:
    """Read a data set in the layout of PASCAL VOC; see ``edge.models.training.detection.voc_folder``.

    With ``settings.patience`` or ``settings.holdout``, the network is fitted to the set ``train``, and each epoch is
    evaluated on ``val``. Otherwise it is fitted to ``trainval``. The final figures are measured on ``test``, or on
    ``val`` when there is no ``test``.

    Args:
        root: a folder or a zip.
        input_shape: (height, width, channels).
        settings: the settings of the run.
        progress: called with the number of images that were read and of all images of a set.
        strides: the strides of the network's feature maps, in pixels.
        ratios: the aspect ratios of the network's anchors.
        scales: the sides of the smallest and the largest anchors, in fractions of the input's shorter side; None takes
            them from the training boxes.
        upside_down: whether training images are mirrored top to bottom, too.
        loss: the loss for classes, ``focal`` or ``hard_negatives``.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: the data set cannot be read.
    """
    check_no_cutout_or_mixup(settings.augmentation, "boxes")
    if not isinstance(upside_down, bool):
        raise InputError(f"upside_down must be True or False, got {upside_down!r}")
    strides, ratios = check_strides(strides), check_ratios(ratios)
    if loss not in LOSSES:
        raise unknown_name("loss", loss, LOSSES)
    height, width, channels = input_shape
    folder = open_boxes(root)
    train, monitor, report = _read_parts(folder, (height, width, channels), settings, progress)
    if scales is None:
        scales = fitting_scales(train.truths, input_shape, len(folder.labels))
    grid = Grid(tuple(input_shape), strides, ratios, anchor_boxes.check_scales(scales))
    return Detection(train, monitor, report, folder.labels, grid, upside_down, loss)


def _read_parts(
    folder: BoxFolder, size: tuple[int, int, int], settings: Settings, progress: Progress | None
) -> tuple[BoxedImages, BoxedImages, BoxedImages]:
    """Return the images to train on, to monitor and to report on."""
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
    """Return the sides of the smallest and the largest anchors, in fractions of the input's shorter side.

    A box's side is the square root of its area. The result is the median side of the class with the smallest boxes,
    and that of the class with the largest ones. With a single class it is the lower and the upper quartile.

    Args:
        truths: the true boxes of the training images.
        input_shape: (height, width, channels) of the network's input.
        classes: number of classes.
    """
    height, width = input_shape[:2]
    boxes, numbers = np.concatenate([t.boxes for t in truths]), np.concatenate([t.classes for t in truths])
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * height * width) / min(height, width)
    medians = [np.median(sides[numbers == c]) for c in range(classes) if (numbers == c).any()]
    low, high = (min(medians), max(medians)) if len(medians) > 1 else np.percentile(sides, (25, 75))
    return round(float(low), 4), round(float(high), 4)


def detections_of(offsets: Boxes, scores: NDArray[np.float32], anchors: Boxes) -> Found:
    """Return the detections of one image after TensorFlow's non-maximum suppression.

    A test compares the decoder that runs on the device with this function.

    Args:
        offsets: (n, 4) float32, the network's output ``boxes``.
        scores: (n, classes + 1) float32 probabilities, background first.
        anchors: (n, 4) float32.
    """
    boxes = np.clip(anchor_boxes.decode(offsets, anchors), 0.0, 1.0)
    seen = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    kept, values, classes, count = tf.image.combined_non_max_suppression(
        boxes[None, seen, None], scores[None, seen, 1:], MAX_DETECTIONS, MAX_DETECTIONS, IOU_THRESHOLD, SCORE_THRESHOLD
    )
    n = int(count[0])
    return Found(kept[0, :n].numpy(), values[0, :n].numpy(), classes[0, :n].numpy().astype(np.int64))
