"""What every tensor of a float file holds, sample by sample, and the ranges that int8 needs of them.

TFLite's own calibrator reads an operation's inputs after it has run. By then an elementwise operation may have written
its result over one of them, which so gets the result's range: in a residual addition, a multiple of its own
(https://github.com/tensorflow/tensorflow/issues/127842). Here every tensor has memory of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.observers import HistogramObserver, MinMaxObserver
from edge.deploy._tensorflow import need
from edge.deploy.convert.tflite_object import TFLiteObject

Value = Callable[[int], NDArray[np.float32]]


def values(content: bytes, samples: Sequence[NDArray[Any]]) -> Iterator[Value]:
    """Run the file on each sample (batch 1) and yield the function that returns a tensor by its index."""
    interpreters = need("ai_edge_litert.interpreter")
    interpreter = interpreters.Interpreter(
        model_content=content,
        num_threads=2,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    for sample in samples:
        interpreter.set_tensor(entry, sample)
        interpreter.invoke()
        yield interpreter.get_tensor


class Ranges:
    """The range of every tensor that TFLite's calibrator gave one: not of constants.

    least_error: inside the network, clip what costs less than it saves; inputs and outputs keep all that was seen.
    """

    def __init__(self, file: TFLiteObject, least_error: bool) -> None:
        ranged = [index for index, tensor in file.tensors() if _has_range(tensor)]
        kept = file.border() if least_error else set(ranged)
        self._seen = {index: MinMaxObserver() if index in kept else HistogramObserver() for index in ranged}

    def see(self, value: Value) -> None:
        """Take in one sample's values."""
        for index, seen in self._seen.items():
            seen.observe(value(index))

    def write(self, file: TFLiteObject) -> None:
        """Put them in the place of the calibrator's."""
        for index, tensor in file.tensors():
            if index in self._seen:
                least, largest = self._seen[index].range()
                tensor.quantization.min, tensor.quantization.max = [least], [largest]


def _has_range(tensor: Any) -> bool:
    found = tensor.quantization
    return found is not None and found.min is not None and len(found.min) == 1
