"""``from_tflite`` converts a TFLite file to ONNX, so that both files hold the same network with the same quantization.

A conversion directly from Keras would leave grouped convolutions as function calls, which no runtime supports, and
would store the weights of a quantized network as floats. From the TFLite file, grouped convolutions become ``Conv``
nodes, and int8 weights stay int8 between QuantizeLinear and DequantizeLinear.
"""

import gc
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.backends import open_model
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion.onnx_clamps import drop_clamps
from edge.deploy.conversion.onnx_edit import QUANTIZE, GraphEditor
from edge.deploy.conversion.onnx_loops import open_states
from edge.deploy.conversion.onnx_order import in_order
from edge.deploy.conversion.onnx_pads import keep_pads
from edge.deploy.conversion.onnx_pools import pool_by_kernels
from edge.deploy.conversion.onnx_rounding import round_as_tflite
from edge.deploy.conversion.onnx_uint8 import to_uint8
from edge.deploy.conversion.onnx_weights import own_zero_points
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.errors import InputError
from edge.tensors import Quantization

OPSET = 17
ACTIVATIONS = ("uint8", "int8")


LARGE = 20 << 20
"""The size of a file, in bytes, from which what its conversion leaves behind is freed at once."""

STATE = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")
"""Operations with which a TFLite file keeps a state from run to run, as networks that listen to a stream do."""


class NoOnnxForm(InputError):
    """A TFLite file cannot be written as ONNX, whatever the options are."""


def _border(tflite: Path) -> dict[str, Quantization]:
    """Return the quantization of the inputs and outputs by name."""
    with open_model(tflite) as model:
        return {spec.name: spec.quantization for spec in (*model.inputs, *model.outputs) if spec.quantization}


def from_tflite(
    tflite: Path,
    target: Path,
    metadata: Mapping[str, str] | None = None,
    opset: int = OPSET,
    activations: str = ACTIVATIONS[0],
) -> None:
    """Convert a TFLite file to an ONNX file, and check it with ``onnx.checker``.

    The inputs and outputs keep the names, batch size and NHWC layout of the TFLite file. They keep the dtypes too,
    except for int8 ones, which become uint8: 128 higher, and so are their zero points.

    Args:
        tflite: the TFLite file.
        target: the ONNX file to write.
        metadata: what else ``metadata_props`` of the file is to hold.
        opset: the version of ONNX's operations.
        activations: ``uint8`` for ONNX Runtime on processors, ``int8`` for a runtime that prefers it. Weights are
            int8 with both.

    Raises:
        InputError: an operation has no ONNX form, or ``activations`` is none of ACTIVATIONS.
    """
    if activations not in ACTIVATIONS:
        raise InputError(f"activations must be one of {', '.join(ACTIVATIONS)}, got {activations!r}")
    border = _border(tflite)
    onnx = need("onnx")
    need("edge.deploy.conversion._tf2onnx_fixes")
    model = _convert(tflite, opset)
    if tflite.stat().st_size > LARGE:
        gc.collect()  # tf2onnx's graph refers to itself, and holds the weights several times
    _refuse_unknown(model, tflite)
    in_order(model)
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param or dimension.dim_value < 1:
                dimension.Clear()
                dimension.dim_value = 1
    keep_pads(model.graph)
    open_states(model.graph)
    model, border = _for_integer_kernels(model, border, activations)
    for node in model.graph.node:
        node.name = node.output[0]  # the passes rename tensors, and two nodes may not have one name
    scales = json.dumps({name: [one.scale, one.zero_point] for name, one in border.items()})
    model.producer_name = "edgekit"
    onnx.helper.set_model_props(model, {**(metadata or {}), "edge.quantization": scales})
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{tflite.name} has no ONNX form of opset {opset}: {reason}; give a later --opset") from error
    except onnx.shape_inference.InferenceError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{tflite.name} has no ONNX form: {reason}; give --tflite") from error
    target.write_bytes(model.SerializeToString())


def _for_integer_kernels(
    model: Any, border: dict[str, Quantization], activations: str
) -> tuple[Any, dict[str, Quantization]]:
    """Rewrite a quantized model so that ONNX Runtime makes integer kernels of it. Return what its border is now too."""
    if not any(node.op_type == QUANTIZE for node in model.graph.node):
        return model, border
    model = need("onnx.shape_inference").infer_shapes(model)
    graph = GraphEditor(model.graph)
    drop_clamps(graph)
    pool_by_kernels(graph)
    if activations == "uint8":
        border = to_uint8(graph, border)
    round_as_tflite(graph)
    own_zero_points(graph)
    graph.write()
    return model, border


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
        if state := _state(tflite):
            raise NoOnnxForm(
                f"{tflite.name} has no ONNX form: it keeps a state from run to run ({', '.join(state)})"
            ) from error
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        unclear = isinstance(error, LookupError | TypeError | AttributeError) or not said
        reason = f"tf2onnx stops with {type(error).__name__}: {said}" if unclear else said
        raise NoOnnxForm(f"{tflite.name} has no ONNX form: {reason}") from error


def _state(tflite: Path) -> list[str]:
    """Return the operations of a file that keep a state."""
    file = TFLiteObject(tflite.read_bytes())
    names = {getattr(file.schema.BuiltinOperator, name): name for name in STATE}
    return sorted({names[code] for code, _ in file.operations() if code in names})


def _refuse_unknown(model: Any, tflite: Path) -> None:
    """Raise InputError when TFLite operations remain, because no ONNX runtime supports them."""
    left = sorted({node.op_type for node in model.graph.node if node.domain or node.op_type.startswith("TFL_")})
    if left:
        raise NoOnnxForm(f"{tflite.name} has operations without an ONNX form: {', '.join(left)}")


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
