"""From the frozen graph to TFLite: float32, and int8 by calibration or from quantization-aware training."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.tensor_ranges import METHODS
from edge.calibration.weighted_layers import Progress
from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.convert.freeze import Frozen
from edge.deploy.convert.post_training import prepared
from edge.errors import InputError
from edge.tensors import TensorSpec

Array = NDArray[Any]
Samples = Iterable[Mapping[str, Array] | Array]
"""Model inputs one by one, by name, batch 1: images (1, height, width, channels) float32, normalized; tokens (1, n)
int32. An array alone is the sample of a network with one input."""


def to_float32(frozen: Frozen) -> bytes:
    """Return a float32 TFLite file. Raises InputError when the model has operations that TFLite lacks."""
    return _convert(_converter(frozen))


def to_int8(
    frozen: Frozen, samples: Samples, method: str = METHODS[0], progress: Progress = lambda done, total: None
) -> bytes:
    """Return a full-integer file: int8 in and out, per-channel weights, ranges observed on ``samples``.

    Integer inputs, such as tokens, stay what they are.

    Args:
        frozen: the network.
        samples: see Samples.
        method: of METHODS, how ranges are fitted.
        progress: gets samples run and in all.

    Raises:
        InputError: there is no sample, the model has a loop, or operations that TFLite lacks.
    """
    refuse_loops(frozen)
    frozen = frozen.for_int8()
    specs = frozen.input_specs
    rows = [_named(sample, specs) for sample in samples]
    if not rows:
        raise InputError("int8 needs calibration samples: give them with --calibrate")
    converter = _int8(_converter(frozen))
    # The converter needs a sample for its form; the ranges are observed below.
    converter.representative_dataset = lambda: iter([list(rows[0].values())])
    converter.target_spec.supported_ops = [need("tensorflow").lite.OpsSet.TFLITE_BUILTINS_INT8]
    private.calibrate_only(converter)
    ready = prepared(_convert(converter), rows, method, progress)
    with quiet_conversion():
        return private.quantize(ready)


def refuse_loops(frozen: Frozen) -> None:
    """Raise InputError for a network with loops: TensorFlow's calibrator ends the process on them."""
    if frozen.loops:
        raise InputError(
            "the model has a loop, as recurrent layers have, whose values have no fixed ranges: convert it to float32, "
            "or build its recurrent layers with unroll=True for int8"
        )


def _named(sample: Mapping[str, Array] | Array, specs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """Return a sample's inputs by name, in the network's order and of its types."""
    by_name = sample if isinstance(sample, Mapping) else {specs[0].name: sample}
    return {spec.name: np.ascontiguousarray(by_name[spec.name], spec.dtype) for spec in specs}


def qat_to_int8(frozen: Frozen) -> bytes:
    """Return a full-integer file from a quantization-aware trained network, whose ranges are in the graph.

    Raises InputError when the model has operations that TFLite lacks.
    """
    return _convert(_int8(_converter(frozen)))


def _converter(frozen: Frozen) -> Any:
    tf = need("tensorflow")
    with quiet_conversion():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.traced])
    graph = type(frozen.graph)()
    graph.CopyFrom(frozen.graph)
    private.give_graph(converter, graph, list(frozen.inputs.values()), list(frozen.outputs.values()), frozen.traced)
    return converter


def _int8(converter: Any) -> Any:
    """Without ``DEFAULT`` a QAT graph stays a float graph full of QUANTIZE and DEQUANTIZE."""
    tf = need("tensorflow")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter


def _convert(converter: Any) -> bytes:
    """Run it without its log lines. Raises InputError when it refuses the model."""
    refused = private.converter_error()
    try:
        with quiet_conversion(), private.converting_only(converter):
            return bytes(converter.convert())
    except refused as error:
        raise InputError(_why(error)) from error


NEEDS_FLEX, NEEDS_CUSTOM = 1, 2
"""The codes of errors about operations that TFLite has no builtin for (converter_error_data.proto)."""
SHOWN = 5
"""How many operations, and how many places of each, a message names."""


def _why(error: Any) -> str:
    """Return one line from a ``ConverterError``: the operations that stopped it, and where in the model they are."""
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
    return f"TFLite's converter refuses the model: {reason}"


def _places(data: Any) -> set[str]:
    """Return the names in the graph. Behind an @ is the function it was read from; types have a colon at the end."""
    names = {call.name.split("@")[0] for call in data.location.call}
    return {name for name in names if name and not name.endswith(":")}


def _first(found: Iterable[str], between: str) -> str:
    """Join the first few, in order: the converter collects its errors in a hash table."""
    ordered = sorted(found)
    more = [f"{len(ordered) - SHOWN} more"] if len(ordered) > SHOWN else []
    return between.join(ordered[:SHOWN] + more)
