"""Clip data sets: a folder or a zip with ``<split>/<class>/<clip>``, a video file or a folder of frames each."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.decode import decode_image
from edge.models.training.folder import SPLITS, ImageFolder, file_names
from edge.pictures import SUFFIXES
from edge.video import Capture

VIDEOS = (".avi", ".mkv", ".mov", ".mp4", ".mpg", ".webm")

Frames = NDArray[np.uint8]
"""(frames, height, width, channels) uint8, RGB or grey."""


@dataclass(frozen=True)
class Clip:
    """One clip of a data set.

    Attributes:
        name: the video's or the folder's path in the data set.
        files: the video, or the frames in their order.
        label: the class's index.
    """

    name: str
    files: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class ClipFolder:
    """A data set; nothing of it is decoded.

    Attributes:
        root: a folder or a zip.
        labels: sorted.
        splits: clips by ``train``, ``test``, ``validation``, as far as they are there.
    """

    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[Clip, ...]]

    def evaluation(self) -> str:
        """Return the split that figures are reported on: ``test`` if there is one, else ``validation``."""
        for name in ("test", "validation"):
            if name in self.splits:
                return name
        raise InputError(f"data set {self.root} has no test/ and no validation/ folder to report accuracy on")

    def read(self, clips: Sequence[Clip], size: tuple[int, int, int, int], step: int) -> Iterator[Frames | None]:
        """Yield each clip, sampled to ``size`` (frames, height, width, channels); None for one without a frame."""
        for clip in clips:
            yield sampled(self._frames(clip, size[1:]), size[0], step)

    def _frames(self, clip: Clip, size: tuple[int, int, int]) -> list[NDArray[np.uint8]]:
        files = ImageFolder(self.root, (), {}).read(clip.files)
        if not _is_video(clip.files[0]):
            decoded = (decode_image(data, size) for data in files)
            return [frame for frame in decoded if frame is not None]
        if self.root.is_dir():
            return video_frames(self.root / clip.files[0], size)
        with tempfile.TemporaryDirectory(prefix="edge-clip-") as folder:
            target = Path(folder) / f"clip{PurePosixPath(clip.files[0]).suffix}"
            target.write_bytes(next(files))
            return video_frames(target, size)


def open_clips(root: Path) -> ClipFolder:
    """List a data set. Raises FileError when it cannot be read, InputError when it is laid out otherwise."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in file_names(root):
        if parsed := _parse(name):
            found.setdefault(parsed, []).append(name)
    trained = sorted({label for split, label, _ in found if split == "train"})
    if not trained:
        raise InputError(
            f"data set {root} has no clips to train on: expected train/<class>/<clip>.avi, or a folder of frames "
            f"train/<class>/<clip>/*.jpg ({', '.join(VIDEOS)}), in a folder or a zip"
        )
    if len(trained) == 1:
        raise InputError(f"data set {root} must have two classes or more, got only the folder train/{trained[0]}")
    splits: dict[str, list[Clip]] = {}
    for (split, label, name), files in sorted(found.items()):
        if label not in trained:
            raise InputError(f"data set {root}: class folder {split}/{label} has no counterpart train/{label}")
        splits.setdefault(split, []).append(Clip(name, tuple(sorted(files)), trained.index(label)))
    return ClipFolder(root, tuple(trained), {split: tuple(clips) for split, clips in splits.items()})


def listing(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of each split's clips; see ``open_clips``."""
    return {split: tuple(clip.name for clip in clips) for split, clips in open_clips(root).splits.items()}


def _parse(name: str) -> tuple[str, str, str] | None:
    """Return split, label and the clip's name for ``[anything/]train/<class>/<clip>[/<frame>]``; None for others."""
    parts = PurePosixPath(name).parts
    if "__MACOSX" in parts or any(part.startswith(".") for part in parts):
        return None
    at = next((i for i, part in enumerate(parts) if part in SPLITS), None)
    if at is None:
        return None
    depth, is_frame = len(parts) - at, PurePosixPath(name).suffix.lower() in SUFFIXES
    if (depth == 4 and is_frame) or (depth == 3 and _is_video(name)):
        return SPLITS[parts[at]], parts[at + 1], "/".join(parts[: at + 3])
    return None


def _is_video(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in VIDEOS


def video_frames(path: Path, size: tuple[int, int, int]) -> list[NDArray[np.uint8]]:
    """Return every frame of a video, resized to ``size`` (height, width, channels); none when it cannot be opened."""
    try:
        with Capture(str(path)) as capture:
            frames = []
            while (picture := capture.read()) is not None:
                frames.append(fitted(picture, size))
            return frames
    except FileError:
        return []


def fitted(image: NDArray[np.uint8], size: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a BGR picture as (height, width, channels) RGB or grey, resized as on the device."""
    height, width, channels = size
    if image.shape[:2] != (height, width):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if channels == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def sampled(frames: Sequence[NDArray[np.uint8]], count: int, step: int) -> Frames | None:
    """Return ``count`` of the frames: evenly over the clip for a ``step`` of 0, else every ``step``-th of its middle.

    A clip that is too short repeats its last frame. None for a clip without frames.
    """
    if not frames:
        return None
    if step:
        first = max(0, (len(frames) - ((count - 1) * step + 1)) // 2)
        rows = first + step * np.arange(count)
    else:
        rows = np.round(np.linspace(0, len(frames) - 1, count)).astype(int)
    return np.stack([frames[row] for row in np.minimum(rows, len(frames) - 1)])
