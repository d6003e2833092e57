"""Networks that return a picture for a picture, such as super-resolution, style transfer and denoising."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decoders.heads import unchecked
from edge.decoders.parameters import choice, numbers
from edge.errors import InputError
from edge.imaging import Image, InputFormat
from edge.placement import Placement
from edge.results import Result
from edge.signature import Signature
from edge.tasks.base import Budget, Comparer, Figures, Task
from edge.tasks.difference import Difference, decibel
from edge.tasks.parameters import Parameters, one_or_each
from edge.tasks.shapes import LAYOUTS, channels_last, likely_layout, map_channels
from edge.tensors import Outputs, Tensor, dequantize

COLOURS = ("RGB", "BGR", "GRAY")
PEAK = 255.0
"""The largest value of a pixel."""


class ImageToImage(Task):
    """Decodes the output with the role ``image``: (1, rows, columns, channels) or (1, channels, rows, columns).

    Integers without quantization are pixels from 0 to 255.

    Parameters in the manifest:
        range: the two numbers that stand for 0 and for 255, or auto (default), which takes 0 to 1, -1 to 1 or 0 to 255
            by what the numbers are, or by what they can be where they are quantized.
        mean, std: instead of a range; pixel = number * std + mean, one for all channels or one for each.
        colour: RGB, BGR or GRAY, as the image input has it unless stated.
        layout: NHWC or NCHW; unless stated, the one whose sides have the ratio of the input's.

    The result's picture shows the whole frame, upright and with its aspect ratio, in the network's own resolution:
    padding is cut off, and what the input did not hold is black. It is not scaled to the frame's size, because
    that would take from super-resolution what it gives. Without a placement it is the output as it is.
    The truth of a sample is (height, width, 3) uint8 BGR of that size.
    """

    name: ClassVar[str] = "image"
    budget: ClassVar[Budget] = Budget(30.0, 0.5)
    takes_labels: ClassVar[bool] = False
    joins_tiles: ClassVar[bool] = True

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        signature.only("image")
        output = signature.one("image")
        given = Parameters(signature)
        form = (signature.image and signature.image.format) or InputFormat()
        self._layout = choice(given, "layout", likely_layout(signature, output), LAYOUTS)
        channels = map_channels(output, self.name, self._layout)
        self._colour = choice(given, "colour", "GRAY" if channels == 1 else form.colour, COLOURS)
        wanted = 1 if self._colour == "GRAY" else 3
        if channels != wanted:
            raise InputError(
                f"colour {self._colour} with layout {self._layout} needs {wanted} channel(s), "
                f"output {output.name!r} is {output.shape}"
            )
        self._range = _range(given)
        if signature.tiled and self._range == () and np.dtype(output.dtype).kind == "f":
            raise InputError(
                "with resize tile the range of the output cannot be told from the numbers of one window: it must be "
                "stated, got auto; state the parameter range, such as [0, 255], or mean and std"
            )
        mean, std = one_or_each(given, "mean", (0.0,), channels), one_or_each(given, "std", (1.0,), channels)
        self._mean, self._std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        given.finish()
        self._output = output.name

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task."""
        # fmax and fmin ignore NaN, so that an invalid value becomes black.
        pixels = np.rint(np.fmin(np.fmax(self.pixels(outputs), 0), PEAK)).astype(np.uint8)
        return Result(self.name, image=_as_frame(self._as_bgr(pixels), placement))

    def pixels(self, outputs: Outputs) -> NDArray[np.float32]:
        """Return the output as (rows, columns, channels) float32 pixel values, nominally from 0 to 255."""
        tensor = outputs[self._output]
        if tensor.spec.quantization is None and tensor.raw.dtype.kind in "iu":
            return channels_last(tensor.raw, self._layout).astype(np.float32)
        real = channels_last(tensor.real, self._layout)
        with unchecked():
            if self._range is None:
                return real * self._std + self._mean
            low, high = self._range or _likely_range(tensor)
            return (real - np.float32(low)) * np.float32(PEAK / (high - low))

    def comparer(self) -> Comparer:
        """See Task: the peak signal-to-noise ratio over all pixels, in dB, with the worst picture's as a detail."""
        return _Peaks(self)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: the picture takes the place of the frame, scaled to its size."""
        if result.image is not None:
            size = (image.shape[1], image.shape[0])
            image[...] = cv2.resize(result.image, size, interpolation=cv2.INTER_AREA)

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task. The JSON form has only the size, because pictures are no JSON."""
        height, width = (0, 0) if result.image is None else result.image.shape[:2]
        return {"image": {"width": width, "height": height}}

    @staticmethod
    def line(result: Result) -> str:
        """See Task."""
        return "nothing" if result.image is None else f"picture {result.image.shape[1]}x{result.image.shape[0]}"

    def _as_bgr(self, pixels: Image) -> Image:
        if self._colour == "GRAY":
            return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_GRAY2BGR), np.uint8)
        return np.ascontiguousarray(pixels[..., ::-1] if self._colour == "RGB" else pixels)


