"""Graphs of a few nodes on quantized tensors, written with the package onnx, and what ONNX Runtime makes of them."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edge.deploy.conversion.onnx_edit import GraphEditor

TYPES = {np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8}


def node(op, inputs, output, **attributes):
    """Return a node; ``inputs``: names with spaces between them."""
    return helper.make_node(op, inputs.split(), [output], **attributes)


def quantize(inputs, output):
    return node("QuantizeLinear", inputs, output)


def dequantize(inputs, output, **attributes):
    return node("DequantizeLinear", inputs, output, **attributes)


def model(nodes, constants, inputs, output, dtype=np.int8):
    """Return a model; ``inputs``: shapes by name, all of ``dtype``, as is the output."""
    values = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    entries = [helper.make_tensor_value_info(name, TYPES[np.dtype(dtype)], shape) for name, shape in inputs.items()]
    result = helper.make_tensor_value_info(output, TYPES[np.dtype(dtype)], None)
    graph = helper.make_graph(nodes, "made", entries, [result], values)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


def edited(made, *passes):
    """Return the model as the passes leave it."""
    editor = GraphEditor(made.graph)
    for one in passes:
        one(editor)
    editor.write()
    onnx.checker.check_model(made, full_check=True)
    return made


def ops(made):
    """Return the operations in the model's order, quantizers left out."""
    left_out = ("QuantizeLinear", "DequantizeLinear")
    return [one.op_type for one in made.graph.node if one.op_type not in left_out]


def run(made, optimized=True, **arrays):
    """Return the output of ONNX Runtime. Without ``optimized``, each node runs in float32 as ONNX defines it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, arrays)[0]


def kernels(made, folder):
    """Return the operations that ONNX Runtime runs, sorted."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return sorted(one.op_type for one in onnx.load(folder / "optimized.onnx").graph.node)
