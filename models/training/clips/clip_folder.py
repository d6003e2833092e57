"""Data sets of video clips: ``<split>/<class>/<clip>`` in a folder or a zip.

Each clip is a video file or a folder of frames.
"""

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
        name: the path of the video or of the folder of frames in the data set.
        files: the path of the video, or the paths of the frames in their order.
        label: the label index.
    """

    name: str
    files: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class ClipFolder:
    """A listed data set.

    Attributes:
        root: the folder or zip.
        labels: the class names, sorted.
        splits: the clips of those of ``train``, ``test`` and ``validation`` that exist.
    """

    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[Clip, ...]]

    def evaluation(self) -> str:
        """Return the name of the split that the accuracy is reported on: ``test`` if it exists, else ``validation``.

        Raises:
            InputError: there is neither.
        """
        for name in ("test", "validation"):
            if name in self.splits:
                return name
        raise InputError(f"data set {self.root} has no test/ and no validation/ folder to report accuracy on")

    def read(self, clips: Sequence[Clip], size: tuple[int, int, int, int], step: int) -> Iterator[Frames | None]:
        """Yield the sampled frames of each clip, or None for a clip without a frame that can be decoded.

        Args:
            clips: the clips to read.
            size: (frames, height, width, channels) of the result.
            step: see ``sampled``.
        """
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
    """List a data set without decoding a clip.

    Raises:
        FileError: the data set cannot be read.
        InputError: it has no training clips, only one class, or a class without training clips.
    """
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
    """Return the names of the clips of each split. It raises as ``open_clips`` does."""
    return {split: tuple(clip.name for clip in clips) for split, clips in open_clips(root).splits.items()}


def _parse(name: str) -> tuple[str, str, str] | None:
    """Return split, label and clip name of ``[anything/]train/<class>/<clip>[/<frame>]``, or None for other files."""
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
    """Return all frames of a video, or an empty list when it cannot be opened.

    Args:
        path: the video file.
        size: (height, width, channels) of each frame, which is uint8, RGB or grey.
    """
    try:
        with Capture(str(path)) as capture:
            frames = []
            while (picture := capture.read()) is not None:
                frames.append(fitted(picture, size))
            return frames
    except FileError:
        return []


def fitted(image: NDArray[np.uint8], size: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a BGR picture as RGB or grey, resized by the OpenCV call that the device uses.

    Args:
        image: (rows, columns, 3) uint8 BGR.
        size: (height, width, channels) of the result; 3 channels for RGB, 1 for grey.
    """
    height, width, channels = size
    if image.shape[:2] != (height, width):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if channels == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def sampled(frames: Sequence[NDArray[np.uint8]], count: int, step: int) -> Frames | None:
    """Return some frames of a clip as one array, or None for a clip without frames.

    A clip that is too short repeats its last frame.

    Args:
        frames: the frames of the clip, (height, width, channels) uint8 each.
        count: number of frames of the result.
        step: 0 samples evenly over the whole clip. Otherwise every ``step``-th frame is taken, from the middle part.
    """
    if not frames:
        return None
    if step:
        first = max(0, (len(frames) - ((count - 1) * step + 1)) // 2)
        rows = first + step * np.arange(count)
    else:
        rows = np.round(np.linspace(0, len(frames) - 1, count)).astype(int)
    return np.stack([frames[row] for row in np.minimum(rows, len(frames) - 1)])
