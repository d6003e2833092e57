"""``open_samples`` reads samples for calibration and verification. Each kind of data has one row in ``READERS``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.deploy.samples import annotated, arrays, pictures, series
from edge.deploy.samples.base import CALIBRATION, VERIFICATION, Choice, NetworkInfo, Sample, Samples
from edge.errors import FileError, InputError
from edge.models.training.folder import file_names
from edge.signature import describe

__all__ = ["CALIBRATION", "VERIFICATION", "Choice", "NetworkInfo", "Sample", "Samples", "open_samples"]

Open = Callable[[Path, NetworkInfo, Sequence[str], Choice], Samples]


@dataclass(frozen=True)
class Reader:
    """A reader for one kind of data.

    Attributes:
        fits: takes a path and a network, and returns whether this reader can read samples for the network there.
        open: reads the samples.
        summary: says in messages what the path must be.
    """

    fits: Callable[[Path, NetworkInfo], bool]
    open: Open
    summary: str


def _takes(network: NetworkInfo, *ranks: int, image: bool | None = None) -> bool:
    """Return whether the network has one input, with one of these ranks, and whether that is an image as asked."""
    entry, *others = network.signature.inputs
    return not others and len(entry.shape) in ranks and image in (None, entry.kind == "image")


def _has(path: Path, *names: str) -> bool:
    return any(set(Path(name).parts) & set(names) for name in file_names(path))


READERS: tuple[Reader, ...] = (
    Reader(
        lambda path, _: path.suffix in arrays.SUFFIXES,
        arrays.array_samples,
        "an .npz file with an array for each input, or an .npy file for a network with one",
    ),
    Reader(
        lambda path, network: _takes(network, 3, 4) and bool(series.sound_files(path)),
        series.sound_samples,
        "a folder of .wav files, for a network that takes sounds",
    ),
    Reader(
        lambda _, network: _takes(network, 2, image=False) and network.signature.inputs[0].dtype.startswith("int"),
        series.sentence_samples,
        "sentences, for a network that takes tokens",
    ),
    Reader(
        lambda _, network: _takes(network, 5, image=True), series.clip_samples, "clips, for a network that takes clips"
    ),
    Reader(
        lambda path, network: network.signature.task.name == "detect" and _has(path, "ImageSets"),
        annotated.box_samples,
        "pictures with boxes in VOC's form, for a detector",
    ),
    Reader(
        lambda path, network: network.signature.task.name == "segment" and _has(path, "mask", "masks", "label"),
        annotated.mask_samples,
        "pictures with masks, for a segmenter",
    ),
    Reader(
        lambda path, network: network.signature.task.name == "keypoints" and _has(path, "annotations"),
        annotated.keypoint_samples,
        "pictures with keypoints in COCO's form, for a pose network",
    ),
    Reader(
        lambda path, network: _takes(network, 3, 4, image=True) and path.is_dir() and not pictures.has_parts(path),
        pictures.folder_samples,
        "a folder of pictures",
    ),
    Reader(
        lambda _, network: _takes(network, 3, 4, image=True),
        pictures.class_samples,
        "pictures in train/<class>/ and test/<class>/, in a folder or a zip",
    ),
)


def open_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Open a data set and choose samples from it.

    Args:
        path: a folder, a zip, an .npz file or a text file of sentences.
        network: the network that the samples are for.
        splits: the parts of a data set to look for, CALIBRATION or VERIFICATION.
        choice: chooses samples by their classes.

    Returns:
        The chosen samples, which are decoded when they are read.

    Raises:
        FileError: the path does not exist or cannot be read.
        InputError: the path holds no samples for the network.
    """
    if not path.exists():
        raise FileError(f"{path} does not exist; expected samples for the network")
    reader = next((reader for reader in READERS if reader.fits(path, network)), None)
    if reader is None:
        known = "; ".join(reader.summary for reader in READERS)
        raise InputError(f"{path} holds no samples for {describe(network.signature.inputs)}; expected one of: {known}")
    return reader.open(path, network, splits, choice)
