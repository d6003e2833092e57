"""What the Edge TPU compiler does to a file, without a program that an Edge TPU could run: one custom operation."""


def compiled(content: bytes, rename: str | None = None) -> bytes:
    """Return a ``.tflite`` file whose operations are replaced by one for the Edge TPU.

    content: the file. rename: another name for its first output.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    (graph,) = model.subgraphs
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = "edgetpu-custom-op", 1
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, list(graph.inputs), list(graph.outputs)
    operator.customOptions = list(b"net")
    model.operatorCodes, graph.operators = [code], [operator]
    if rename:
        graph.tensors[graph.outputs[0]].name = rename
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
