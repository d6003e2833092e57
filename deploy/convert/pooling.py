"""An average over the whole image gets a range of its own.

TFLite's int8 AVERAGE_POOL_2D has one range for what it reads and what it writes. Over a whole image the averages are a
fraction of the largest value, so that most of the 256 levels are never used: in MLPerf Tiny's ResNet-8 four of five.
MEAN computes the same and has a range for each.
"""

from typing import Any

import numpy as np

from edge.deploy.convert.tflite_object import TFLiteObject


def to_means(file: TFLiteObject) -> None:
    """Turn every AVERAGE_POOL_2D whose one window is the whole image into a MEAN over height and width."""
    schema = file.schema
    for code, operation in file.operations():
        if code != schema.BuiltinOperator.AVERAGE_POOL_2D or not _covers(file, operation):
            continue
        axes = file.add_constant(f"image_axes_{operation.outputs[0]}", np.array([1, 2], np.int32))
        options = schema.ReducerOptionsT()
        options.keepDims = True
        operation.inputs = [int(operation.inputs[0]), axes]
        operation.opcodeIndex = file.code(schema.BuiltinOperator.MEAN, version=2)
        operation.builtinOptionsType, operation.builtinOptions = schema.BuiltinOptions.ReducerOptions, options


def _covers(file: TFLiteObject, pool: Any) -> bool:
    options = pool.builtinOptions
    _, height, width, _ = file.shape(pool.inputs[0])
    window = (options.filterHeight, options.filterWidth) == (height, width)
    plain = options.fusedActivationFunction == file.schema.ActivationFunctionType.NONE
    return bool(window and plain and file.shape(pool.outputs[0])[1:3] == (1, 1))
