"""``notes`` tells outputs whose size depends on the values of the inputs, and refuses them where a task needs one size.

NonZero and Compress have such outputs, and detectors that give a row for each object.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.backends import open_model
from edge.deploy.conversion.source import SourceModel
from edge.errors import InputError
from edge.faults import takes_any_size
from edge.signature import TaskSpec
from edge.tensors import TensorSpec, quantize

DRAWS = 2
"""The number of runs on random inputs that are compared with the one on zeros, which the outputs' shapes are from."""


def notes(source: SourceModel, task: TaskSpec) -> tuple[str, ...]:
    """Return a line for each output of a .tflite or .onnx file whose size is not the same in every run.

    Raises:
        InputError: the task needs outputs of one size.
    """
    if source.file is None:
        return ()
    found = dict(_other_shapes(source))
    if found and not takes_any_size(task):
        name, (stated, given) = next(iter(found.items()))
        raise InputError(
            f"output {name!r} must have one shape in every run for task {task.name}, got {stated} for zeros and "
            f"{given} for random numbers; export the network with an output of a fixed size, or take --task raw"
        )
    return tuple(
        f"the size of output {name!r} depends on the inputs; the signature states that of a run on zeros, {stated}"
        for name, (stated, _) in found.items()
    )


def _other_shapes(source: SourceModel) -> Iterator[tuple[str, tuple[tuple[int, ...], tuple[int, ...]]]]:
    """Yield the name of an output, the shape that the file states, and another that a run gives."""
    assert source.file is not None, "a finished file has a path"
    rng = np.random.default_rng(0)
    with open_model(source.file) as model:
        for _ in range(DRAWS):
            try:
                arrays = model.run([np.ascontiguousarray(quantize(_drawn(spec, rng), spec)) for spec in model.inputs])
            except InputError:  # random numbers need not be what the network takes
                return
            for spec, array in zip(model.outputs, arrays, strict=True):
                if array.shape != spec.shape:
                    yield spec.name, (spec.shape, array.shape)


def _drawn(spec: TensorSpec, rng: np.random.Generator) -> NDArray[np.float64]:
    if spec.dtype.kind == "f" or spec.quantization is not None:
        return rng.normal(size=spec.shape)
    return rng.integers(0, 2, spec.shape).astype(np.float64)
