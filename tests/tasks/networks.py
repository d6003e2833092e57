"""What tests of tasks share: signatures of small networks, and outputs as a run gives them."""

import numpy as np

from edge.imaging import InputFormat
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tensors import Quantization, Tensor, TensorSpec

WIDTH, HEIGHT = 96, 64
"""Of the networks' input."""


def image(width=WIDTH, height=HEIGHT, layout="NHWC", **form):
    shape = (1, height, width, 3) if layout == "NHWC" else (1, 3, height, width)
    return Input("image", "image", shape, "float32", InputFormat(layout=layout, **form))


def signature(task, outputs, decoder=None, entry=None, dtype="float32", **parameters):
    """outputs: rows of name, role, shape."""
    rows = tuple(Output(name, role, tuple(shape), dtype) for name, role, shape in outputs)
    return Signature((entry or image(),), rows, TaskSpec(task, decoder, parameters))


def outputs(**arrays):
    """Real values by name, float32 unless they are arrays of another dtype."""
    found = {n: v if isinstance(v, np.ndarray) else np.asarray(v, np.float32) for n, v in arrays.items()}
    return {n: Tensor(v, TensorSpec(n, v.shape, v.dtype)) for n, v in found.items()}


def quantized(name, values, dtype, scale, zero_point):
    """One output of integers."""
    array = np.asarray(values, dtype)
    spec = TensorSpec(name, array.shape, array.dtype, Quantization(scale, zero_point))
    return {name: Tensor(array, spec)}
