"""``to_int8`` and ``to_int16x8`` quantize a float file after training: observed ranges, and weights rounded by GPTQ.

For int8, channels between two layers are equalized first.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import METHODS, TensorRanges
from edge.calibration.weighted_layers import Progress, observe
from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion import (
    attention_masks,
    equalizing,
    factors,
    float_layers,
    grouped_convolutions,
    paddings,
    pooling,
    rounding,
    saturation,
    unified_scales,
    unread_parts,
)  # fmt: skip
from edge.deploy.conversion import observe as running
from edge.deploy.conversion.mixed_ends import mixed_ends
from edge.deploy.conversion.output_limits import Limits
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.conversion.unrounded import with_float_weights
from edge.errors import InputError

Samples = Sequence[Mapping[str, NDArray[Any]]]
"""Inputs by name in the file's order, with batch size 1 and the file's dtypes."""

IO = ("int8", "uint8", "float32")
"""The dtypes that inputs and outputs of an int8 file may have."""

DEAD = (0.0, 1.0)
"""The range of a tensor that was 0 on all samples. Kernels refuse the scale that none would have."""

Bounds = Mapping[str, tuple[float, float]]
"""The smallest and the largest value that inputs can have, by name. Other inputs have those of their samples."""


@dataclass(frozen=True)
class Settings:
    """How a float file is quantized.

    Attributes:
        method: how ranges are computed, one of ``edge.calibration.tensor_ranges.METHODS``.
        io: the dtype of float inputs and outputs: one of IO for int8 files, ``int16`` or ``float32`` for int16x8.
            Integer inputs, such as tokens, keep theirs.
        bounds: what inputs can hold, beyond what the samples hold.
        without_groups: whether grouped convolutions are split, see ``grouped_convolutions``.
        float_layers: the layers of an int8 file that stay float, see ``float_layers``.
        wide: whether activations have 16 bits.
        limits: what outputs need to hold, see ``output_limits``.
    """

    method: str = METHODS[0]
    io: str = "int8"
    bounds: Bounds = field(default_factory=dict)
    without_groups: bool = False
    float_layers: tuple[str, ...] = ()
    wide: bool = False
    limits: Limits = ()


@dataclass(frozen=True)
class FloatStages:
    """The two float files from which an int8 file is made. Their tensors have the names of the int8 file's.

    Attributes:
        calibrated: the file of TFLite's converter before it quantizes. It computes what the model does, though channels
            between two layers may be scaled, see ``equalizing``.
        prepared: the file after ``prepared``, with rounded weights and the ranges of all tensors.
        kept: the operations that were asked to stay float, by the names of their first outputs.
    """

    calibrated: bytes
    prepared: bytes
    kept: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write both files and the names into a folder."""
        (folder / "stage_calibrated.tflite").write_bytes(self.calibrated)
        (folder / "stage_prepared.tflite").write_bytes(self.prepared)
        (folder / "stage_kept.json").write_text(json.dumps(self.kept), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FloatStages":
        """Return what ``save`` wrote into a folder."""
        calibrated, prepared = ((folder / f"stage_{name}.tflite").read_bytes() for name in ("calibrated", "prepared"))
        return cls(calibrated, prepared, tuple(json.loads((folder / "stage_kept.json").read_text(encoding="utf-8"))))

    def int8(self, more: Sequence[str] = (), io: str = IO[0]) -> bytes:
        """Return the int8 file. The operations in float have the weights from before they were rounded.

        Args:
            more: more operations in float, by the names of their first outputs.
            io: the dtype of inputs and outputs, one of IO.
        """
        kept = [*self.kept, *more]
        content = with_float_weights(self.prepared, self.calibrated, kept) if kept else self.prepared
        return quantized(content, io, kept)


def to_int8(
    marked: bytes, samples: Samples, settings: Settings, progress: Progress, stages: Path | None = None
) -> bytes:
    """Return an int8 file, with a scale for each channel of the weights.

    Outputs that join boxes in pixels with scores stay float32, see ``mixed_ends``, and with them all other outputs.

    Args:
        marked: a float file whose activations have ranges, which are replaced.
        samples: the calibration samples, at least one.
        settings: how the file is quantized.
        progress: takes the number of samples done and their total.
        stages: the folder where the ``FloatStages`` are kept, which explain the file's errors. None keeps none.

    Raises:
        InputError: TFLite's quantizer refuses the file, or it has no operation, or no layer of a name.
    """
    _refuse_empty(marked)
    chosen = float_layers.tensors_of(TFLiteObject(marked).names(), settings.float_layers)
    equal = unread_parts.sliced(equalizing.equalized(factors.folded(marked), samples))
    if settings.without_groups:
        equal = grouped_convolutions.split(equal)
    ready = prepared(equal, samples, settings, progress)
    kept = float_layers.kept_float(TFLiteObject(ready), chosen)
    if stages is not None:
        FloatStages(equal, ready, tuple(kept)).save(stages)
    try:
        return FloatStages(equal, ready, tuple(kept)).int8(io=settings.io)
    except RuntimeError as error:
        raise InputError(
            "TFLite's quantizer refuses the network; convert the model that the file was made from"
        ) from error


def _refuse_empty(marked: bytes) -> None:
    """Raise InputError for a network whose outputs are its inputs."""
    if not list(TFLiteObject(marked).operations()):
        raise InputError("the network computes nothing, its outputs are its inputs or constants: convert it to float32")


def quantized(ready: bytes, io: str = IO[0], kept: Sequence[str] = ()) -> bytes:
    """Return the int8 file of a float file with ranges, with some operations in float: see ``mixed_ends``.

    Args:
        ready: the file that ``prepared`` returns.
        io: the dtype of inputs and outputs, one of IO.
        kept: more operations that stay float, by the names of their first outputs.
    """
    file = TFLiteObject(ready)
    mixed = mixed_ends(file)
    with quiet_conversion():
        return private.quantize(ready, io, [*unified_scales.copying(file), *mixed, *kept], bool(mixed))


def to_int16x8(marked: bytes, samples: Samples, settings: Settings, progress: Progress) -> bytes:
    """Return a file with activations of 16 bits and int8 weights.

    Its ranges are those of TFLite's calibrator, from minimum to maximum: with 65,536 steps nothing need be clipped.

    Args:
        marked: a float file whose activations have ranges, which are replaced.
        samples: the calibration samples, at least one.
        settings: how the file is quantized, where ``method`` does not matter.
        progress: takes the number of samples done and their total.

    Raises:
        InputError: an operation has no form with activations of 16 bits.
    """
    _refuse_empty(marked)
    ready = prepared(marked, samples, replace(settings, method="minmax", wide=True), progress)
    tf = need("tensorflow")
    border = tf.float32 if settings.io == "float32" else tf.int16
    try:
        with quiet_conversion():
            return private.quantize_16(ready, lambda: (list(sample.values()) for sample in samples), border)
    except (RuntimeError, ValueError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "it does not say why")
        raise InputError(f"the network has no int16x8 file: {reason}") from error


def prepared(calibrated: bytes, samples: Samples, settings: Settings, progress: Progress) -> bytes:
    """Return a float file with observed ranges, averages over the whole image as MEAN, and weights rounded by GPTQ.

    Args:
        calibrated: the file of TFLite's converter before it quantizes.
        samples: inputs by name in the file's order, with batch size 1.
        settings: how ranges are computed.
        progress: takes the number of samples done and their total.
    """
    file = TFLiteObject(calibrated)
    pooling.to_means(file)
    bounds = settings.bounds
    known = {index: bounds[name] for name, index in zip(samples[0], file.inputs(), strict=True) if name in bounds}
    ranges, layers = TensorRanges(file.ranged(), file.border(), settings.method, known), rounding.layers(file)
    values = running.values(file.to_bytes(), samples)
    observe(values, len(samples), ranges, [bound.layer for bound in layers], progress)
    set_ranges(file, ranges, settings.wide, settings.limits)
    rounding.round_all(file, layers)
    return file.to_bytes()


def set_ranges(file: TFLiteObject, ranges: TensorRanges, wide: bool = False, limits: Limits = ()) -> None:
    """Set the observed ranges in a float file, as far as its operations allow them.

    Args:
        file: the float file.
        ranges: what was observed.
        wide: whether activations are to have 16 bits.
        limits: what outputs need to hold, see ``output_limits``.
    """
    observed = {index: bounds if any(bounds) else DEAD for index, bounds in ranges.ranges().items()}
    found = paddings.clip_paddings(file, attention_masks.clip_masks(file, observed))
    file.set_ranges(found)
    if not wide and not mixed_ends(file):  # a sigmoid that stays float, or has 16 bits, needs all its logits
        found = saturation.clip_saturated(file, found, limits)
    file.set_ranges(unified_scales.unify_scales(file, found))
