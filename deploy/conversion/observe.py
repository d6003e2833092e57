"""``values`` runs a float file on samples and keeps every tensor, so that calibration can observe all of them.

TFLite's calibrator reads the inputs of an operation after the operation has run. An elementwise operation may then have
overwritten an input with its output, so that the input gets the output's range. In a residual addition this is several
times too wide (https://github.com/tensorflow/tensorflow/issues/127842). Here no tensor shares memory with another.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import Value
from edge.deploy._tensorflow import need


def values(content: bytes, samples: Sequence[Mapping[str, NDArray[Any]]]) -> Iterator[Value]:
    """Run a file on each sample, and yield after each run a function that returns a tensor by its index.

    Args:
        content: the bytes of the file.
        samples: arrays by input name, in the order of the file, with batch size 1 and the file's dtypes.
    """
    interpreters = need("ai_edge_litert.interpreter")
    interpreter = interpreters.Interpreter(
        model_content=content,
        num_threads=2,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    indices = [int(detail["index"]) for detail in interpreter.get_input_details()]
    for sample in samples:
        for index, array in zip(indices, sample.values(), strict=True):
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        yield interpreter.get_tensor
