"""The calibration samples of a conversion: which are chosen, that they are read, and whether pixels fit the inputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.sampling import choose_samples
from edge.deploy import pixel_ranges
from edge.deploy.conversion import recipe as recipes
from edge.deploy.conversion.recipe import Recipe
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion_options import Calibration, Callbacks, ConversionOptions
from edge.deploy.pixel_ranges import PixelRanges
from edge.deploy.samples import CALIBRATION, NetworkInfo, Samples, open_samples
from edge.errors import InputError
from edge.pictures import left_out
from edge.signature import describe


def samples(
    given: Calibration | None, network: NetworkInfo, source: SourceModel, recipe: Recipe, callbacks: Callbacks
) -> Samples | None:
    """Return the calibration samples, or None when the recipe needs none."""
    wanted = [precision for precision in recipe.precisions if precision in recipes.CALIBRATED]
    if not wanted or source.quantize_aware or source.precision in recipes.CALIBRATED:
        return None
    if given is None:
        raise InputError(
            f"{wanted[0]} needs real samples to fit its ranges to, for {describe(network.signature.inputs)}: "
            "give --calibrate"
        )
    samples = _chosen(given, network)
    for note in samples.notes:
        callbacks.report(note)
    return samples


def _chosen(given: Calibration, network: NetworkInfo) -> Samples:
    def chosen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose_samples(classes, given.samples, given.seed)

    return open_samples(given.data, network, CALIBRATION, chosen)


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


def check_pixels(
    options: ConversionOptions,
    source: SourceModel,
    network: NetworkInfo,
    ranges: Sequence[PixelRanges],
    callbacks: Callbacks,
) -> None:
    """Warn when the calibration samples, of which a finished file needs none, do not fit its inputs' ranges."""
    if options.calibration is None or source.precision not in recipes.CALIBRATED or not ranges:
        return
    for sample in _chosen(options.calibration, network).read():
        if sample is not None:
            for found in ranges:
                found.observe(sample.inputs)
    pixel_ranges.report_first(ranges, callbacks.report)
