"""Single int8 operations as TFLite files, run by LiteRT with its delegate XNNPACK: the oracle for roundings."""

import numpy as np

from tests.backends.models import _write

ADD, MUL, MEAN, AVERAGE_POOL = "ADD", "MUL", "MEAN", "AVERAGE_POOL_2D"


def litert(path, operation, inputs, result, options=None, axes=None):
    """Return the output of one operation, an int8 array.

    Args:
        path: where the file is written.
        operation: its name among TFLite's builtin operators.
        inputs: (int8 array, Quantization) of each input.
        result: (shape, Quantization) of the output.
        options: (name of the options' table, its fields); none for those of the operation without fields.
        axes: for MEAN, what it averages over.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    int8, int32 = schema.TensorType.INT8, schema.TensorType.INT32
    rows = [(f"in{n}", array.shape, int8, None, scale, None) for n, (array, scale) in enumerate(inputs)]
    if axes is not None:
        rows.append(("axes", (len(axes),), int32, np.array(axes, np.int32), None, None))
    rows.append(("out", result[0], int8, None, result[1], None))
    table, fields = options or (operation.title() + "Options", {})
    made = getattr(schema, f"{table}T")()
    for name, value in fields.items():
        setattr(made, name, value)
    code, kind = getattr(schema.BuiltinOperator, operation), getattr(schema.BuiltinOptions, table)
    last = len(rows) - 1
    _write(path, rows, [(code, None, list(range(last)), [last], kind, made)], list(range(len(inputs))), [last])
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    for detail, (array, _) in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
