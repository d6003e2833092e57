"""Samples for calibration and verification, from whatever they are given in: one file a kind, one table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.deploy.samples import annotated, arrays, pictures, series
from edge.deploy.samples.base import CALIBRATION, VERIFICATION, Choice, Sample, Samples, Wanted
from edge.errors import FileError, InputError
from edge.models.training.folder import file_names
from edge.signature import describe

__all__ = ["CALIBRATION", "VERIFICATION", "Choice", "Sample", "Samples", "Wanted", "open_samples"]

Open = Callable[[Path, Wanted, Sequence[str], Choice], Samples]


@dataclass(frozen=True)
class Reader:
    """One kind of samples.

    Attributes:
        fits: whether a path holds such samples for a network.
        open: reads them.
        summary: what the path has to be, for messages.
    """

    fits: Callable[[Path, Wanted], bool]
    open: Open
    summary: str


def _takes(wanted: Wanted, *ranks: int, image: bool | None = None) -> bool:
    """Whether the network has one input, of one of the ranks and a picture or not."""
    entry, *others = wanted.signature.inputs
    return not others and len(entry.shape) in ranks and image in (None, entry.kind == "image")


def _has(path: Path, *names: str) -> bool:
    return any(set(Path(name).parts) & set(names) for name in file_names(path))


READERS: tuple[Reader, ...] = (
    Reader(lambda path, _: path.suffix == ".npz", arrays.of_arrays, "an .npz file with an array for each input"),
    Reader(
        lambda path, wanted: _takes(wanted, 3, 4) and bool(series.sound_files(path)),
        series.of_sounds,
        "a folder of .wav files, for a network that takes sounds",
    ),
    Reader(
        lambda _, wanted: _takes(wanted, 2, image=False) and wanted.signature.inputs[0].dtype.startswith("int"),
        series.of_sentences,
        "sentences, for a network that takes tokens",
    ),
    Reader(lambda _, wanted: _takes(wanted, 5, image=True), series.of_clips, "clips, for a network that takes clips"),
    Reader(
        lambda path, wanted: wanted.signature.task.name == "detect" and _has(path, "ImageSets"),
        annotated.of_boxes,
        "pictures with boxes in VOC's form, for a detector",
    ),
    Reader(
        lambda path, wanted: wanted.signature.task.name == "segment" and _has(path, "mask", "masks", "label"),
        annotated.of_masks,
        "pictures with masks, for a segmenter",
    ),
    Reader(
        lambda path, wanted: wanted.signature.task.name == "keypoints" and _has(path, "annotations"),
        annotated.of_keypoints,
        "pictures with keypoints in COCO's form, for a pose network",
    ),
    Reader(
        lambda path, wanted: _takes(wanted, 3, 4, image=True) and path.is_dir() and not pictures.has_parts(path),
        pictures.of_any_folder,
        "a folder of pictures",
    ),
    Reader(
        lambda _, wanted: _takes(wanted, 3, 4, image=True),
        pictures.of_classes,
        "pictures in train/<class>/ and test/<class>/, in a folder or a zip",
    ),
)


def open_samples(path: Path, wanted: Wanted, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the samples that ``choice`` picks.

    Args:
        path: a folder, a zip, an .npz file or a file of sentences.
        wanted: what they are for.
        splits: parts of a data set, CALIBRATION or VERIFICATION.
        choice: picks rows by their classes.

    Raises:
        FileError: it does not exist or cannot be read.
        InputError: it holds no samples for the network.
    """
    if not path.exists():
        raise FileError(f"{path} does not exist; expected samples for the network")
    reader = next((reader for reader in READERS if reader.fits(path, wanted)), None)
    if reader is None:
        known = "; ".join(reader.summary for reader in READERS)
        raise InputError(f"{path} holds no samples for {describe(wanted.signature.inputs)}; expected one of: {known}")
    return reader.open(path, wanted, splits, choice)