class _Peaks(Comparer):
    def __init__(self, task: ImageToImage) -> None:
        self._task, self._difference = task, Difference()
        self._error, self._lowest, self._pixels = 0.0, np.inf, 0
        self._wrong = {"candidate": 0.0, "reference": 0.0}
        self._known = 0

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        expected, got = (np.clip(self._task.pixels(outputs), 0, PEAK) for outputs in (reference, candidate))
        error = float(np.square(got - expected, dtype=np.float64).sum())
        self._error, self._pixels = self._error + error, self._pixels + got.size
        self._lowest = min(self._lowest, psnr(error, got.size))
        if truth is not None:
            self._against_truth({"candidate": candidate, "reference": reference}, placement, np.asarray(truth))

    def figures(self) -> Figures:
        known = None
        if self._known:
            got, expected = (psnr(self._wrong[who], self._known) for who in ("candidate", "reference"))
            known = ("PSNR", got, expected)
        agreement = psnr(self._error, max(1, self._pixels))
        return self._difference.figures("PSNR", agreement, "dB", known, {"lowest PSNR, dB": self._lowest})

    def _against_truth(self, runs: Mapping[str, Outputs], placement: Placement | None, truth: NDArray[Any]) -> None:
        for who, outputs in runs.items():
            image = self._task.decode(outputs, placement).image
            assert image is not None
            if truth.shape != image.shape:
                raise InputError(f"the true picture must be {image.shape}, got {truth.shape}")
            self._wrong[who] += float(np.square(np.subtract(image, truth, dtype=np.float64)).sum())
        self._known += truth.size


def psnr(squares: float, count: int) -> float:
    """Return the peak signal-to-noise ratio in dB: 10 log10(255^2 / mean squared error); infinite without error.

    Args:
        squares: the sum of the squared errors of pixel values, 0 to 255.
        count: how many values there are, at least 1.
    """
    return decibel(PEAK**2, squares / count)


def _range(given: Mapping[str, Any]) -> tuple[()] | tuple[float, float] | None:
    """Return the stated range: an empty one for ``auto``, and None when mean and std are stated."""
    value = given.get("range", "auto")
    instead = "mean" in given or "std" in given
    if value == "auto":
        return None if instead else ()
    low, high = numbers(given, "range", (), 2)
    if instead or not low < high:
        raise InputError(f"parameter range must be two rising numbers, without mean and std beside it, got {value}")
    return low, high


def _likely_range(tensor: Tensor) -> tuple[float, float]:
    """Return the usual range that contains a picture's numbers, with a small tolerance for 0 to 1."""
    if tensor.spec.quantization is not None:
        ends = np.iinfo(tensor.raw.dtype)
        real = dequantize(np.asarray([ends.min, ends.max], tensor.raw.dtype), tensor.spec)
    else:
        real = tensor.raw
    if real.max() > 2.5:
        return 0.0, PEAK
    return (-1.0, 1.0) if real.min() < -0.25 else (0.0, 1.0)


def _as_frame(image: Image, placement: Placement | None) -> Image:
    """Return the part of the output that shows the frame, in the output's resolution."""
    if placement is None:
        return image
    sides = zip((image.shape[1], image.shape[0]), placement.input, placement.scale, strict=True)
    zoom = max(cells / side * scale for cells, side, scale in sides)
    width, height = (max(1, round(side * zoom)) for side in placement.frame)
    turned = (height, width) if placement.rotation in (90, 270) else (width, height)
    scale = [s * old / new for s, old, new in zip(placement.scale, placement.turned, turned, strict=True)]
    view = Placement((width, height), placement.input, (scale[0], scale[1]), placement.offset, placement.rotation)
    return np.asarray(view.mask_to_frame(image, cv2.INTER_LINEAR), np.uint8)
