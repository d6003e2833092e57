"""``measure`` finds how much each layer of an int8 file adds to the error of the network's outputs.

A layer is fed what the float network has at its place, rounded to the int8 steps of its input. Its int8 operation and
its float operation then differ by what this layer alone does: its rounded weights, and the range and step of its
output. This difference is added at the layer's place in a float run, and the change of the network's outputs is the
layer's part of the damage. A bad range that hides in a large signal, such as one channel far above the others, shows
there, where the layer's own signal-to-noise ratio looks well.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.conversion.float_layers import layer_name
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.explain.interpreter import Interpreter
from edge.deploy.explain.rewriting import (
    compared_outputs,
    cut,
    limits_of_outputs,
    with_errors,
    with_shapes,
    with_steps_of_outputs,
)
from edge.deploy.explain.sums import Sums, decibel, limited
from edge.deploy.placement_report import operators
from edge.tensors import TensorSpec, dequantize, quantize

Inputs = Sequence[NDArray[Any]]
Progress = Callable[[int, int], None]
INPUT = "input"
"""What stands for the operation of a network's input, which is rounded too."""


@dataclass(frozen=True)
class LayerError:
    """The errors of one layer of an int8 file, over all samples.

    Signal-to-noise ratios are in dB, and infinite where nothing is lost.

    Attributes:
        operation: its name in TFLite's schema, such as CONV_2D, or INPUT.
        layer: the model's name of the layer, as far as the tensor's name tells it.
        tensor: the name of its output in the file.
        shape: the shape of its output.
        bounds: the smallest and the largest value that its output can hold.
        step: the size of one int8 step of its output, 0 where the output is not quantized.
        clipped: the share of its output's values more than half a step beyond the bounds, from 0 to 1.
        snr: of its output in the int8 network, with the errors of all layers before it.
        local_snr: of its output where this layer alone is int8.
        output_snr: of the network's outputs, before a last softmax or sigmoid, where this layer alone is int8.
        share: its part of the noise at the network's outputs, from 0 to 1.
        cause: ``weights`` where most of the local error comes from rounded weights, ``range`` where it comes from the
            step and the bounds of its output.
        at_output: whether its steps are those of an output of the network: nothing follows but a last softmax, or what
            only rearranges values.
    """

    operation: str
    layer: str
    tensor: str
    shape: tuple[int, ...]
    bounds: tuple[float, float]
    step: float
    clipped: float
    snr: float
    local_snr: float
    output_snr: float
    share: float
    cause: str
    at_output: bool = False


def measure(calibrated: bytes, int8: bytes, samples: Sequence[Inputs], progress: Progress) -> list[LayerError]:
    """Return the errors of all layers in the order of the file.

    Args:
        calibrated: the float file, whose tensors have the names of those in ``int8``.
        int8: the int8 file.
        samples: for each sample its real inputs, in the order of the file, with batch size 1.
        progress: takes the number of samples done and their total.
    """
    walk = _Walk(calibrated, int8)
    for done, sample in enumerate(samples, 1):
        walk.add(sample)
        progress(done, len(samples))
    return walk.layers()


