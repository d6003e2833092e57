"""``decoded`` reads the calibration samples of a conversion, and refuses those from which no range can be computed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.pixel_ranges import PixelRanges
from edge.deploy.samples import Samples
from edge.errors import InputError
from edge.pictures import left_out


def decoded(samples: Samples, used: list[str], pixels: PixelRanges) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Yield the inputs of the samples that can be decoded, and append their ids to ``used``.

    Raises InputError when there is none, or when one holds a number that is not finite: it has no place in a range.
    """
    for name, sample in zip(samples.ids, samples.read(), strict=True):
        if sample is None:
            continue
        for entry, values in sample.inputs.items():
            if not np.isfinite(values).all():
                raise InputError(
                    f"calibration samples must be finite numbers, got NaN or infinity in {entry} of {name}"
                )
        used.append(name)
        pixels.observe(sample.inputs)
        yield sample.inputs
    if not used:
        raise InputError(f"none of the calibration samples can be decoded: {left_out(samples.ids, samples.noun)}")
