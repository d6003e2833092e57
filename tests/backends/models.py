"""Model files of a few hundred bytes, written field by field, and what they must compute, in plain numpy.

No converter and no framework takes part, so that a test of a runtime is a test of that runtime alone.
The network of every format: a 3x3 convolution (valid padding, stride 1) of a (4, 5, 3) image into 2 channels.
"""

import json
from pathlib import Path

import numpy as np

from edge.tensors import Quantization

IMAGE = (1, 4, 5, 3)
FEATURES = (1, 2, 3, 2)
WEIGHTS = ((np.arange(54).reshape(2, 3, 3, 3) * 7) % 11 - 5).astype(np.int8)
"""(output channel, height, width, input channel), integers from -5 to 5."""
BIAS = np.array([3, -4], np.int32)

IMAGE_QUANTIZATION = Quantization(0.5, -3)
FEATURES_QUANTIZATION = Quantization(2.0, 5)
WEIGHT_SCALE = 0.25


def convolve(image, weights, bias):
    """Return the valid convolution, one multiplication at a time; image (1, h, w, c), result (1, h-2, w-2, o)."""
    _, height, width, _ = image.shape
    out = np.zeros((1, height - 2, width - 2, len(weights)), np.float64)
    for y in range(height - 2):
        for x in range(width - 2):
            for channel, kernel in enumerate(weights):
                window = image[0, y : y + 3, x : x + 3].astype(np.float64)
                out[0, y, x, channel] = (window * kernel).sum() + bias[channel]
    return out


def float_features(image):
    """Return what the float files compute, float32."""
    return convolve(image, WEIGHTS.astype(np.float64), BIAS).astype(np.float32)


def int8_features(image):
    """Return what the int8 file computes: integer sums, then real multiplier 0.5 * 0.25 / 2.0 and zero points.

    Jacob et al. 2018, equation 4; half away from zero. Exact here because the multiplier is 2 ** -4.
    """
    sums = convolve(image.astype(np.int64) - IMAGE_QUANTIZATION.zero_point, WEIGHTS, BIAS)
    scaled = sums * (IMAGE_QUANTIZATION.scale * WEIGHT_SCALE / FEATURES_QUANTIZATION.scale)
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) + FEATURES_QUANTIZATION.zero_point
    return np.clip(rounded, -128, 127).astype(np.int8)


def tflite_conv(path: Path, int8: bool = False, signature=IMAGE) -> Path:
    """Write the convolution as TFLite. signature: the declared input shape, -1 where it is open."""
    from ai_edge_litert import schema_py_generated as schema

    kind = schema.TensorType.INT8 if int8 else schema.TensorType.FLOAT32
    bias_kind = schema.TensorType.INT32 if int8 else schema.TensorType.FLOAT32
    weights, bias = (WEIGHTS, BIAS) if int8 else (WEIGHTS.astype(np.float32), BIAS.astype(np.float32))
    conv = schema.Conv2DOptionsT()
    conv.padding, conv.strideH, conv.strideW = schema.Padding.VALID, 1, 1
    open_shape = [max(1, size) for size in signature]
    out_signature = [signature[0], *FEATURES[1:]]
    rows = [
        ("image", open_shape, kind, None, IMAGE_QUANTIZATION, list(signature)),
        ("weights", WEIGHTS.shape, kind, weights, Quantization(WEIGHT_SCALE, 0), None),
        ("bias", BIAS.shape, bias_kind, bias, Quantization(IMAGE_QUANTIZATION.scale * WEIGHT_SCALE, 0), None),
        ("features", FEATURES, kind, None, FEATURES_QUANTIZATION, out_signature),
    ]
    operators = [(schema.BuiltinOperator.CONV_2D, None, [0, 1, 2], [3], schema.BuiltinOptions.Conv2DOptions, conv)]
    return _write(path, rows if int8 else _float(rows), operators, [0], [3])


def tflite_pair(path: Path, custom: str | None = None, program: bytes = b"") -> Path:
    """Write inputs a, b (1, 3) to outputs a + b and a - b; ``custom`` replaces the sum by a custom operation.

    program: the custom operation's data.
    """
    from ai_edge_litert import schema_py_generated as schema

    names = ("a", "b", "sum", "difference")
    rows = [(name, (1, 3), schema.TensorType.FLOAT32, None, None, None) for name in names]
    sub, add = schema.SubOptionsT(), schema.AddOptionsT()
    operators = [
        (schema.BuiltinOperator.ADD, None, [0, 1], [2], schema.BuiltinOptions.AddOptions, add),
        (schema.BuiltinOperator.SUB, None, [0, 1], [3], schema.BuiltinOptions.SubOptions, sub),
    ]
    if custom:
        operators[0] = (schema.BuiltinOperator.CUSTOM, custom, [0, 1], [2], 0, program)
    return _write(path, rows, operators, [0, 1], [2, 3])