class _Walk:
    """The float file and the int8 file, whole and taken apart, with the sums of what was measured."""

    def __init__(self, calibrated: bytes, int8: bytes) -> None:
        calibrated, int8 = with_shapes(calibrated), with_shapes(int8)
        names, quantized = TFLiteObject(calibrated), TFLiteObject(int8)
        known, found = names.names(), quantized.names()
        self._names = [name for name, i in found.items() if name in known and names.is_float(known[name])]
        self._float_at, self._int8_at = known, found
        self._operations = _operation_names(quantized)
        self._float, self._int8 = Interpreter(calibrated), Interpreter(int8)
        self._float_cut, self._int8_cut = cut(calibrated, self._names), cut(int8, self._names)
        self._exact, self._rounded = Interpreter(self._float_cut.content), Interpreter(self._int8_cut.content)
        self._at_outputs, self._limits = with_steps_of_outputs(calibrated), limits_of_outputs(calibrated)
        self._outputs = compared_outputs(calibrated)
        self._disturbed_file = with_errors(calibrated, self._names, self._outputs)
        self._disturbed = Interpreter(self._disturbed_file.content, inspected=False)
        self._sums = {name: Sums() for name in self._names}

    def add(self, inputs: Inputs) -> None:
        """Measure one sample, given in the order of the file's inputs."""
        for file in (self._float, self._int8):
            file.give(dict(zip(file.inputs, inputs, strict=True)))
            file.run()
        values = {name: self._float.real(self._float_at[name]) for name in self._names}
        errors = self._local_errors(inputs, values)
        for name, value in values.items():
            found = self._int8.real(self._int8_at[name])
            self._sums[name].accumulated.add(self._limited(name, value), self._limited(name, found))
        self._effects(inputs, errors)

    def _local_errors(self, inputs: Inputs, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the error that each layer makes by itself, and count it."""
        given = {name: _rounded(value, self._spec(name)) for name, value in values.items()}
        for file, parts in ((self._exact, self._float_cut), (self._rounded, self._int8_cut)):
            file.give(dict(zip(file.inputs, inputs, strict=False)))  # integers, which no error touches
            file.give({parts.given[name]: value for name, value in given.items()})
            file.run()
        errors = {}
        for name, value in values.items():
            exact, got = value, given[name]
            if not self._is_input(name):
                exact = self._exact.real(self._float_cut.computed[name])
                got = self._rounded.real(self._int8_cut.computed[name])
            exact, got = self._limited(name, exact), self._limited(name, got)
            errors[name] = np.subtract(got, exact, dtype=np.float32)
            spec = self._spec(name)
            self._sums[name].add_local(exact, errors[name], _rounded(exact, spec), _kept(spec))
        return errors

    def _effects(self, inputs: Inputs, errors: Mapping[str, NDArray[Any]]) -> None:
        """Count what the error of each layer changes at the network's outputs."""
        file, places = self._disturbed, self._disturbed_file.given
        borders = dict(zip(self._float.inputs, inputs, strict=True))
        file.give({**borders, **{index: np.zeros(file.specs[index].shape) for index in places.values()}})
        file.run()
        expected = [values.copy() for values in self._found()]
        for name, error in errors.items():
            if not error.any():
                self._sums[name].effect.add(expected, expected)
                continue
            place = places.get(name, self._float_at[name])
            usual = borders.get(place, np.zeros_like(error))
            file.give({place: usual + error})
            file.run()
            self._sums[name].effect.add(expected, self._found())
            file.give({place: usual})

    def _found(self) -> list[NDArray[Any]]:
        """Return the network's outputs in the disturbed run."""
        file = self._disturbed
        return [self._limited(name, file.real(index)) for name, index in zip(self._outputs, file.outputs, strict=True)]

    def _limited(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        return limited(values, self._limits.get(name))

    def _is_input(self, name: str) -> bool:
        return self._int8_at[name] in self._int8.inputs

    def _spec(self, name: str) -> TensorSpec:
        return self._int8.specs[self._int8_at[name]]

    def layers(self) -> list[LayerError]:
        """Return what was measured."""
        total = sum(sums.effect.noise for sums in self._sums.values())
        return [self._layer(name, sums, total) for name, sums in self._sums.items()]

    def _layer(self, name: str, sums: Sums, total: float) -> LayerError:
        spec = self._spec(name)
        return LayerError(
            operation=self._operations.get(self._int8_at[name], INPUT),
            layer=layer_name(name),
            tensor=name,
            shape=spec.shape,
            bounds=_bounds(spec),
            step=spec.quantization.scale if spec.quantization else 0.0,
            clipped=sums.clipped.percent / 100 if sums.clipped.whole else 0.0,
            snr=sums.accumulated.snr,
            local_snr=sums.local.snr,
            output_snr=decibel(1.0, sums.effect.noise),
            share=sums.effect.noise / total if total else 0.0,
            cause="range" if sums.of_range >= sums.local.noise / 2 else "weights",
            at_output=name in self._at_outputs,
        )


def _operation_names(file: TFLiteObject) -> dict[int, str]:
    """Return the name of the operation that computes each tensor."""
    return {int(index): operators.name(code) for code, operation in file.operations() for index in operation.outputs}


def _rounded(values: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return real values on the int8 steps of a tensor, and unchanged where it has none."""
    return values if spec.quantization is None else dequantize(quantize(values, spec), spec)


def _kept(spec: TensorSpec) -> tuple[float, float]:
    """Return the bounds with the half step beyond them that is rounded, not clipped.

    A pixel may lie in the very middle between two steps, and a little beyond it by float arithmetic.
    """
    low, high = _bounds(spec)
    half = 0.51 * spec.quantization.scale if spec.quantization else 0.0
    return low - half, high + half


def _bounds(spec: TensorSpec) -> tuple[float, float]:
    if spec.quantization is None:
        return -math.inf, math.inf
    limits = np.iinfo(spec.dtype)
    scale, zero_point = spec.quantization
    return (limits.min - zero_point) * scale, (limits.max - zero_point) * scale
