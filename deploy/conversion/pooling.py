"""``to_means`` replaces average pooling over the whole image by MEAN, whose output has its own range.

TFLite's int8 AVERAGE_POOL_2D has the same range for input and output. The averages over a whole image are much smaller
than the largest value, so that most of the 256 levels are not used: four of five in MLPerf Tiny's ResNet-8. MEAN
computes the same, with different ranges for input and output.
"""

from typing import Any

import numpy as np

from edge.deploy.conversion.tflite_object import TFLiteObject


def to_means(file: TFLiteObject) -> None:
    """Replace every AVERAGE_POOL_2D whose window is the whole image by a MEAN over height and width, in place."""
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
