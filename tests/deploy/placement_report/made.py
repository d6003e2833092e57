"""TFLite files made operation by operation with the schema that LiteRT ships, for one limit each."""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPTIONS = {
    "ADD": "AddOptions",
    "ARG_MAX": "ArgMaxOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "PACK": "PackOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
}
KINDS = {np.dtype(np.int8): "INT8", np.dtype(np.uint8): "UINT8", np.dtype(np.int32): "INT32", np.dtype("f4"): "FLOAT32"}


class Network:
    """A graph under construction. Tensors are numbers; a tensor without data is computed or an input."""

    def __init__(self):
        self.graph, self.model = schema.SubGraphT(), schema.ModelT()
        self.model.version, self.model.buffers, self.model.operatorCodes = 3, [schema.BufferT()], []
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []

    def tensor(self, shape, kind="INT8", scales=(0.5,), zero_point=0, data=None, signature=None, variable=False):
        made = schema.TensorT()
        made.name, made.shape = f"t{len(self.graph.tensors)}", list(shape)
        made.type, made.shapeSignature, made.isVariable = getattr(schema.TensorType, kind), signature, variable
        made.buffer = 0
        if scales:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = list(scales)
            made.quantization.zeroPoint = [zero_point] * len(scales)
        if data is not None:
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(schema.BufferT())
            self.model.buffers[-1].data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, shape, **rest):
        number = self.tensor(shape, **rest)
        self.graph.inputs.append(number)
        return number

    def constant(self, values, scales=(0.5,), zero_point=0):
        values = np.asarray(values)
        values = values.astype(np.int32) if values.dtype == np.int64 else values
        kind = KINDS[values.dtype]
        scales = () if kind in ("INT32", "FLOAT32") else scales
        return self.tensor(values.shape, kind, scales, zero_point, values)

    def operation(
        self, name, inputs, *shapes, custom=None, version=1, kind="INT8", scales=(0.5,), zero_point=0, **options
    ):
        """Add an operation with an output for each shape; return the outputs' numbers."""
        code = schema.OperatorCodeT()
        number = getattr(schema.BuiltinOperator, name)
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.customCode, code.version = custom, version
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs = len(self.model.operatorCodes) - 1, list(inputs)
        made.outputs = [self.tensor(shape, kind, scales, zero_point) for shape in shapes]
        if name in OPTIONS:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[name])
            made.builtinOptions = getattr(schema, OPTIONS[name] + "T")()
            for field, value in options.items():
                setattr(made.builtinOptions, field, value)
        self.graph.operators.append(made)
        return made.outputs

    def write(self, path: Path, *outputs) -> Path:
        self.graph.outputs = list(outputs) or list(self.graph.operators[-1].outputs)
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def int8(*shape):
    """Return int8 weights."""
    return np.ones(shape, np.int8)
