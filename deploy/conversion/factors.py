"""``folded`` multiplies the factors of a batch normalization behind a ReLU into the layer before it.

A dense head is often Dense, ReLU, BatchNormalization. Its factors, one a channel, differ by a hundred times where the
channels do. In int8 both the ReLU's output and the factors have one scale, which leaves nothing of the small channels
and of the small factors. With f > 0, f * relu(W x + b) = relu(f W x + f b), and the channels become alike. Of a factor
below 0 its sign is left. ``fold_onnx`` does so in an ONNX file.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need
from edge.deploy.conversion.tflite_object import TFLiteObject

ONNX_WEIGHTED = ("Conv", "Gemm", "MatMul")
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

Floats = NDArray[np.float32]


def folded(content: bytes) -> bytes:
    """Return a float TFLite file that computes the same, without factors behind layers with and without a ReLU."""
    file = TFLiteObject(content)
    kinds, activations = file.schema.BuiltinOperator, file.schema.ActivationFunctionType
    operations = list(file.operations())
    makers = {int(one.outputs[0]): (code, one) for code, one in operations}
    read = Counter(int(index) for _, one in operations for index in one.inputs) + Counter(file.outputs())
    weighted = {getattr(kinds, name) for name in WEIGHTED}
    for code, product in operations:
        for source, other in (product.inputs, product.inputs[::-1]) if code == kinds.MUL else ():
            kind, layer = makers.get(int(source), (None, None))
            values = _channels(file.constant(int(other)), file.shape(int(source)))
            if kind not in weighted or layer is None or values is None or read[int(source)] != 1:
                continue
            if layer.builtinOptions.fusedActivationFunction in (activations.NONE, activations.RELU):
                _fold(file, layer, kind == kinds.DEPTHWISE_CONV_2D, product, int(other), values)
            break
    return file.to_bytes()


def _fold(file: TFLiteObject, layer: Any, outputs_last: bool, product: Any, other: int, values: Floats) -> None:
    weights, *bias = (int(index) for index in layer.inputs[1:] if index >= 0)
    kernel, given = file.constant(weights), {index: file.constant(index) for index in bias}
    known = {index: one for index, one in given.items() if one is not None}
    if kernel is None or file.is_shared(weights) or len(known) < len(given):
        return
    size, rest = _split(values)
    file.replace(weights, kernel * (size if outputs_last else size.reshape(-1, *[1] * (kernel.ndim - 1))))
    for index, one in known.items():
        scaled = file.add_constant(f"{file.name(index)}_folded_{int(layer.outputs[0])}", one * size)
        layer.inputs = [scaled if int(each) == index else int(each) for each in layer.inputs]
    signs = file.add_constant(f"{file.name(other)}_signs_{int(layer.outputs[0])}", rest)
    plain = product.builtinOptions.fusedActivationFunction == file.schema.ActivationFunctionType.NONE
    made, kept = int(product.outputs[0]), int(layer.outputs[0])
    if not plain or (rest != 1).any() or made in file.outputs():
        product.inputs = [signs if int(each) == other else int(each) for each in product.inputs]
        return
    file.replace_operation(product, [])
    for _, reader in file.operations():
        reader.inputs = [kept if int(each) == made else int(each) for each in reader.inputs]


def _channels(values: Floats | None, shape: tuple[int, ...]) -> Floats | None:
    """Return factors that are one for each channel of the last axis, as a vector. None for others."""
    fits = values is not None and values.size == shape[-1] == values.shape[-1] and np.isfinite(values).all()
    return values.reshape(-1) if values is not None and fits else None


def _split(values: Floats) -> tuple[Floats, Floats]:
    """Return the sizes of factors, 1 for a factor of 0, and what is left of the factors: their signs, or 0."""
    size = np.where(values == 0, 1, np.abs(values)).astype(np.float32)
    return size, np.sign(values).astype(np.float32)


def fold_onnx(graph: Any) -> None:
    """Fold the factors of products behind Conv, Gemm and MatMul, with and without a Relu, in place.

    Args:
        graph: the ``GraphProto`` of a float file, whose constants are initializers.
    """
    helper = need("onnx").numpy_helper
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    read = Counter([name for node in graph.node for name in node.input] + [one.name for one in graph.output])
    without: list[Any] = []
    for product in graph.node:
        for source, other in (product.input, product.input[::-1]) if product.op_type == "Mul" else ():
            layers = _layers_before(source, makers, read, constants)
            if other not in constants or not layers or read[other] != 1:
                continue
            axis = _outputs_axis(layers[-1])
            values, kernel = helper.to_array(constants[other]), helper.to_array(constants[layers[-1].input[1]])
            vector = _vector(values, kernel.shape[axis], layers[-1].op_type == "Conv")
            if vector is None or vector.dtype != np.float32:
                continue
            size, rest = _split(vector)
            shape = [-1 if one == axis % kernel.ndim else 1 for one in range(kernel.ndim)]
            scaled = {layers[-1].input[1]: kernel * size.reshape(shape), other: rest.reshape(values.shape)}
            for name in (name for layer in layers for name in layer.input if name in constants and name not in scaled):
                scaled[name] = helper.to_array(constants[name]) * size
            for name, array in scaled.items():
                constants[name].CopyFrom(helper.from_array(array.astype(np.float32), name))
            if (rest == 1).all():
                makers[source].output[0] = product.output[0]
                without.append(product)
            break
    for product in without:
        graph.node.remove(product)


def _layers_before(source: str, makers: Any, read: Any, constants: Any) -> list[Any]:
    """Return the nodes of the layer whose output, or that of whose Relu, a tensor is; the weighted one last.

    They are a bias and a product, or one node. Empty for anything else, and where others read what lies between, or
    the weights.
    """
    found: list[Any] = []
    name = source
    for allowed in (("Relu", "Add", *ONNX_WEIGHTED), ("Add", *ONNX_WEIGHTED), ("MatMul",)):
        node = makers.get(name)
        if node is None or node.op_type not in allowed or read[name] != 1:
            return []
        own = [one for one in node.input if one in constants]
        if any(read[one] != 1 for one in own):
            return []
        if node.op_type in ONNX_WEIGHTED:
            return [*found, node] if list(node.input[1:]) == own else []
        if node.op_type == "Add":
            if len(own) != 1:
                return []
            found.append(node)
        name = next(one for one in node.input if one not in own)
    return []


def _outputs_axis(layer: Any) -> int:
    """Return the axis of a layer's weights that is its outputs."""
    turned = any(attribute.name == "transB" and attribute.i for attribute in layer.attribute)
    return 0 if layer.op_type == "Conv" or turned else -1


def _vector(values: Floats, channels: int, is_map: bool) -> Floats | None:
    """Return factors that are one for each channel, of axis 1 of maps and of the last axis of rows, as a vector."""
    shape = (channels, 1, 1) if is_map else (channels,)
    plain = values.shape[values.ndim - len(shape) :] if values.ndim >= len(shape) else ()
    fits = plain == shape and values.size == channels and np.isfinite(values).all()
    return values.reshape(-1) if fits else None
