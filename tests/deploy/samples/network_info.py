"""Short helpers that describe a network by the shapes of its inputs and the role of its output."""

import numpy as np

from edge.deploy.samples import NetworkInfo
from edge.imaging import InputFormat
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tensors import TensorSpec

GREY, COLOUR = InputFormat("GRAY", (0.0,), (1.0,)), InputFormat("RGB", (0.0,), (1.0,))
"""Real values are the pixels."""


def everything(classes):
    """Choose all rows."""
    return np.arange(len(classes))


def image(shape, form=COLOUR, name="image"):
    return Input(name, "image", (1, *shape), "float32", form)


def tensor(shape, dtype="float32", name="x"):
    return Input(name, "tensor", (1, *shape), dtype)


def network(*entries, task="classify", role="scores", shape=(1, 3), labels=(), quantization=None, **others):
    """Return what a reader of samples must know of a network with these inputs and one output called ``out``."""
    signature = Signature(entries, (Output("out", role, shape),), TaskSpec(task))
    specs = {}
    for entry in entries:
        dtype = np.dtype(np.int8 if quantization else entry.dtype)
        specs[entry.name] = TensorSpec(entry.name, entry.shape, dtype, quantization)
    return NetworkInfo(signature, specs, labels, **others)
