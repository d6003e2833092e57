"""``values`` runs a float file on samples and keeps every tensor, so that calibration can observe all of them.

TFLite's calibrator reads the inputs of an operation after the operation has run. An elementwise operation may then have
overwritten an input with its output, so that the input gets the output's range. In a residual addition this is several
times too wide (https://github.com/tensorflow/tensorflow/issues/127842). Here no tensor shares memory with another.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import Value
from edge.deploy._tensorflow import need


def values(content: bytes, samples: Sequence[Mapping[str, NDArray[Any]]]) -> Iterator[Value]:
    """Run a file on each sample, and yield after each run a function that returns a tensor by its index.

    The function is good until the next one is yielded: the file runs on the next sample meanwhile, in a thread.

    Args:
        content: the bytes of the file.
        samples: arrays by input name, in the order of the file, with batch size 1 and the file's dtypes.
    """
    runs = [_Run(content) for _ in range(min(2, len(samples)))]
    with ThreadPoolExecutor(1) as ahead:
        following = ahead.submit(runs[0], samples[0]) if samples else None
        for number in range(len(samples)):
            assert following is not None, "there is a sample"
            value = following.result()
            if number + 1 < len(samples):
                following = ahead.submit(runs[(number + 1) % 2], samples[number + 1])
            yield value


class _Run:
    """Runs the file on a sample. Its tensors hold their values until the next run."""

    def __init__(self, content: bytes) -> None:
        interpreters = need("ai_edge_litert.interpreter")
        self._interpreter = interpreters.Interpreter(
            model_content=content,
            num_threads=2,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._inputs = [int(detail["index"]) for detail in self._interpreter.get_input_details()]

    def __call__(self, sample: Mapping[str, NDArray[Any]]) -> Value:
        for index, array in zip(self._inputs, sample.values(), strict=True):
            self._interpreter.set_tensor(index, array)
        self._interpreter.invoke()
        value: Value = self._interpreter.get_tensor
        return value
