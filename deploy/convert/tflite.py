"""From the frozen graph to TFLite: float32, and int8 by calibration or from quantization-aware training."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.convert.freeze import Frozen
from edge.deploy.convert.post_training import METHODS, Progress, prepared
from edge.errors import InvalidInput

Samples = Iterable[NDArray[Any]]
"""Model inputs one by one, batch 1: images (1, height, width, channels) float32, normalized; tokens (1, n) int32."""


def to_float32(frozen: Frozen) -> bytes:
    """Return a float32 TFLite file."""
    return _convert(_converter(frozen))


def to_int8(
    frozen: Frozen, samples: Samples, method: str = METHODS[0], progress: Progress = lambda done, total: None
) -> bytes:
    """Return a full-integer file: int8 in and out, per-channel weights, ranges observed on ``samples``.

    method: of METHODS, how ranges are fitted. progress: gets samples run and in all.
    Raises InvalidInput when there is no sample.
    """
    tf = need("tensorflow")
    frozen = frozen.for_int8()
    dtype = frozen.inputs[0].dtype.as_numpy_dtype
    rows = [[np.ascontiguousarray(sample, dtype)] for sample in samples]
    if not rows:
        raise InvalidInput("int8 needs calibration samples: give images with --calibrate")
    converter = _int8(_converter(frozen))
    converter.representative_dataset = lambda: iter(rows[:1])  # for its form; the ranges are observed below
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True
    ready = prepared(_convert(converter), [row for (row,) in rows], method, progress)
    quantize = need("tensorflow.lite.python.convert").mlir_quantize
    with quiet_conversion():
        return bytes(quantize(ready, input_data_type=tf.int8, output_data_type=tf.int8))


def qat_to_int8(frozen: Frozen) -> bytes:
    """Return a full-integer file from a quantization-aware trained network, whose ranges are in the graph."""
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


def _int8(converter: Any) -> Any:
    """Without ``DEFAULT`` a QAT graph stays a float graph full of QUANTIZE and DEQUANTIZE."""
    tf = need("tensorflow")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return converter


def _convert(converter: Any) -> bytes:
    """Run it without its log lines; its errors are exceptions."""
    with quiet_conversion():
        return bytes(converter.convert())
