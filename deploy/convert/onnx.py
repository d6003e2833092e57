"""From a TFLite file to ONNX, so that both hold the same network, quantized alike.

Going from Keras directly leaves grouped convolutions as function calls that no runtime knows, and stores
the weights of a quantized network as floats; from the TFLite file, convolutions are real grouped ``Conv``
nodes and int8 weights stay int8 between QuantizeLinear and DequantizeLinear.
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
    """Return the affine maps of inputs and outputs, as the onnxruntime backend reads them back."""
    with open_model(tflite) as model:
        quantized = [spec for spec in (*model.inputs, *model.outputs) if spec.quantization]
    return json.dumps({s.name: [s.quantization.scale, s.quantization.zero_point] for s in quantized if s.quantization})


def from_tflite(tflite: Path, target: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write ``target`` from a TFLite file; checked by ``onnx.checker``, batch 1, with ``metadata_props``.

    Layout stays NHWC at the border; names and dtypes are the TFLite file's.

    Raises:
        InputError: an operation has no ONNX form.
    """
    scales = _border_scales(tflite)
    onnx = need("onnx")
    need("edge.deploy.convert._tf2onnx_fixes")
    model = _convert(tflite)
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


def _convert(tflite: Path) -> Any:
    tf2onnx = need("tf2onnx.convert")
    with quiet_conversion():
        try:
            with _in_place():
                return tf2onnx.from_tflite(str(tflite), opset=OPSET)[0]
        except Exception:
            # A pass of its optimizer that fails is left out where it keeps copies to go back to.
            return _with_copies(tf2onnx, tflite)


def _with_copies(tf2onnx: Any, tflite: Path) -> Any:
    try:
        return tf2onnx.from_tflite(str(tflite), opset=OPSET)[0]
    except Exception as error:  # of many classes, from deep inside of its handlers
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(f"{tflite.name} has no ONNX form: {reason}") from error


def _refuse_unknown(model: Any, tflite: Path) -> None:
    """Raise InputError for operations that tf2onnx left as TFLite's: no runtime knows them."""
    left = sorted({node.op_type for node in model.graph.node if node.domain or node.op_type.startswith("TFL_")})
    if left:
        raise InputError(f"{tflite.name} has operations without an ONNX form: {', '.join(left)}")


@contextmanager
def _in_place() -> Iterator[None]:
    """Let tf2onnx's optimizer work on its only graph, which it would copy before each of some fifty passes.

    tf2onnx 1.17 asks whether this variable is there, whatever its value.
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
