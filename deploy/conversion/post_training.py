"""``to_int8`` and ``to_int16x8`` quantize a float file after training: observed ranges, and weights rounded by GPTQ.

For int8, channels between two layers are equalized first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import TensorRanges
from edge.calibration.weighted_layers import Progress, observe
from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion import attention_masks, equalizing, pooling, rounding, unified_scales
from edge.deploy.conversion import observe as running
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.errors import InputError

Samples = Sequence[Mapping[str, NDArray[Any]]]
"""Inputs by name in the file's order, with batch size 1 and the file's dtypes."""

IO = ("int8", "uint8", "float32")
"""The dtypes that inputs and outputs of an int8 file may have."""


@dataclass(frozen=True)
class FloatStages:
    """The two float files from which an int8 file is made. Their tensors have the names of the int8 file's.

    Attributes:
        calibrated: the file of TFLite's converter before it quantizes. It computes what the model does, though channels
            between two layers may be scaled, see ``equalizing``.
        prepared: the file after ``prepared``, with rounded weights and the ranges of all tensors.
    """

    calibrated: bytes
    prepared: bytes

    def save(self, folder: Path) -> None:
        """Write both files into a folder."""
        (folder / "stage_calibrated.tflite").write_bytes(self.calibrated)
        (folder / "stage_prepared.tflite").write_bytes(self.prepared)

    @classmethod
    def load(cls, folder: Path) -> "FloatStages":
        """Return the files that ``save`` wrote into a folder."""
        return cls(*((folder / f"stage_{name}.tflite").read_bytes() for name in ("calibrated", "prepared")))


def to_int8(
    marked: bytes, samples: Samples, method: str, progress: Progress, io: str = "int8", stages: Path | None = None
) -> bytes:
    """Return an int8 file, with a scale for each channel of the weights.

    Args:
        marked: a float file whose activations have ranges, which are replaced.
        samples: the calibration samples, at least one.
        method: how ranges are computed, one of ``edge.calibration.tensor_ranges.METHODS``.
        progress: takes the number of samples done and their total.
        io: the dtype of float inputs and outputs, one of IO. Integer inputs, such as tokens, keep theirs.
        stages: the folder where the ``FloatStages`` are kept, which explain the file's errors. None keeps none.

    Raises:
        InputError: TFLite's quantizer refuses the file.
    """
    equal = equalizing.equalized(marked, samples)
    ready = prepared(equal, samples, method, progress)
    if stages is not None:
        FloatStages(equal, ready).save(stages)
    try:
        with quiet_conversion():
            return private.quantize(ready, io, unified_scales.copying(TFLiteObject(ready)))
    except RuntimeError as error:
        raise InputError(
            "TFLite's quantizer refuses the network; convert the model that the file was made from"
        ) from error


def to_int16x8(marked: bytes, samples: Samples, progress: Progress, io: str = "int16") -> bytes:
    """Return a file with activations of 16 bits and int8 weights.

    Its ranges are those of TFLite's calibrator, from minimum to maximum: with 65,536 steps nothing need be clipped.

    Args:
        marked: a float file whose activations have ranges, which are replaced.
        samples: the calibration samples, at least one.
        progress: takes the number of samples done and their total.
        io: the dtype of float inputs and outputs, ``int16`` or ``float32``.

    Raises:
        InputError: an operation has no form with activations of 16 bits.
    """
    ready = prepared(marked, samples, "minmax", progress)
    tf = need("tensorflow")
    border = tf.float32 if io == "float32" else tf.int16
    try:
        with quiet_conversion():
            return private.quantize_16(ready, lambda: (list(sample.values()) for sample in samples), border)
    except (RuntimeError, ValueError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "it does not say why")
        raise InputError(f"the network has no int16x8 file: {reason}") from error


def prepared(calibrated: bytes, samples: Samples, method: str, progress: Progress) -> bytes:
    """Return a float file with observed ranges, averages over the whole image as MEAN, and weights rounded by GPTQ.

    Args:
        calibrated: the file of TFLite's converter before it quantizes.
        samples: inputs by name in the file's order, with batch size 1.
        method: how ranges are computed, one of ``edge.calibration.tensor_ranges.METHODS``.
        progress: takes the number of samples done and their total.
    """
    file = TFLiteObject(calibrated)
    pooling.to_means(file)
    ranges, layers = TensorRanges(file.ranged(), file.border(), method), rounding.layers(file)
    values = running.values(file.to_bytes(), samples)
    observe(values, len(samples), ranges, [bound.layer for bound in layers], progress)
    file.set_ranges(unified_scales.unify_scales(file, attention_masks.clip_masks(file, ranges.ranges())))
    while layers:
        layers.pop().round(file)  # pop frees the layer's Hessian
    return file.to_bytes()
