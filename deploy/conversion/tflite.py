"""A frozen graph is converted to TFLite: float32, smaller weights, or int8 by calibration or after training for it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.tensor_ranges import METHODS
from edge.calibration.weighted_layers import Progress
from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion import post_training
from edge.deploy.conversion.freeze import Frozen
from edge.errors import InputError
from edge.tensors import TensorSpec

Array = NDArray[Any]
Samples = Iterable[Mapping[str, Array] | Array]
"""Samples for calibration. Each is a mapping of arrays by input name, or an array for a network with one input.

The batch size is 1: normalized images are (1, height, width, channels) float32, tokens are (1, n) int32.
"""


def to_float32(frozen: Frozen) -> bytes:
    """Return a float32 TFLite file. Raises InputError when TFLite does not have an operation of the model."""
    return _convert(_converter(frozen))


def to_float16(frozen: Frozen) -> bytes:
    """Return a TFLite file with weights of 16 bits: half the size. It computes in float32, or in 16 bits on a GPU."""
    converter = _optimized(frozen)
    converter.target_spec.supported_types = [need("tensorflow").float16]
    return _convert(converter)


def to_dynamic(frozen: Frozen) -> bytes:
    """Return a TFLite file with int8 weights whose activations are quantized while it runs. It needs no samples.

    The ranges of depthwise convolutions are too coarse for many networks of that family; int8 is the better file.
    """
    return _convert(_optimized(frozen))


def _optimized(frozen: Frozen) -> Any:
    converter = _converter(frozen)
    converter.optimizations = [need("tensorflow").lite.Optimize.DEFAULT]
    return converter


def to_int8(
    frozen: Frozen,
    samples: Samples,
    method: str = METHODS[0],
    progress: Progress = lambda done, total: None,
    stages: Path | None = None,
) -> bytes:
    """Return an int8 TFLite file with per-channel weights, and int8 inputs and outputs.

    Args:
        frozen: the network.
        samples: the samples from which the ranges are computed.
        method: how ranges are computed, one of METHODS.
        progress: takes the number of samples done and their total.
        stages: the folder where the ``post_training.FloatStages`` are kept. None keeps none.

    Raises:
        InputError: there is no sample, the model has a loop, or TFLite does not have one of its operations.
    """
    refuse_loops(frozen)
    rows = [_named(sample, frozen.input_specs) for sample in samples]
    return post_training.to_int8(marked(frozen, rows), rows, post_training.Settings(method), progress, stages)


def marked(frozen: Frozen, rows: post_training.Samples) -> bytes:
    """Return the float file whose activations have ranges, though not yet the right ones.

    Args:
        frozen: the network.
        rows: the calibration samples, by input name in the network's order.

    Raises:
        InputError: there is no sample, the model has a loop, or TFLite does not have one of its operations.
    """
    refuse_loops(frozen)
    if not rows:
        raise InputError("int8 needs calibration samples: give them with --calibrate")
    converter = _int8(_converter(frozen.for_int8()))
    # The converter requires a sample. The ranges are observed later.
    converter.representative_dataset = lambda: iter([list(rows[0].values())])
    converter.target_spec.supported_ops = [need("tensorflow").lite.OpsSet.TFLITE_BUILTINS_INT8]
    private.calibrate_only(converter)
    return _convert(converter)


def refuse_loops(frozen: Frozen) -> None:
    """Raise InputError for a network with loops, because TensorFlow's calibrator would abort the process."""
    if frozen.int8_loops:
        raise InputError(
            "the model has a loop, as recurrent layers have, whose values have no fixed ranges: convert it to float32, "
            "or build its recurrent layers with unroll=True for int8"
        )


def _named(sample: Mapping[str, Array] | Array, specs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """Return the inputs of a sample by name, in the network's order and dtypes."""
    by_name = sample if isinstance(sample, Mapping) else {specs[0].name: sample}
    return {spec.name: np.ascontiguousarray(by_name[spec.name], spec.dtype) for spec in specs}


def qat_to_int8(frozen: Frozen, io: str = "int8") -> bytes:
    """Return an int8 TFLite file of a quantization-aware network, whose ranges are in the graph.

    Args:
        frozen: the network.
        io: the dtype of float inputs and outputs, one of ``post_training.IO``.

    Raises:
        InputError: TFLite does not have an operation of the model.
    """
    return _convert(_int8(_converter(frozen), io))


def _converter(frozen: Frozen) -> Any:
    tf = need("tensorflow")
    with quiet_conversion():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.traced])
    graph = type(frozen.graph)()
    graph.CopyFrom(frozen.graph)
    private.give_graph(converter, graph, list(frozen.inputs.values()), list(frozen.outputs.values()), frozen.traced)
    return converter


def _int8(converter: Any, io: str = "int8") -> Any:
    """Set inputs and outputs, and the option without which a QAT graph stays float with QUANTIZE operations."""
    tf = need("tensorflow")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = getattr(tf, io)
    return converter


def _convert(converter: Any) -> bytes:
    """Run the converter without its log lines. Raises InputError when it refuses the model."""
    refused = private.converter_error()
    try:
        with quiet_conversion(), private.converting_only(converter):
            return bytes(converter.convert())
    except refused as error:
        raise InputError(_why(error)) from error


NEEDS_FLEX, NEEDS_CUSTOM = 1, 2
"""The error codes for operations without a TFLite builtin (converter_error_data.proto)."""
SHOWN = 5
"""The most operations in a message, and the most places of each operation."""


def _why(error: Any) -> str:
    """Return one line for a ``ConverterError``: the unsupported operations and their places in the model."""
    at: dict[str, set[str]] = {}
    for data in error.errors:
        if data.error_code in (NEEDS_FLEX, NEEDS_CUSTOM) and data.operator.name:
            at.setdefault(data.operator.name.removeprefix("tf."), set()).update(_places(data))
    if at:
        named = [f"{name} (at {_first(places, ', ')})" if places else name for name, places in sorted(at.items())]
        return (
            "the model has operations that TFLite cannot write, or not in this form (type, options): "
            f"{_first(named, '; ')}; replace them or leave them out of the model"
        )
    lines = [line for data in error.errors for line in data.error_message.splitlines()] + str(error).splitlines()
    reason = next((line.strip() for line in lines if line.strip()), "it does not say why")
    if "Lowering tensor list ops" in reason:
        return (
            "the model has a recurrent loop over a batch that it leaves open, which TFLite cannot hold: give the Keras "
            "file, or save the SavedModel from a function whose inputs have a batch of 1"
        )
    return f"TFLite's converter refuses the model: {reason}"


def _places(data: Any) -> set[str]:
    """Return the names in the graph. An @ separates a name from its function, and types end with a colon."""
    names = {call.name.split("@")[0] for call in data.location.call}
    return {name for name in names if name and not name.endswith(":")}


def _first(found: Iterable[str], between: str) -> str:
    """Join the first few items, sorted, because the converter's order of errors is random."""
    ordered = sorted(found)
    more = [f"{len(ordered) - SHOWN} more"] if len(ordered) > SHOWN else []
    return between.join(ordered[:SHOWN] + more)
