"""``check_config`` refuses Keras files that could run code. Only known layers and functions pass without ``--trust``.

Keras builds a network by calling whatever its file names. The ``safe_mode`` of Keras refuses only marshalled Python
code. A ``TFOpLambda`` layer may name any public TensorFlow symbol, such as ``io.write_file``, and the symbol is called
while the file is loaded. Therefore all names are compared with lists of allowed names before anything is built.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.deploy.keras_file import FROM_A_FUNCTION
from edge.errors import InputError

CODE = {"Lambda", "__lambda__"}
"""Classes that contain Python code."""

CALLS = {"ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer", "TFSMLayer", "TorchModuleWrapper"}
CALLS |= {"JaxLayer", "FlaxLayer"}
"""Classes that call or load whatever their configuration names. They are never allowed."""

FAMILIES = ("__operators__.", "keras.activations.", "linalg.", "math.", "nn.")
"""Prefixes of symbols that only compute."""

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
"""Symbols that only compute a tensor from tensors. They are also allowed with the prefix ``compat.v1.``."""

MODULES = ("keras", "tf_keras", "edge", "tensorflow_model_optimization")
"""Packages whose classes are allowed."""

MODULES_AS_NAMED = {None, "builtins", "tensorflow.python.ops.init_ops_v2"}
"""Other values of ``module`` that are allowed for classes."""

FUNCTION_MODULES = ("activations", "initializers", "losses", "metrics", "regularizers", "ops", "nn", "numpy", "math")
"""Modules of the allowed packages whose functions are allowed."""

NO_LAYERS = {"utils", "saving", "datasets", "export", "backend", "callbacks", "testing"}
"""Modules of the allowed packages whose classes are not allowed."""


def check_config(config: Any, path: Path) -> None:
    """Check that a network consists of allowed layers and functions.

    Args:
        config: the parsed JSON configuration of a Keras 2 or 3 network.
        path: the model's file, for messages.

    Raises:
        InputError: it contains something else. The message names the layer and the symbol.
    """
    for layer, node in _walk(config):
        forbidden = _forbidden_constant(node) if isinstance(node, list) else _forbidden_object(node)
        if forbidden == "Lambda":
            raise InputError(f"model {path} has a Lambda layer, which runs code from the file; add --trust to allow it")
        if forbidden and _is_foreign(node):
            raise InputError(
                f"model {path} needs {forbidden}, which is not part of Keras: build the network without it, "
                f"{FROM_A_FUNCTION}; --trust imports that module"
            )
        if forbidden:
            raise InputError(
                f"model {path}: layer {layer!r} uses {forbidden}, which could do more than compute; "
                "add --trust to allow it"
            )


def _walk(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield each list and object with its layer's name. A stack avoids recursion, because a file may nest deeply."""
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


def _forbidden_constant(node: list[Any]) -> str | None:
    """Return the description of a constant input that is not numeric, or None."""
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


def _forbidden_object(node: dict[str, Any]) -> str | None:
    """Return the name of the forbidden class or symbol that an object refers to, or None."""
    if any(node.get(key) == "lambda" for key in ("function_type", "output_shape_type", "mask_type")):
        return "Lambda"
    if "class_name" not in node:
        return None
    name = str(node["class_name"]).split(">")[-1]
    if name in CODE:
        return "Lambda"
    if name in CALLS:
        return _described_call(node, name)
    if name in ("TFOpLambda", "SlicingOpLambda"):
        symbol = str(_inner(node).get("function"))
        return None if _is_pure(symbol) else symbol
    return _forbidden_in_module(node, name)


def _is_foreign(node: Any) -> bool:
    """Return whether an object is a class of a package that is not allowed, such as one of the user's own."""
    module = node.get("module") if isinstance(node, dict) else None
    name = str(node["class_name"]) if module else ""
    return (
        bool(module)
        and name.isidentifier()
        and name not in {*CALLS, "function"}
        and str(module).split(".")[0] not in MODULES
    )


def _described_call(node: dict[str, Any], name: str) -> str:
    """Return the class name and what its configuration calls or loads, for the message."""
    inner = _inner(node)
    parts = [inner.get(key) for key in ("cls_symbol", "method_name", "attr_name", "filepath") if inner.get(key)]
    return " ".join([name, ".".join(map(str, parts))]).strip()


def _inner(node: dict[str, Any]) -> dict[str, Any]:
    inner = node.get("config")
    return inner if isinstance(inner, dict) else {}


def _is_pure(symbol: str) -> bool:
    name = symbol.removeprefix("compat.v1.")
    return symbol in SYMBOLS or name in SYMBOLS or name.startswith(FAMILIES)


def _forbidden_in_module(node: dict[str, Any], name: str) -> str | None:
    """Return the name of an object that is looked up by its module, or None when it is an allowed class or function."""
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
