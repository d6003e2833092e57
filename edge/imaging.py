"""From a camera frame to a model's input: resize first, convert colour after, into one preallocated tensor.

The order was measured: at 1080p, resizing before the colour conversion takes less than half the time.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.tensors import Array, TensorSpec, quantize

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, BGR, as OpenCV has it."""

Colour = Literal["RGB", "BGR", "GRAY"]
Resize = Literal["stretch", "letterbox", "crop"]
Layout = Literal["NHWC", "NCHW"]


@dataclass(frozen=True)
class InputFormat:
    """How pixels become the model's numbers: real = (pixel - mean) / std, pixel 0 to 255.

    mean, std: one value per channel, or one for all. resize: ``stretch`` ignores the aspect ratio,
    ``letterbox`` keeps it and pads with grey 114, ``crop`` keeps it and cuts the centre.
    ``raw`` means that pixels fill the quantized range whatever its scale (files without a manifest).
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
        if self.resize not in ("stretch", "letterbox", "crop"):
            raise InputError(f"resize must be stretch, letterbox or crop, got {self.resize!r}")
        if self.layout not in ("NHWC", "NCHW"):
            raise InputError(f"layout must be NHWC or NCHW, got {self.layout!r}")
        if not self.std or any(not s > 0 for s in self.std):
            raise InputError(f"std must be positive, one value per channel or one for all, got {self.std}")

    def as_json(self) -> dict[str, Any]:
        """Return the manifest's form."""
        return asdict(self)


def default_format(spec: TensorSpec) -> InputFormat:
    """Return the format of a file that says nothing: -1 to 1 for float, the whole range for integers."""
    if len(spec.shape) != 4:
        return InputFormat()  # not an image: Preprocessor says so
    colour: Colour = "GRAY" if 1 in (spec.shape[1], spec.shape[-1]) else "RGB"
    layout: Layout = "NCHW" if spec.shape[1] in (1, 3) and spec.shape[-1] not in (1, 3) else "NHWC"
    return InputFormat(colour=colour, layout=layout, raw=spec.dtype.kind in "iu")


class Preprocessor:
    """Turns BGR frames of any size into one model input; the returned array is reused by the next call."""

    def __init__(self, spec: TensorSpec, form: InputFormat) -> None:
        """spec: a rank-4 image input, batch 1. Raises InputError when it is not one."""
        self._form = form
        shape = spec.shape
        if len(shape) != 4 or shape[0] != 1:
            raise InputError(f"an image model's input must have shape (1, height, width, channels), got {shape}")
        height, width, channels = shape[1:] if form.layout == "NHWC" else (*shape[2:], shape[1])
        expected = 1 if form.colour == "GRAY" else 3
        if channels != expected:
            raise InputError(
                f"colour {form.colour} needs {expected} channel(s), the model's input is {spec.describe()}"
            )
        self._size = (width, height)
        self._table = _lookup_table(spec, form, channels)
        self._tensor = np.empty(shape, spec.dtype)
        image = self._tensor[0] if form.layout == "NHWC" else np.empty((height, width, channels), spec.dtype)
        self._plane = image
        self._pixels: Image = np.empty((height, width, channels), np.uint8)
        self._resized: Image = np.empty((height, width, 3), np.uint8)

    def __call__(self, image: Image) -> Array:
        """image: (height, width, 3) uint8 BGR. Returns the tensor, of the spec's shape and dtype."""
        resized = self._fit(image)
        if self._form.colour == "RGB":
            cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=self._pixels)
        elif self._form.colour == "GRAY":
            self._pixels[..., 0] = cv2.cvtColor(resized, cv2.COLOR_BGR2GRAY)
        else:
            self._pixels[...] = resized
        self._apply_table()
        if self._form.layout == "NCHW":
            self._tensor[0] = self._plane.transpose(2, 0, 1)
        return self._tensor

    def _fit(self, image: Image) -> Image:
        width, height = self._size
        if image.shape[:2] == (height, width):
            return image
        if self._form.resize == "stretch":
            cv2.resize(image, self._size, dst=self._resized, interpolation=cv2.INTER_LINEAR)
            return self._resized
        if self._form.resize == "crop":
            cv2.resize(_centre(image, width / height), self._size, dst=self._resized, interpolation=cv2.INTER_LINEAR)
            return self._resized
        left, top, inner_width, inner_height = letterbox_box(image.shape[1], image.shape[0], width, height)
        self._resized[...] = 114
        inner = cv2.resize(image, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
        self._resized[top : top + inner_height, left : left + inner_width] = inner
        return self._resized

    def _apply_table(self) -> None:
        if self._table is None:
            self._plane[...] = self._pixels
            return
        plane = self._plane.view(np.uint8) if self._plane.dtype == np.int8 else self._plane
        done = cv2.LUT(self._pixels, self._table, dst=plane)
        if done is not plane and not np.shares_memory(done, plane):
            plane[...] = done.reshape(plane.shape)


def letterbox_box(width: int, height: int, to_width: int, to_height: int) -> tuple[int, int, int, int]:
    """Return left, top, width, height in pixels of the scaled image inside the padded one."""
    scale = min(to_width / width, to_height / height)
    inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
    return (to_width - inner_width) // 2, (to_height - inner_height) // 2, inner_width, inner_height


def _centre(image: Image, aspect: float) -> Image:
    height, width = image.shape[:2]
    new_width = min(width, max(1, round(height * aspect)))
    new_height = min(height, max(1, round(width / aspect)))
    left, top = (width - new_width) // 2, (height - new_height) // 2
    return image[top : top + new_height, left : left + new_width]


def _lookup_table(spec: TensorSpec, form: InputFormat, channels: int) -> Array | None:
    """Return (1, 256, channels) values of ``spec.dtype`` (int8 as its uint8 bits), None for the identity."""
    pixel = np.arange(256, dtype=np.float64)[:, None]
    mean, std = (np.broadcast_to(np.asarray(v, np.float64), (channels,)) for v in (form.mean, form.std))
    real = (pixel - mean) / std
    if spec.dtype == np.float32:
        return np.ascontiguousarray(real.astype(np.float32)[None])
    if spec.dtype not in (np.uint8, np.int8):
        raise InputError(f"an image input must be float32, uint8 or int8, got {spec.describe()}")
    if form.raw or spec.quantization is None:
        values = np.broadcast_to(pixel + np.iinfo(spec.dtype).min, (256, channels)).astype(spec.dtype)
    else:
        values = quantize(real, spec)
    table = np.ascontiguousarray(values.view(np.uint8)[None])
    identity = spec.dtype == np.uint8 and bool((table[0] == pixel).all())
    return None if identity else table
