"""``from_tflite`` converts a TFLite file to ONNX, so that both files hold the same network with the same quantization.

A conversion directly from Keras would leave grouped convolutions as function calls, which no runtime supports, and
would store the weights of a quantized network as floats. From the TFLite file, grouped convolutions become ``Conv``
nodes, and int8 weights stay int8 between QuantizeLinear and DequantizeLinear.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.backends import open_model
from edge.deploy._tensorflow import need, quiet_conversion
from edge.errors import InputError

OPSET = 17


def _border_scales(tflite: Path) -> str:
    """Return scale and zero point of inputs and outputs by name, in the form that the onnxruntime backend reads."""
    with open_model(tflite) as model:
        quantized = [spec for spec in (*model.inputs, *model.outputs) if spec.quantization]
    return json.dumps({s.name: [s.quantization.scale, s.quantization.zero_point] for s in quantized if s.quantization})


def from_tflite(tflite: Path, target: Path, metadata: Mapping[str, str] | None = None, opset: int = OPSET) -> None:
    """Convert a TFLite file to an ONNX file, and check it with ``onnx.checker``.

    The inputs and outputs keep the names, dtypes, batch size and NHWC layout of the TFLite file.

    Raises:
        InputError: an operation has no ONNX form.
    """
    scales = _border_scales(tflite)
    onnx = need("onnx")
    need("edge.deploy.convert._tf2onnx_fixes")
    model = _convert(tflite, opset)
    _refuse_unknown(model, tflite)
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param or dimension.dim_value < 1:
                dimension.Clear()
                dimension.dim_value = 1
    model.producer_name = "edgekit"
    onnx.helper.set_model_props(model, {**(metadata or {}), "edge.quantization": scales})
    onnx.checker.check_model(model, full_check=True)
    target.write_bytes(model.SerializeToString())


def _convert(tflite: Path, opset: int) -> Any:
    tf2onnx = need("tf2onnx.convert")
    with quiet_conversion():
        try:
            with _in_place():
                return tf2onnx.from_tflite(str(tflite), opset=opset)[0]
        except Exception:
            # The optimizer skips a pass that fails only if it keeps copies of the graph.
            return _with_copies(tf2onnx, tflite, opset)


def _with_copies(tf2onnx: Any, tflite: Path, opset: int) -> Any:
    try:
        return tf2onnx.from_tflite(str(tflite), opset=opset)[0]
    except Exception as error:  # its handlers raise exceptions of many classes
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(f"{tflite.name} has no ONNX form: {reason}") from error


def _refuse_unknown(model: Any, tflite: Path) -> None:
    """Raise InputError when TFLite operations remain, because no ONNX runtime supports them."""
    left = sorted({node.op_type for node in model.graph.node if node.domain or node.op_type.startswith("TFL_")})
    if left:
        raise InputError(f"{tflite.name} has operations without an ONNX form: {', '.join(left)}")


@contextmanager
def _in_place() -> Iterator[None]:
    """Make tf2onnx's optimizer work without copies of the graph, which it would make before each of about fifty passes.

    tf2onnx 1.17 checks whether this environment variable exists. Its value does not matter.
    """
    name = "TF2ONNX_CATCH_ERRORS"
    before = os.environ.get(name)
    os.environ[name] = "FALSE"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
