"""``open_frozen_graph`` opens a frozen graph of TensorFlow 1, a .pb file, as a function of tensors by name."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge.deploy._tensorflow import need
from edge.deploy.conversion.saved_model import Saved, batch_size, reaches
from edge.errors import FileError, InputError, unknown_name

VARIABLES = ("VarHandleOp", "Variable", "VariableV2", "ReadVariableOp")
"""Operations of a graph that was not frozen: the values are in other files."""

NO_RESULT = ("Const", "Placeholder", "PlaceholderWithDefault", "NoOp", "Assert", "Print")
"""Operations that are no output, although nothing reads them."""


def open_frozen_graph(path: Path, trust: bool, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> Saved:
    """Open a frozen graph.

    Args:
        path: the .pb file, a ``GraphDef``.
        trust: whether operations that access files or other resources are allowed.
        inputs: the names of the inputs: tensors such as ``split:1``, or operations, of which the first output is
            meant. Without names they are the placeholders.
        outputs: the names of the outputs, likewise. Without names they are the tensors that no operation reads.

    Raises:
        FileError: the file is no graph.
        InputError: the graph has variables, an operation is unknown or not allowed, or a name is unknown.
    """
    graph = _parsed(path)
    _check(graph, path, trust)
    whole = _imported(graph, path)
    operations = {operation.name: operation for operation in whole.get_operations()}
    taken = _named(operations, inputs, "--inputs", path) or [n.name for n in graph.node if n.op == "Placeholder"]
    given = _named(operations, outputs, "--outputs", path) or _unread(whole)
    if not taken or not given:
        what, option = ("inputs", "--inputs") if not taken else ("outputs", "--outputs")
        raise InputError(
            f"{path.name} has no {what} that can be found: name them with {option}, among "
            f"{', '.join(sorted(operations)[:20])}"
        )
    if both := sorted(set(taken) & set(given)):
        raise InputError(f"{path.name}: {both[0]!r} cannot be an input and an output")
    if len(set(taken)) < len(taken) or len(set(given)) < len(given):
        raise InputError(f"{path.name}: --inputs and --outputs must name each tensor once")
    specs = _specs(whole, taken)
    return Saved(partial(_call, graph, taken, given), specs, batch_size(specs, path.name))


def _parsed(path: Path) -> Any:
    if path.name == "saved_model.pb":
        raise InputError(f"{path} is part of a SavedModel: give its folder, {path.parent}")
    graph = need("tensorflow").compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except Exception as error:  # of protocol buffers, whose module has several names
        raise FileError(f"model {path} is not a readable frozen graph: {error}") from error
    if not graph.node:
        raise FileError(f"model {path} is not a frozen graph: it has no operations")
    for node in graph.node:
        node.attr.pop("_output_shapes", None)
    return graph


def _check(graph: Any, path: Path, trust: bool) -> None:
    bodies = {f"function {f.signature.name}": f.node_def for f in graph.library.function}
    every = [*graph.node, *(node for body in bodies.values() for node in body)]
    if variables := sorted({node.name for node in every if node.op in VARIABLES}):
        raise InputError(
            f"{path.name} is not frozen: it has variables, such as {variables[0]!r}, whose values are in other files; "
            "freeze it, or give the SavedModel"
        )
    if (found := sorted({node.op for node in every if reaches(node.op, bodies)})) and not trust:
        raise InputError(f"{path.name} uses {', '.join(found)}; add --trust to allow it")


def _imported(graph: Any, path: Path) -> Any:
    """Return the ``tf.Graph`` of a graph."""
    tf = need("tensorflow")
    try:
        with tf.Graph().as_default() as whole:
            tf.graph_util.import_graph_def(graph, name="")
    except (ValueError, tf.errors.OpError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(f"{path.name} is no graph that TensorFlow can run: {reason}") from error
    return whole


def _named(operations: Mapping[str, Any], names: Sequence[str], option: str, path: Path) -> list[str]:
    """Return the names of tensors without ``:0``. Raises InputError for one that the graph does not have."""
    found = []
    for name in names:
        operation, _, index = name.partition(":")
        if operation not in operations:
            raise unknown_name(f"{option} of {path.name}", name, sorted(operations))
        tensors = {tensor.name: tensor for tensor in operations[operation].outputs}
        full = f"{operation}:{index or 0}"
        if full not in tensors:
            raise InputError(
                f"{option} of {path.name} must name tensors, and {operation!r} has {', '.join(tensors) or 'none'}; "
                f"got {name!r}"
            )
        found.append(full.removesuffix(":0"))
    return found


def _unread(whole: Any) -> list[str]:
    """Return the outputs of the operations that nothing reads, without :0. Of batch normalization, the first alone."""
    found = []
    for operation in whole.get_operations():
        if operation.type not in NO_RESULT and not any(tensor.consumers() for tensor in operation.outputs):
            first = operation.outputs[:1] if operation.type.startswith("FusedBatchNorm") else operation.outputs
            found += [tensor.name.removesuffix(":0") for tensor in first]
    return found


def _specs(whole: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return the ``tf.TensorSpec`` of each input, with the shape that the graph states for it."""
    tensors = {name: whole.get_tensor_by_name(name if ":" in name else f"{name}:0") for name in names}
    spec = need("tensorflow").TensorSpec
    return {name: spec(tensor.shape, tensor.dtype, name) for name, tensor in tensors.items()}


def _call(graph: Any, inputs: Sequence[str], outputs: Sequence[str], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Run the graph on tensors by name. It takes their shapes, not those that it was saved with."""
    with_port = [name if ":" in name else f"{name}:0" for name in (*inputs, *outputs)]
    found = need("tensorflow").graph_util.import_graph_def(
        graph,
        input_map={port: tensors[name] for name, port in zip(inputs, with_port, strict=False)},
        return_elements=with_port[len(inputs) :],
        name="graph",
    )
    return dict(zip(outputs, found, strict=True))
