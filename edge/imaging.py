"""``Preprocessor`` turns a camera frame into a model's input.

It resizes the frame, then converts its colour and normalizes it, and writes to one preallocated tensor. This order was
measured: at 1080p it takes less than half the time of converting the colour first.
"""

import math
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import cv2
import numpy as np

from edge import yuv
from edge.errors import InputError
from edge.fitting import Image, centre_box, letterbox_box, mirrored, turned, unturned
from edge.pixel_table import lookup_table, shifts
from edge.placement import Placement
from edge.tensors import Array, TensorSpec

if TYPE_CHECKING:
    from edge.frames import Frame

__all__ = [
    "Colour",
    "Image",
    "InputFormat",
    "Layout",
    "Prepared",
    "Preprocessor",
    "Resize",
    "default_format",
    "letterbox_box",
    "mirrored",
    "placement_of",
    "turned",
]

Colour = Literal["RGB", "BGR", "GRAY"]
Resize = Literal["stretch", "letterbox", "crop", "tile"]
Layout = Literal["NHWC", "NCHW"]


PADDING = 114
"""The grey around a letterboxed picture."""

FARTHEST, LARGEST, LEAST = 1e6, 1e9, 1e-9
"""How far a mean may be from a pixel, and what pixels may become. Beyond, float32 merges them or overflows in sums."""


