"""``with_float_weights`` gives layers of a prepared file the weights back that they had before they were rounded."""

from collections.abc import Collection
from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject


def with_float_weights(prepared: bytes, calibrated: bytes, kept: Collection[str]) -> bytes:
    """Return the prepared file with the float weights and biases of some operations.

    Args:
        prepared: the file with rounded weights.
        calibrated: the file before its weights were rounded.
        kept: the operations, by the names of their first outputs.
    """
    file, before = TFLiteObject(prepared), TFLiteObject(calibrated)
    kinds = file.schema.BuiltinOperator
    rounded = (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED)
    originals = {before.name(int(operation.outputs[0])): operation for _, operation in before.operations()}
    for code, operation in file.operations():
        name = file.name(int(operation.outputs[0]))
        if name in kept and name in originals and code in rounded:
            _restore(file, operation, before, originals[name])
    return file.to_bytes()


def _restore(file: TFLiteObject, operation: Any, before: TFLiteObject, original: Any) -> None:
    """Copy weights and bias. A bias that was not there before became one to correct the rounding."""
    for place in (1, 2):
        index, other = (int(one.inputs[place]) if len(one.inputs) > place else -1 for one in (operation, original))
        now, values = file.constant(index), before.constant(other)
        if now is not None and values is None and place == 2:
            values = np.zeros_like(now)
        if now is not None and values is not None and values.shape == now.shape:
            file.replace(index, values)
