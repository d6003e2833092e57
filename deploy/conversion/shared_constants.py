"""``share_constants`` stores equal constants of a TFLite file once.

The steps of an unrolled recurrent layer have the same weights, and TFLite's converters write them for each step anew.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject

SMALLEST = 64
"""Smaller constants, in bytes, are left alone, such as shapes and axes."""


def share_constants(content: bytes) -> bytes:
    """Return the file with one tensor for all constants of equal type, shape, values and quantization."""
    file = TFLiteObject(content)
    graph, buffers = file.model.subgraphs[0], file.model.buffers
    first: dict[Any, int] = {}
    other: dict[int, int] = {}
    for index, tensor in enumerate(graph.tensors):
        data = buffers[tensor.buffer].data
        if data is not None and len(data) >= SMALLEST:
            other[index] = first.setdefault((bytes(data), *_kind(tensor)), index)
    for _, operation in file.operations():
        operation.inputs = [other.get(int(index), int(index)) for index in operation.inputs]
    for index, same in other.items():
        if same != index:
            graph.tensors[index].buffer = 0  # the empty buffer: nothing reads this tensor any more
    return file.to_bytes()


def _kind(tensor: Any) -> tuple[Any, ...]:
    found = tensor.quantization
    parts = () if found is None else (found.scale, found.zeroPoint, found.quantizedDimension)
    return (tensor.type, *(None if part is None else np.asarray(part).tobytes() for part in (tensor.shape, *parts)))
