"""Run a float file on samples with every tensor kept, so that calibration can look at each.

TFLite's own calibrator reads an operation's inputs after it has run. By then an elementwise operation may have written
its result over one of them, which so gets the result's range: in a residual addition, a multiple of its own
(https://github.com/tensorflow/tensorflow/issues/127842). Here every tensor has memory of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import Value
from edge.deploy._tensorflow import need


def values(content: bytes, samples: Sequence[Mapping[str, NDArray[Any]]]) -> Iterator[Value]:
    """Run the file on each sample and yield the function that returns a tensor by its index.

    Args:
        content: the file.
        samples: by input name in the file's order, batch 1, of the file's own types.
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
