"""``file_precision`` tells the precision of a .tflite or .onnx file that somebody else made."""

from pathlib import Path

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.deploy.conversion.tflite_object import TFLiteObject

QUANTIZED = ("QuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear")
"""ONNX operations of a quantized network; the last three compute the ranges of activations while they run."""


def file_precision(path: Path) -> str:
    """Return ``float32``, ``float16``, ``dynamic``, ``int8`` or ``int16x8``.

    A file is int8 when activations are 8-bit integers, dynamic when only weights are, and float16 when its constants
    are numbers of 16 bits.

    Raises:
        FileError: the file cannot be read.
        InputError: the file is no model.
    """
    with open_model(path) as model:  # refuses a damaged file in one line
        border = (*model.inputs, *model.outputs)
    if path.suffix == ".onnx":
        return _of_onnx(path)
    file = TFLiteObject(path.read_bytes())
    found = file.quantized_types()
    if file.is_dynamic():  # what it looks up in an embedding may be int8
        return "dynamic"
    if found.activations:
        return "int8" if found.activations & {"INT8", "UINT8"} else "int16x8"  # cells of an int8 LSTM have 16 bits
    if found.constants & {"INT8", "UINT8", "INT4"}:
        return "dynamic"
    if all(spec.dtype.kind in "iu" and spec.dtype.itemsize == 1 for spec in border):
        return "int8"
    return "float16" if "FLOAT16" in found.constants else "float32"


def _of_onnx(path: Path) -> str:
    onnx = need("onnx")
    graph = onnx.load(str(path), load_external_data=False).graph
    kinds = {node.op_type for node in graph.node}
    if kinds & set(QUANTIZED[:3]):
        return "int8"
    if kinds & set(QUANTIZED[3:]):
        return "dynamic"
    halves = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in graph.initializer)
    return "float16" if halves else "float32"
