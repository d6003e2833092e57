"""A reference runs the original model on many samples; converted files are compared with its outputs.

A reference is called with arrays of real values by input name, with the n samples on the first axis. It returns arrays
of real values by output name, also with the n samples on the first axis: an output (1, classes) becomes (n, classes),
and an output (3,), which has no batch axis, becomes (n, 3). An output whose size depends on the values of the inputs is
an array (n,) of arrays, where the sizes differ.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.recognize.inputs import unique
from edge.tensors import TensorSpec, dequantize, quantize

Arrays = dict[str, NDArray[Any]]
Reference = Callable[[Mapping[str, NDArray[Any]]], Arrays]

LARGEST_BATCH = 256
"""The most samples on which a function runs at once."""


class FunctionReference:
    """Runs a TensorFlow function on batches, or on one sample at a time where its outputs have no batch axis."""

    def __init__(self, call: Callable[[Mapping[str, Any]], Mapping[str, Any]], batch: int | None = None) -> None:
        """Trace the function.

        Args:
            call: takes tensors by input name and returns tensors by output name.
            batch: the only batch size that the function takes. None means any size.
        """
        # Keras applies autograph to the layers that need it. The call itself has no control flow to convert.
        function = need("tensorflow").function
        self._call = function(lambda tensors: call(tensors), autograph=False, reduce_retracing=batch is None)
        self._batch = batch
        self._batched: bool | None = None

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """Return the outputs for all samples, as the module's docstring describes."""
        count, size = len(next(iter(inputs.values()))), self._batch or LARGEST_BATCH
        parts = [self._part({k: v[at : at + size] for k, v in inputs.items()}) for at in range(0, count, size)]
        return _joined(parts)

    def _part(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        count = len(next(iter(inputs.values())))
        if self._batch:
            inputs = {name: _padded(array, self._batch) for name, array in inputs.items()}
        found = self._run(inputs)
        size = self._batch or count
        if all(array.shape[:1] == (size,) for array in found.values()) and self._is_batched(inputs):
            return {name: array[:count] for name, array in found.items()}
        return _stacked([self._run({k: v[i : i + 1] for k, v in inputs.items()}) for i in range(count)])

    def _is_batched(self, inputs: Mapping[str, NDArray[Any]]) -> bool:
        """Return whether the first axis of every output is the batch, and not an axis that happens to be as long."""
        if self._batched is None:
            single = self._run({name: array[:1] for name, array in inputs.items()}) if self._batch is None else {}
            self._batched = all(array.shape[:1] == (1,) for array in single.values())
        return self._batched

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        try:
            outputs = self._call(dict(inputs))
        except need("tensorflow").errors.InvalidArgumentError as error:
            # An operation of the graph rejects the sample, for example a token beyond the vocabulary.
            reason = str(error.message).strip().splitlines()[0]
            raise InputError(f"the network refuses a sample, its numbers or shape do not fit: {reason}") from error
        return {name: np.asarray(value) for name, value in outputs.items()}


class FileReference:
    """Runs a .tflite or .onnx file in its runtime.

    Attributes:
        inputs: the file's inputs, with the names that they have in a signature, as a file may leave them out.
        outputs: the file's outputs, likewise.
    """

    def __init__(self, path: Path) -> None:
        self._model = open_model(path)
        self.inputs: Sequence[TensorSpec] = _named(self._model.inputs, "input")
        self.outputs: Sequence[TensorSpec] = _named(self._model.outputs, "output")

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """Return the outputs for all samples. Inputs are quantized and outputs dequantized where the file needs it."""
        count = len(next(iter(inputs.values())))
        return _stacked([self._row({name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)])

    def _row(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        arrays = [np.ascontiguousarray(quantize(inputs[spec.name], spec)) for spec in self.inputs]
        outputs = self._model.run(arrays)
        return {spec.name: _real(array, spec) for spec, array in zip(self.outputs, outputs, strict=True)}


def _named(specs: Sequence[TensorSpec], kind: str) -> tuple[TensorSpec, ...]:
    names = unique([spec.name for spec in specs], kind)
    return tuple(replace(spec, name=name) for spec, name in zip(specs, names, strict=True))


def _real(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return real values; integers without quantization, such as class numbers, stay integers."""
    return array if spec.quantization is None else dequantize(array, spec)


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return ``size`` samples; missing ones are copies of the last sample."""
    return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])


def _stacked(rows: Sequence[Arrays]) -> Arrays:
    """Stack the outputs of single samples on a new first axis; a batch axis of size 1 is dropped."""
    return {name: _together([row[name] for row in rows]) for name in rows[0]}


def _together(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if len({array.shape for array in arrays}) > 1:
        unlike = np.empty(len(arrays), object)
        for place, array in enumerate(arrays):
            unlike[place] = array
        return unlike
    stacked = np.stack(arrays)
    return stacked[:, 0] if stacked.shape[1:2] == (1,) else stacked


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sample(outputs: Mapping[str, NDArray[Any]], specs: Sequence[TensorSpec], position: int) -> Arrays:
    """Return the outputs of one sample.

    Args:
        outputs: the arrays that a reference returned, by name.
        specs: the model's outputs.
        position: the sample's index on the first axis.

    Returns:
        The arrays by output name, each in the shape of its spec, or in its own where the size is another.
    """
    return {spec.name: _shaped(outputs[spec.name][position], spec.shape) for spec in specs}


def _shaped(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.size == math.prod(shape):
        return array.reshape(shape)
    return array[None] if shape[:1] == (1,) and array.ndim == len(shape) - 1 else array
