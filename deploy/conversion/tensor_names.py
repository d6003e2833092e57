"""``find_names`` matches the tensors of a converted file with the inputs and outputs of the model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.backends import open_model
from edge.backends.base import Model
from edge.deploy.conversion import reference
from edge.deploy.conversion.naming import operation_name
from edge.deploy.conversion.source import SourceModel
from edge.errors import InputError
from edge.runnable import TensorNames
from edge.signature import describe
from edge.tensors import Array, TensorSpec, dequantize, quantize


def find_names(path: Path, source: SourceModel) -> TensorNames:
    """Find the file's tensor for each input and output of the model.

    Tensors are matched by name, which the conversion usually keeps. Otherwise they are matched by order, if the shapes
    agree. Outputs with equal shapes are then matched by their values for a sample. Tensors that share a name, or have
    none, stay in their order.

    Raises:
        InputError: the file's tensors do not match the model's.
    """
    with open_model(path) as model:
        if not (_are_named(model.inputs) and _are_named(model.outputs)):
            _in_order(model.inputs, source.inputs, path)
            _in_order(model.outputs, source.outputs, path)
            return TensorNames()
        inputs = _by_name(model.inputs, source.inputs) or _in_order(model.inputs, source.inputs, path)
        outputs = _by_name(model.outputs, source.outputs) or _by_values(model, source, inputs, path)
    return TensorNames(inputs, outputs)


def _are_named(specs: Sequence[TensorSpec]) -> bool:
    names = {spec.name for spec in specs}
    return len(names) == len(specs) and "" not in names


def _by_name(specs: Sequence[TensorSpec], known: Sequence[TensorSpec]) -> dict[str, str]:
    found = {spec.name: spec for spec in specs}
    names = {one.name: one.name if one.name in found else operation_name(one.name) for one in known}
    fits = len(found) == len(specs) == len(known) == len(set(names.values())) and set(names.values()) == set(found)
    fits = fits and all(found[names[one.name]].shape == one.shape for one in known)
    return names if fits else {}


def _in_order(specs: Sequence[TensorSpec], known: Sequence[TensorSpec], path: Path) -> dict[str, str]:
    if [spec.shape for spec in specs] != [one.shape for one in known]:
        raise InputError(f"{path.name} must have the model's tensors, {describe(known)}; it has {describe(specs)}")
    return {one.name: spec.name for one, spec in zip(known, specs, strict=True)}


def _by_values(model: Model, source: SourceModel, inputs: dict[str, str], path: Path) -> dict[str, str]:
    """Match outputs of equal shape by the nearest values for a random sample."""
    given = _drawn(source.inputs)
    expected = reference.sample(source.reference(given), source.outputs, 0)
    to_model = {in_file: name for name, in_file in inputs.items()}
    arrays = [np.ascontiguousarray(quantize(given[to_model[spec.name]], spec)) for spec in model.inputs]
    left = {spec.name: dequantize(array, spec) for spec, array in zip(model.outputs, model.run(arrays), strict=True)}
    found = {}
    for one in source.outputs:
        fitting = {name: array for name, array in left.items() if array.shape == one.shape}
        if not fitting:
            raise InputError(
                f"{path.name} must have the model's outputs, {describe(source.outputs)}; it has "
                f"{describe(model.outputs)}"
            )
        near = {name: float(np.square(array - expected[one.name]).sum()) for name, array in fitting.items()}
        found[one.name] = min(near, key=lambda name: near[name])
        left.pop(found[one.name])
    return found


def _drawn(specs: Sequence[TensorSpec]) -> dict[str, Array]:
    """Return a random sample: normally distributed values, and small whole numbers for integer inputs."""
    rng = np.random.default_rng(0)
    floats = {spec.name: rng.normal(size=spec.shape).astype(np.float32) for spec in specs}
    return {
        spec.name: floats[spec.name] if spec.dtype.kind == "f" or spec.quantization else rng.integers(0, 2, spec.shape)
        for spec in specs
    }