COMPILED = "edgetpu-custom-op"
MEANS_QUANTIZATION = Quantization(1 / 255, -128)


def tflite_not(path: Path) -> Path:
    """Write a file for an Edge TPU that inverts the bits of an int8 image; tests/edgetpu/stub.c computes it."""
    from ai_edge_litert import schema_py_generated as schema

    rows = [(name, IMAGE, schema.TensorType.INT8, None, IMAGE_QUANTIZATION, None) for name in ("image", "inverted")]
    return _write(path, rows, [(schema.BuiltinOperator.CUSTOM, COMPILED, [0], [1], 0, b"not")], [0], [1])


def tflite_means(path: Path, compiled: bool = False, size: int = 8) -> Path:
    """Write a classifier of an int8 image (1, size, size, 3): the score of each class is the mean of a channel.

    compiled: for an Edge TPU, as tests/edgetpu/stub.c computes it, else for the CPU.
    """
    from ai_edge_litert import schema_py_generated as schema

    image, scores, axes = (1, size, size, 3), (1, 3), np.array([1, 2], np.int32)
    rows = [
        ("image", image, schema.TensorType.INT8, None, MEANS_QUANTIZATION, None),
        ("scores", scores, schema.TensorType.INT8, None, MEANS_QUANTIZATION, None),
        ("axes", (2,), schema.TensorType.INT32, axes, None, None),
    ]
    mean = schema.ReducerOptionsT()
    operator = (schema.BuiltinOperator.MEAN, None, [0, 2], [1], schema.BuiltinOptions.ReducerOptions, mean)
    if compiled:
        operator = (schema.BuiltinOperator.CUSTOM, COMPILED, [0], [1], 0, b"net")
    return _write(path, rows, [operator], [0], [1])


def _float(rows):
    return [(name, shape, kind, data, None, signature) for name, shape, kind, data, _, signature in rows]


def _write(path, rows, operators, inputs, outputs):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version = 3
    model.description = "hand-written"
    model.buffers = [schema.BufferT() for _ in range(len(rows) + 1)]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(schema, row, number, model.buffers) for number, row in enumerate(rows, 1)]
    graph.inputs, graph.outputs, graph.operators, model.operatorCodes = inputs, outputs, [], []
    for number, (code, custom, sources, targets, options_type, options) in enumerate(operators):
        model.operatorCodes.append(_operator_code(schema, code, custom))
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = number, sources, targets
        if custom:
            operator.customOptions = list(options)
        else:
            operator.builtinOptionsType, operator.builtinOptions = options_type, options
        graph.operators.append(operator)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _operator_code(schema, code, custom):
    row = schema.OperatorCodeT()
    row.builtinCode, row.deprecatedBuiltinCode, row.customCode, row.version = code, min(code, 127), custom, 3
    return row


def _tensor(schema, row, number, buffers):
    name, shape, kind, data, quantization, signature = row
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, number
    tensor.shapeSignature = signature if signature and -1 in signature else None
    if data is not None:
        buffers[number].data = np.frombuffer(data.tobytes(), np.uint8)
    if quantization is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [quantization.scale]
        tensor.quantization.zeroPoint = [quantization.zero_point]
    return tensor


def onnx_conv(path: Path, image=(1, 3, 4, 5), features=(1, 2, 2, 3)) -> Path:
    """Write the float convolution as ONNX, NCHW; a string in ``image`` or ``features`` is a symbolic size."""
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(WEIGHTS.astype(np.float32).transpose(0, 3, 1, 2).copy(), "weights")
    bias = numpy_helper.from_array(BIAS.astype(np.float32), "bias")
    return _write_onnx(
        path,
        [helper.make_node("Conv", ["image", "weights", "bias"], ["features"])],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, features)],
        [weights, bias],
    )


def onnx_pair(path: Path, operation: str = "Add", domain: str = "") -> Path:
    """Write inputs a, b (1, 3) to outputs a + b and a - b; ``operation`` and ``domain`` replace the sum."""
    from onnx import TensorProto, helper

    def row(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3))

    nodes = [
        helper.make_node(operation, ["a", "b"], ["sum"], domain=domain),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
    ]
    return _write_onnx(path, nodes, [row("a"), row("b")], [row("sum"), row("difference")], [])


def _write_onnx(path, nodes, inputs, outputs, initializers):
    import onnx
    from onnx import helper

    graph = helper.make_graph(nodes, "hand_written", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def fake(path: Path, inputs=(("image", IMAGE, "uint8"),), outputs=(("bands", (1, 4), "float32"),), **extra) -> Path:
    """Write a ``.fake`` description. inputs, outputs: (name, shape, dtype) or with a (scale, zero point) added."""

    def row(name, shape, dtype, quantization=None):
        return {"name": name, "shape": shape, "dtype": dtype, "quantization": quantization}

    content = {"inputs": [row(*i) for i in inputs], "outputs": [row(*o) for o in outputs], **extra}
    path.write_text(json.dumps(content))
    return path