@dataclass(frozen=True)
class InputFormat:
    """How pixels become the model's real values: real = (pixel - mean) / std, with pixels from 0 to 255.

    Attributes:
        colour: the order of the channels, or ``GRAY`` for one channel.
        mean: the mean of each channel, or one value for all channels.
        std: the divisor of each channel, or one value for all channels.
        resize: how a picture is fitted to the input. ``stretch`` ignores the aspect ratio, ``letterbox`` keeps it and
            pads with grey 114, ``crop`` keeps it and takes the centre. ``tile`` keeps the picture's own resolution and
            covers it with windows of the input's size (``edge.tiles``).
        layout: the order of the input's axes.
        raw: whether the model takes 8-bit pixels as they are, whatever its quantization is. This is for files without a
            manifest.
    """

    colour: Colour = "RGB"
    mean: tuple[float, ...] = (127.5,)
    std: tuple[float, ...] = (127.5,)
    resize: Resize = "stretch"
    layout: Layout = "NHWC"
    raw: bool = False

    def __post_init__(self) -> None:
        if self.colour not in ("RGB", "BGR", "GRAY"):
            raise InputError(f"colour must be RGB, BGR or GRAY, got {self.colour!r}")
        if self.resize not in ("stretch", "letterbox", "crop", "tile"):
            raise InputError(f"resize must be stretch, letterbox, crop or tile, got {self.resize!r}")
        if self.layout not in ("NHWC", "NCHW"):
            raise InputError(f"layout must be NHWC or NCHW, got {self.layout!r}")
        if not self.mean or not all(map(math.isfinite, (*self.mean, *self.std))):
            raise InputError(f"mean and std must be finite numbers, got {self.mean} and {self.std}")
        if not isinstance(self.raw, bool):
            raise InputError(f"raw must be true or false, got {self.raw!r}")
        if not self.std or any(not s > 0 for s in self.std):
            raise InputError(f"std must be positive, one value per channel or one for all, got {self.std}")
        farthest = max(max(abs(mean), abs(255 - mean)) for mean in self.mean)
        if farthest > FARTHEST or farthest / min(self.std) > LARGEST or 255 / max(self.std) < LEAST:
            raise InputError(
                "mean and std must turn pixels 0 to 255 into numbers that float32 tells apart, from "
                f"{LEAST:g} to {LARGEST:g}, got {self.mean} and {self.std}"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object for the manifest."""
        return asdict(self)


def default_format(spec: TensorSpec) -> InputFormat:
    """Return the format of an input for which nothing is stated.

    Args:
        spec: the model's input. Float inputs get values from -1 to 1, integer inputs get the pixels as they are.
    """
    if len(spec.shape) == 3:
        return InputFormat(colour="GRAY", raw=spec.dtype.kind in "iu")
    if len(spec.shape) != 4:
        return InputFormat()  # not an image; Preprocessor raises an error
    colour: Colour = "GRAY" if 1 in (spec.shape[1], spec.shape[-1]) else "RGB"
    layout: Layout = "NCHW" if spec.shape[1] in (1, 3) and spec.shape[-1] not in (1, 3) else "NHWC"
    return InputFormat(colour=colour, layout=layout, raw=spec.dtype.kind in "iu")


class Prepared(NamedTuple):
    """A frame as a network's input.

    Attributes:
        tensor: the input, in its shape and dtype. The next call of the same Preprocessor overwrites it.
        placement: where the frame lies in the input. Decoders use it to map results back to the frame.
    """

    tensor: Array
    placement: Placement


class Preprocessor:
    """Turns a BGR frame of any size into a model's input. With resize ``tile`` it takes the window in the centre."""

    def __init__(self, spec: TensorSpec, form: InputFormat, rotation: int = 0) -> None:
        """Check the format against the input, and allocate the buffers.

        Args:
            spec: an image input with batch size 1: (1, height, width, channels), (1, channels, height, width) or, for
                a grey image without a channel axis, (1, height, width).
            form: how pixels become the input's values.
            rotation: the clockwise rotation of each frame before it is resized: 0, 90, 180 or 270 degrees.

        Raises:
            InputError: the input is not an image of this format.
        """
        self._form, self._rotation = form, rotation
        shape = _with_channels(spec, form)
        height, width, channels = shape if form.layout == "NHWC" else (*shape[1:], shape[0])
        expected = 1 if form.colour == "GRAY" else 3
        if channels != expected:
            raise InputError(
                f"colour {form.colour} needs {expected} channel(s), the model's input is {spec.describe()}"
            )
        if not {len(form.mean), len(form.std)} <= {1, channels}:
            raise InputError(
                f"mean and std must be one number, or {channels} for the channels of the model's input "
                f"{spec.describe()}, got {form.mean} and {form.std}"
            )
        self._size = (width, height)
        self._table = lookup_table(spec, form.mean, form.std, form.raw, channels)
        self._shifts = shifts(self._table, spec.dtype)
        self._tensor = np.empty(spec.shape, spec.dtype)
        inside = self._tensor.reshape(shape)
        self._target = inside if form.layout == "NHWC" else inside.transpose(1, 2, 0)
        self._plane = inside if form.layout == "NHWC" else np.empty((height, width, channels), spec.dtype)
        self._pixels: Image = np.empty((height, width, channels), np.uint8)
        self._resized: Image = np.empty((height, width, 3), np.uint8)
        self._place = lru_cache(maxsize=8)(partial(placement_of, to=self._size, resize=form.resize, rotation=rotation))

    def __call__(self, image: Image) -> Prepared:
        """Preprocess one frame.

        Args:
            image: (height, width, 3) uint8 BGR.

        Returns:
            The input, which the next call overwrites, and where the frame lies in it.
        """
        placement = self._place((image.shape[1], image.shape[0]))
        resized = self._fit(image, placement)
        if self._form.colour == "RGB":
            cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=self._pixels)
        elif self._form.colour == "GRAY":
            self._pixels[..., 0] = cv2.cvtColor(resized, cv2.COLOR_BGR2GRAY)
        else:
            self._pixels[...] = resized
        return self._filled(placement)

    def of_frame(self, frame: "Frame") -> Prepared:
        """Preprocess one frame from its own pixels, so that a large YUV or grey picture is converted after resizing."""
        size, placement = self._size, self._place(frame.size)
        width, height = placement.turned
        inner = letterbox_box(width, height, *size) if self._form.resize == "letterbox" else (0, 0, *size)
        box = centre_box(width, height, size[0] / size[1]) if self._form.resize == "crop" else (0, 0, width, height)
        to = inner[2:]
        box = unturned(box, frame.size, self._rotation)  # planes are turned when they are small
        if self._rotation in (90, 270):
            to = to[::-1]
        if frame.format == "BGR" or self._form.resize == "tile" or not yuv.pays(frame.format, box, to):
            return self(frame.bgr)
        found = turned(yuv.resized(frame.pixels, frame.format, box, to, self._form.colour), self._rotation)
        if inner[2:] != size:
            self._pixels[...] = PADDING
        left, top, width, height = inner
        self._pixels[top : top + height, left : left + width] = found.reshape(height, width, -1)
        return self._filled(placement)

    def _filled(self, placement: Placement) -> Prepared:
        """Write the input's values for the pixels."""
        self._apply_table()
        if self._form.layout == "NCHW":
            self._target[...] = self._plane
        return Prepared(self._tensor, placement)

    def _fit(self, image: Image, placement: Placement) -> Image:
        image = turned(image, self._rotation)
        width, height = self._size
        if image.shape[:2] == (height, width):
            return image
        if self._form.resize == "letterbox":
            return self._padded(image)
        if self._form.resize == "tile":
            return _window(image, self._size)
        if self._form.resize == "crop":
            image = _centre(image, width / height)
        cv2.resize(image, self._size, dst=self._resized, interpolation=cv2.INTER_LINEAR)
        return self._resized

    def _padded(self, image: Image) -> Image:
        left, top, width, height = letterbox_box(image.shape[1], image.shape[0], *self._size)
        self._resized[...] = PADDING
        inner = self._resized[top : top + height, left : left + width]
        inner[...] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        return self._resized

    def _apply_table(self) -> None:
        if self._table is None:
            self._plane[...] = self._pixels
            return
        if self._shifts:
            np.bitwise_xor(self._pixels, 128, out=self._plane.view(np.uint8))
            return
        if self._plane.dtype not in (np.float32, np.uint8, np.int8):  # the types that cv2.LUT can write
            for channel in range(self._plane.shape[-1]):
                self._plane[..., channel] = self._table[0, self._pixels[..., channel], channel]
            return
        plane = self._plane.view(np.uint8) if self._plane.dtype == np.int8 else self._plane
        done = cv2.LUT(self._pixels, self._table, dst=plane)
        if done is not plane and not np.shares_memory(done, plane):
            plane[...] = done.reshape(plane.shape)


