"""``Interpreter`` runs a TFLite file and reads its tensors as real values, by their index."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need
from edge.tensors import Quantization, TensorSpec, dequantize, quantize

Floats = NDArray[np.float32]


class Interpreter:
    """A file in LiteRT.

    Attributes:
        specs: name, shape, dtype and quantization of each tensor, by index. A scale for each channel is no scale here.
        inputs: the indices of the inputs.
        outputs: the indices of the outputs.
    """

    def __init__(self, content: bytes, inspected: bool = True) -> None:
        """Load a file.

        Args:
            content: the file.
            inspected: whether all tensors are read, so that none shares memory with another and no delegate runs.
        """
        module = need("ai_edge_litert.interpreter")
        kinds = module.OpResolverType
        self._interpreter: Any = module.Interpreter(
            model_content=content,
            num_threads=2,
            experimental_preserve_all_tensors=inspected,
            experimental_op_resolver_type=kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if inspected else kinds.AUTO,
        )
        self._interpreter.allocate_tensors()
        self.specs = {int(each["index"]): _spec(each) for each in self._interpreter.get_tensor_details()}
        self.inputs = [int(each["index"]) for each in self._interpreter.get_input_details()]
        self.outputs = [int(each["index"]) for each in self._interpreter.get_output_details()]

    def give(self, values: Mapping[int, NDArray[Any]]) -> None:
        """Set inputs, by index, to real values, which are quantized where the input is."""
        for index, array in values.items():
            spec = self.specs[index]
            self._interpreter.set_tensor(index, quantize(array, spec).reshape(spec.shape))

    def run(self) -> None:
        """Run the file on its inputs."""
        self._interpreter.invoke()

    def real(self, index: int) -> NDArray[Any]:
        """Return the real values of a tensor. Integers without quantization, such as class numbers, stay integers."""
        array: NDArray[Any] = self._interpreter.get_tensor(index)
        spec = self.specs[index]
        return array if spec.quantization is None else dequantize(array, spec)


def _spec(detail: Mapping[str, Any]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    quantization = Quantization(float(scale), int(zero_point)) if scale else None
    shape = tuple(int(size) for size in detail["shape"])
    return TensorSpec(str(detail["name"]), shape, np.dtype(detail["dtype"]), quantization)
