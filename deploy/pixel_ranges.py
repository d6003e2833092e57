"""The range of an image input in a quantized file, and a warning when pictures clip there or fill too little of it.

Either happens when mean and std are not those that the network was trained with: the file still runs, and its answers
are wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import backends
from edge.binding import bind
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.samples import NetworkInfo
from edge.imaging import InputFormat
from edge.tensors import TensorSpec

LEAST_FILLED = 0.5
"""The share of a range that pictures should fill, from their darkest pixel to their brightest."""

HALFWAY = 0.01
"""How near a pixel is to the middle between two steps when rounding it is arbitrary, in steps."""

MOST_CLIPPED = 0.001
"""The share of pixels that may lie outside a range by more than a step without a warning."""


@dataclass(frozen=True)
class PixelRange:
    """The real values that an input can hold.

    Attributes:
        least: the smallest one.
        most: the largest one.
        step: the distance between two neighbours.
    """

    least: float
    most: float
    step: float

    @classmethod
    def of_file(cls, spec: TensorSpec) -> "PixelRange | None":
        """Return the range of a file's input of 8 bits. None for others: 16 bits have steps to spare."""
        if spec.quantization is None or spec.dtype.kind not in "iu" or spec.dtype.itemsize > 1:
            return None
        scale, zero = spec.quantization
        limits = np.iinfo(spec.dtype)
        return cls((int(limits.min) - zero) * scale, (int(limits.max) - zero) * scale, scale)

    @classmethod
    def of_pixels(cls, form: InputFormat) -> "PixelRange":
        """Return the range of pixels from 0 to 255 in a format, over all its channels."""
        mean, std = np.broadcast_arrays(np.asarray(form.mean, np.float64), np.asarray(form.std, np.float64))
        least, most = float(np.min(-mean / std)), float(np.max((255 - mean) / std))
        return cls(least, most, (most - least) / 255)


@dataclass
class Filled:
    """How samples fill the range of one input.

    Attributes:
        range: the input's range.
        pixels: the range of pixels from 0 to 255 in the input's format.
        least: the smallest value so far.
        most: the largest value so far.
        values: how many values were observed.
        clipped: how many of them are pixels that lie outside the range by more than a step.
    """

    range: PixelRange
    pixels: PixelRange
    least: float = float("inf")
    most: float = float("-inf")
    values: int = 0
    clipped: int = 0

    def observe(self, array: NDArray[Any]) -> None:
        """Take in the real values of one sample. Samples for a quantized file may be clipped already."""
        bounds = self.range
        self.least, self.most = min(self.least, float(array.min())), max(self.most, float(array.max()))
        self.values += array.size
        if self.pixels.least < bounds.least - bounds.step:
            self.clipped += int(np.count_nonzero(array < bounds.least + bounds.step / 2))
        if self.pixels.most > bounds.most + bounds.step:
            self.clipped += int(np.count_nonzero(array > bounds.most - bounds.step / 2))

    def fault(self) -> str:
        """Return what is wrong with how the range is filled, or an empty text."""
        bounds = self.range
        if self.clipped > MOST_CLIPPED * self.values:
            return f"{100 * self.clipped / self.values:.3g} % of the values are clipped"
        filled = (min(self.most, bounds.most) - max(self.least, bounds.least)) / (bounds.most - bounds.least)
        if self.values and filled < LEAST_FILLED:
            return f"the pictures fill {100 * filled:.2g} % of that, from {self.least:.3g} to {self.most:.3g}"
        return ""


@dataclass
class PixelRanges:
    """The ranges of the image inputs of one file, and how samples fill them.

    Attributes:
        file: the file's name. None for the network itself.
        inputs: the range of each input by its name in the signature.
    """

    file: str | None
    inputs: dict[str, Filled] = field(default_factory=dict)

    @classmethod
    def of_artifact(cls, converted: ConvertedArtifact, network: NetworkInfo) -> "PixelRanges":
        """Return the ranges of a converted file's image inputs. There are none in a file with float inputs."""
        inputs = network.signature.inputs
        with backends.open_model(converted.path) as model:
            bound = bind(model.inputs, inputs, converted.artifact.tensors.inputs, converted.path)
        pixels = _of_inputs(network)
        found = {name: bounds for name in pixels if (bounds := PixelRange.of_file(bound[name][1]))}
        return cls(converted.path.name, {name: Filled(bounds, pixels[name]) for name, bounds in found.items()})

    def observe(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Take in the inputs of one sample, as real values."""
        for name, filled in self.inputs.items():
            filled.observe(inputs[name])

    def warnings(self) -> list[str]:
        """Return one warning for each input that clips or is filled too little."""
        return [self._warning(name, filled) for name, filled in self.inputs.items() if filled.fault()]

    def _warning(self, name: str, filled: Filled) -> str:
        bounds = filled.range
        if self.file is None:
            where = "with the stated mean and std"
            advice = "calibrate with pictures as the camera will see them, from dark to bright"
        else:
            std = 255 / (bounds.most - bounds.least)
            where = f"in {self.file}"
            advice = (
                f"check --mean and --std, and the pictures: with --mean {0 - bounds.least * std:.4g} --std {std:.4g} "
                "pixels from 0 to 255 fill it"
            )
        return f"warning: {name} takes {bounds.least:.3g} to {bounds.most:.3g} {where}, but {filled.fault()}; {advice}"


def of_pixels(network: NetworkInfo) -> PixelRanges:
    """Return the ranges that pixels from 0 to 255 have in the inputs of a network."""
    return PixelRanges(None, {name: Filled(pixels, pixels) for name, pixels in _of_inputs(network).items()})


def _of_inputs(network: NetworkInfo) -> dict[str, PixelRange]:
    """Return the range of pixels in each image input. Inputs that take bytes as they are have none."""
    forms = {entry.name: entry.format for entry in network.signature.inputs}
    return {name: PixelRange.of_pixels(form) for name, form in forms.items() if form is not None and not form.raw}


def bounds_of(network: NetworkInfo, raw_bytes: bool) -> dict[str, tuple[float, float]]:
    """Return the range that an int8 file needs for each image input, by name: that of pixels from 0 to 255.

    With mean and std of 127.5, each of 256 pixels would lie halfway between two steps, and rounding to even would merge
    pairs of them. Such a range gets 254 steps instead, so that -1, 0 and 1 are exact.

    Args:
        network: the network.
        raw_bytes: whether other programs may feed pixels as they are, as they do for uint8 inputs. A step is then one
            pixel in any case.
    """
    found = {}
    for name, pixels in _of_inputs(network).items():
        least, most, step = pixels.least, pixels.most, pixels.step
        if not raw_bytes and abs(-least / step % 1 - 0.5) < HALFWAY:
            step = (most - least) / 254
            least, most = step * (round(least / step) - 1), step * round(most / step)
        found[name] = (least, most)
    return found


def of_files(converted: Sequence[ConvertedArtifact], network: NetworkInfo) -> list[PixelRanges]:
    """Return the ranges of each file with quantized image inputs."""
    return [ranges for one in converted if (ranges := PixelRanges.of_artifact(one, network)).inputs]


def report_first(places: Sequence[PixelRanges], report: Callable[[str], None]) -> None:
    """Report the warnings of the first place that has any: files of one network have the same ranges."""
    for line in next(filter(None, (ranges.warnings() for ranges in places)), []):
        report(line)