def _with_channels(spec: TensorSpec, form: InputFormat) -> tuple[int, int, int]:
    """Return the shape with a channel axis and without the batch axis. Raises InputError for other than images."""
    shape = spec.shape
    if len(shape) == 3 and shape[0] == 1:
        return (shape[1], shape[2], 1) if form.layout == "NHWC" else (1, shape[1], shape[2])
    if len(shape) != 4 or shape[0] != 1:
        raise InputError(f"an image model's input must have shape (1, height, width, channels), got {shape}")
    return shape[1], shape[2], shape[3]


def placement_of(frame: tuple[int, int], to: tuple[int, int], resize: Resize, rotation: int = 0) -> Placement:
    """Return where a frame lies in an input.

    Args:
        frame: the frame's width and height in pixels, before it is rotated.
        to: the input's width and height in pixels.
        resize: how the frame is fitted to the input.
        rotation: the clockwise rotation of the frame, in degrees.
    """
    width, height = (frame[1], frame[0]) if rotation in (90, 270) else frame
    if resize == "letterbox":
        left, top, inner_width, inner_height = letterbox_box(width, height, *to)
        return Placement(frame, to, (inner_width / width, inner_height / height), (left, top), rotation)
    if resize == "crop":
        left, top, inner_width, inner_height = centre_box(width, height, to[0] / to[1])
        scale = (to[0] / inner_width, to[1] / inner_height)
        return Placement(frame, to, scale, (-left * scale[0], -top * scale[1]), rotation)
    if resize == "tile":
        left, top = (max(0, have - size) // 2 for have, size in zip((width, height), to, strict=True))
        return Placement(frame, to, (1.0, 1.0), (float(-left), float(-top)), rotation)
    return Placement(frame, to, (to[0] / width, to[1] / height), rotation=rotation)


def _centre(image: Image, aspect: float) -> Image:
    left, top, width, height = centre_box(image.shape[1], image.shape[0], aspect)
    return image[top : top + height, left : left + width]


def _window(image: Image, size: tuple[int, int]) -> Image:
    """Return the window of (width, height) ``size`` in the image's centre, at the image's own resolution."""
    image = mirrored(image, size)
    left, top = ((have - wanted) // 2 for have, wanted in zip(image.shape[1::-1], size, strict=True))
    return image[top : top + size[1], left : left + size[0]]
