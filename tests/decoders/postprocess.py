"""A TFLite file with nothing but the operation TFLite_Detection_PostProcess, written field by field."""

from pathlib import Path

import numpy as np


def write(path: Path, anchors, classes: int, most: int, names) -> Path:
    """Write the file. It takes encodings (1, n, 4) and scores (1, n, classes + 1) and gives the operation's outputs.

    anchors: (n, 4) centre y, centre x, height, width. names: of the four outputs, in the operation's order.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    n, kind = len(anchors), schema.TensorType.FLOAT32
    shapes = [(1, n, 4), (1, n, classes + 1), (n, 4), (1, most, 4), (1, most), (1, most), (1,)]
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT() for _ in range(len(shapes) + 1)]
    model.buffers[3].data = np.frombuffer(np.asarray(anchors, np.float32).tobytes(), np.uint8)
    graph.tensors = []
    for number, (name, shape) in enumerate(zip(["encodings", "scores", "anchors", *names], shapes, strict=True), 1):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, number
        graph.tensors.append(tensor)
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM, schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = "TFLite_Detection_PostProcess", 1
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2], [3, 4, 5, 6]
    operator.customOptions = np.frombuffer(bytes(_options(classes, most)), np.uint8)
    graph.inputs, graph.outputs, graph.operators = [0, 1], [3, 4, 5, 6], [operator]
    model.subgraphs, model.operatorCodes = [graph], [code]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _options(classes, most):
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in (("max_detections", most), ("max_classes_per_detection", 1), ("num_classes", classes)):
            builder.Int(name, value)
        for name, value in (("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0)):
            builder.Float(name, value)
        builder.Float("nms_score_threshold", 0.3)
        builder.Float("nms_iou_threshold", 0.5)
        builder.Bool("use_regular_nms", False)
    return builder.Finish()
