"""What the description of a Keras network may ask for without ``--trust``: layers and pure tensor functions.

Keras builds a network by calling what its file names. Its own ``safe_mode`` refuses marshalled code only: a
``TFOpLambda`` layer may name any public TensorFlow symbol, ``io.write_file`` among them, and is called while
loading. So names are held against a list before anything is built.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.errors import InputError

CODE = {"Lambda", "__lambda__"}
"""Classes that hold Python code."""

CALLS = {"ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer", "TFSMLayer", "TorchModuleWrapper"}
CALLS |= {"JaxLayer", "FlaxLayer"}
"""Classes that call, or load, whatever their configuration names; no list of names makes them harmless."""

FAMILIES = ("__operators__.", "keras.activations.", "linalg.", "math.", "nn.")
_NAMES = """
abs add argmax argmin broadcast_to cast clip_by_norm clip_by_value concat constant convert_to_tensor cos cumsum
divide einsum equal exp expand_dims eye fill floor gather gather_nd greater greater_equal identity less less_equal
logical_and logical_not logical_or logical_xor matmul maximum meshgrid minimum multiply negative not_equal one_hot
ones ones_like pad pow range rank reduce_all reduce_any reduce_max reduce_mean reduce_min reduce_prod reduce_sum
repeat reshape reverse roll round rsqrt scatter_nd shape sigmoid sign sin size slice softmax sort split sqrt square
squeeze stack stop_gradient strided_slice subtract tan tanh tensordot tile transpose truediv unstack where zeros
zeros_like image.adjust_brightness image.adjust_contrast image.central_crop image.crop_and_resize
image.crop_to_bounding_box image.flip_left_right image.flip_up_down image.grayscale_to_rgb
image.pad_to_bounding_box image.per_image_standardization image.resize image.resize_with_crop_or_pad
image.resize_with_pad image.rgb_to_grayscale image.rgb_to_yuv image.rot90 image.yuv_to_rgb batch_to_space
space_to_batch space_to_batch_nd compat.v1.batch_to_space_nd quantization.fake_quant_with_min_max_args
quantization.fake_quant_with_min_max_vars quantization.fake_quant_with_min_max_vars_per_channel
"""
SYMBOLS = set(_NAMES.split())
"""Symbols that compute a tensor from tensors and do nothing else; ``compat.v1.`` before them changes nothing."""

MODULES = ("keras", "tf_keras", "edge", "tensorflow_model_optimization")
MODULES_AS_NAMED = {None, "builtins", "tensorflow.python.ops.init_ops_v2"}
FUNCTION_MODULES = ("activations", "initializers", "losses", "metrics", "regularizers", "ops", "nn", "numpy", "math")
NO_LAYERS = {"utils", "saving", "datasets", "export", "backend", "callbacks", "testing"}


def check_config(config: Any, path: Path) -> None:
    """Raise InputError, naming layer and symbol, when ``config`` asks for more than layers and pure functions.

    config: parsed JSON of a Keras 2 or 3 network. path: for the message.
    """
    for layer, node in _walk(config):
        complaint = _of_list(node) if isinstance(node, list) else _of_object(node)
        if complaint == "Lambda":
            raise InputError(f"model {path} has a Lambda layer, which runs code from the file; add --trust to allow it")
        if complaint:
            raise InputError(
                f"model {path}: layer {layer!r} uses {complaint}, which could do more than compute; "
                "add --trust to allow it"
            )


def _walk(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield every list and object with the name of the layer it is in; not recursive, as depth is the file's."""
    stack = [("", config)]
    while stack:
        layer, node = stack.pop()
        if isinstance(node, dict):
            layer = _name(node) or layer
            yield layer, node
            stack += [(layer, value) for value in node.values()]
        elif isinstance(node, list):
            yield layer, node
            stack += [(layer, value) for value in node]


def _name(node: dict[str, Any]) -> str:
    inner = node.get("config")
    name = node.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    return str(name) if "class_name" in node and name else ""


def _of_list(node: list[Any]) -> str | None:
    """Complain about a layer that is called with a constant that is no number."""
    if not node or node[0] != "_CONSTANT_VALUE" or (len(node) > 2 and _is_numbers(node[2])):
        return None
    return f"the constant {str(node[2:3])[1:-1][:60]} as input"


def _is_numbers(value: Any) -> bool:
    items = [value]
    while items:
        item = items.pop()
        if isinstance(item, list):
            items += item
        elif not isinstance(item, int | float):
            return False
    return True


def _of_object(node: dict[str, Any]) -> str | None:
    if any(node.get(key) == "lambda" for key in ("function_type", "output_shape_type", "mask_type")):
        return "Lambda"
    if "class_name" not in node:
        return None
    name = str(node["class_name"]).split(">")[-1]
    if name in CODE:
        return "Lambda"
    if name in CALLS:
        return _called(node, name)
    if name in ("TFOpLambda", "SlicingOpLambda"):
        symbol = str(_inner(node).get("function"))
        return None if _is_pure(symbol) else symbol
    return _of_module(node, name)


def _called(node: dict[str, Any], name: str) -> str:
    inner = _inner(node)
    parts = [inner.get(key) for key in ("cls_symbol", "method_name", "attr_name", "filepath") if inner.get(key)]
    return " ".join([name, ".".join(map(str, parts))]).strip()


def _inner(node: dict[str, Any]) -> dict[str, Any]:
    inner = node.get("config")
    return inner if isinstance(inner, dict) else {}


def _is_pure(symbol: str) -> bool:
    name = symbol.removeprefix("compat.v1.")
    return symbol in SYMBOLS or name in SYMBOLS or name.startswith(FAMILIES)


def _of_module(node: dict[str, Any], name: str) -> str | None:
    """Complain about an object looked up by its module: only classes and named functions of Keras and ours."""
    module = node.get("module")
    if name == "function":
        function, parts = str(node.get("config")), str(module).split(".")
        fits = module in (None, "builtins") or (parts[0] in MODULES and parts[-1] in FUNCTION_MODULES)
        return None if fits and function.isidentifier() else f"{module}.{function}"
    if "module" not in node or re.fullmatch(r"__\w+__", name):
        return None
    fits = module in MODULES_AS_NAMED or (
        str(module).split(".")[0] in MODULES and not NO_LAYERS & set(str(module).split("."))
    )
    return None if fits and re.fullmatch(r"[A-Z_]\w*", name) else f"{module}.{name}"
