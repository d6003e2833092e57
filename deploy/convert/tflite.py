"""From the frozen graph to TFLite: float32, and int8 by calibration or from quantization-aware training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.convert.freeze import Frozen
from edge.deploy.convert.post_training import METHODS, Progress, prepared
from edge.errors import InputError

Samples = Iterable[NDArray[Any]]
"""Model inputs one by one, batch 1: images (1, height, width, channels) float32, normalized; tokens (1, n) int32."""


def to_float32(frozen: Frozen) -> bytes:
    """Return a float32 TFLite file. Raises InputError when the model has operations that TFLite lacks."""
    return _convert(_converter(frozen))


def to_int8(
    frozen: Frozen, samples: Samples, method: str = METHODS[0], progress: Progress = lambda done, total: None
) -> bytes:
    """Return a full-integer file: int8 in and out, per-channel weights, ranges observed on ``samples``.

    method: of METHODS, how ranges are fitted. progress: gets samples run and in all.
    Raises InputError when there is no sample, and when the model has operations that TFLite lacks.
    """
    tf = need("tensorflow")
    frozen = frozen.for_int8()
    dtype = frozen.inputs[0].dtype.as_numpy_dtype
    rows = [[np.ascontiguousarray(sample, dtype)] for sample in samples]
    if not rows:
        raise InputError("int8 needs calibration samples: give images with --calibrate")
    converter = _int8(_converter(frozen))
    converter.representative_dataset = lambda: iter(rows[:1])  # for its form; the ranges are observed below
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True
    ready = prepared(_convert(converter), [row for (row,) in rows], method, progress)
    quantize = need("tensorflow.lite.python.convert").mlir_quantize
    with quiet_conversion():
        return bytes(quantize(ready, input_data_type=tf.int8, output_data_type=tf.int8))


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
    # The converter would fold the variables once more, a third of its time; there are none left.
    converter._freeze_concrete_function = lambda: (graph, frozen.inputs, frozen.outputs, frozen.traced)
    return converter


@contextmanager
def _converting_only(converter: Any) -> Iterator[None]:
    """Leave out what the converter does besides, half of its time and more: docs/decisions/freeze-once.md.

    It reads the stack of every operation for its error messages, which name the operation anyway. It parses the
    file in Python to merge equal buffers, of which no network of ours has any; and it parses and writes it again
    to add metadata that say which TensorFlow made it, as a bundle's manifest does.
    """
    converter._trackable_obj = SimpleNamespace(graph_debug_info=None)
    converter.experimental_lower_to_saved_model = False
    finish = converter._optimize_tflite_model

    def finish_only(*args: Any, **kwargs: Any) -> Any:
        converter._experimental_use_buffer_offset = True  # asked here, and before the metadata, whether to parse
        return finish(*args, **kwargs)

    converter._optimize_tflite_model = finish_only
    try:
        yield
    finally:
        del converter._optimize_tflite_model  # which holds the converter, and that a copy of all weights


def _int8(converter: Any) -> Any:
    """Without ``DEFAULT`` a QAT graph stays a float graph full of QUANTIZE and DEQUANTIZE."""
    tf = need("tensorflow")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter


def _convert(converter: Any) -> bytes:
    """Run it without its log lines. Raises InputError when it refuses the model."""
    refused = need("tensorflow.lite.python.convert_phase").ConverterError
    try:
        with quiet_conversion(), _converting_only(converter):
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
