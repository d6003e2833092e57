"""Activation ranges for quantization after training: the least and the largest value of every tensor, on samples.

TFLite's own calibrator reads an operation's inputs after it has run. By then an elementwise operation may have written
its result over one of them, which so gets the result's range: in a residual addition, a multiple of its own
(https://github.com/tensorflow/tensorflow/issues/127842). Here every tensor has memory of its own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need


def with_observed_ranges(calibrated: bytes, samples: Sequence[NDArray[Any]]) -> bytes:
    """Return the float file with the ranges that its calibrator left replaced by what ``samples`` show.

    calibrated: as TFLite's converter leaves it before it quantizes. samples: inputs, batch 1. Tensors that it gave no
    range (constants) get none, and those of other subgraphs keep theirs.
    """
    flatbuffer_utils = need("tensorflow.lite.tools.flatbuffer_utils")
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(calibrated))
    ranged = [index for index, tensor in enumerate(model.subgraphs[0].tensors) if _has_range(tensor)]
    for index, (least, largest) in observe(calibrated, samples, ranged).items():
        quantization = model.subgraphs[0].tensors[index].quantization
        quantization.min, quantization.max = [least], [largest]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _has_range(tensor: Any) -> bool:
    found = tensor.quantization
    return found is not None and found.min is not None and len(found.min) == 1


def observe(content: bytes, samples: Sequence[NDArray[Any]], tensors: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Return the least and the largest value of each of ``tensors`` (indices) over ``samples``."""
    interpreters = need("ai_edge_litert.interpreter")
    interpreter = interpreters.Interpreter(
        model_content=content,
        num_threads=2,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    found = dict.fromkeys(tensors, (np.inf, -np.inf))
    for sample in samples:
        interpreter.set_tensor(entry, sample)
        interpreter.invoke()
        for index, (least, largest) in found.items():
            values = interpreter.get_tensor(index)
            found[index] = (min(least, float(values.min())), max(largest, float(values.max())))
    return found
