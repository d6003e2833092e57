"""``without_static_branches`` replaces each branch that a fixed input size decides by its taken side.

Keras 2 writes ``CenterCrop`` and ``RandomCrop`` as ``tf.cond`` on the picture's size, although a frozen network has one
size. As a branch, the layer has no ranges for int8, hides the network's first layers, and contains the random numbers
of training.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need

BRANCHES = {"If", "StatelessIf"}
INPUTS = {"Placeholder", "PlaceholderWithDefault"}


def without_static_branches(graph: Any) -> bool:
    """Replace the branches of a frozen graph whose condition does not depend on an input, also nested ones.

    Args:
        graph: the ``GraphDef``, without variables. It is changed.

    Returns:
        Whether a branch was replaced.
    """
    replaced = False
    while taken := next(_static(graph), None):
        _inline(graph, *taken)
        replaced = True
    return replaced


def _static(graph: Any) -> Iterator[tuple[Any, bool]]:
    """Yield the branches whose condition is constant, with their condition."""
    nodes = {node.name: node for node in graph.node}
    for node in graph.node:
        if node.op in BRANCHES and (value := _constant(graph, nodes, node.input[0])) is not None:
            yield node, value


def _constant(graph: Any, nodes: Mapping[str, Any], condition: str) -> bool | None:
    """Return the value of a condition, or None when it depends on more than constants and known sizes."""
    tf = need("tensorflow")
    part = tf.compat.v1.GraphDef(library=graph.library)
    part.node.extend(nodes[name] for name in _ancestors(nodes, condition, set()))
    for node in part.node:
        node.input[:] = _values(node)
    with tf.Graph().as_default() as own:
        try:
            tf.import_graph_def(part, name="")
        except ValueError:
            return None  # it depends on another branch, whose types no longer fit
    sizes = {
        f"{op.name}:0": op.inputs[0].shape.as_list()
        for op in own.get_operations()
        if op.type == "Shape" and op.inputs[0].shape.is_fully_defined()
    }
    for name in _ancestors(nodes, condition, {_node_of(tensor) for tensor in sizes}):
        operation = own.get_operation_by_name(name)
        if f"{name}:0" not in sizes and (operation.type in INPUTS or operation.op_def.is_stateful):
            return None
    with tf.compat.v1.Session(graph=own) as session:
        return bool(session.run(condition if ":" in condition else f"{condition}:0", sizes))


def _values(node: Any) -> list[str]:
    """Return the inputs of a node without those that only state an order."""
    return [tensor for tensor in node.input if not tensor.startswith("^")]


def _ancestors(nodes: Mapping[str, Any], tensor: str, stops: Set[str]) -> set[str]:
    """Return the names of the nodes that a tensor depends on, without what is before ``stops``."""
    found, waiting = set[str](), [_node_of(tensor)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [] if name in stops else map(_node_of, _values(nodes[name]))
    return found


def _inline(graph: Any, branch: Any, condition: bool) -> None:
    """Put the body of the taken side in the place of a branch."""
    side = branch.attr["then_branch" if condition else "else_branch"].func.name
    function = next(one for one in graph.library.function if one.signature.name == side)
    body, names = private.function_body(function)
    arguments = [arg.name for arg in function.signature.input_arg]
    given = dict(zip(arguments, branch.input[1:], strict=True))
    results = [names[function.ret[arg.name]] for arg in function.signature.output_arg]

    def renamed(tensor: str) -> str:
        control, plain = tensor.startswith("^"), tensor.removeprefix("^")
        name, _, position = plain.partition(":")
        if name in given:
            return f"^{_node_of(given[name])}" if control else given[name]
        return f"{'^' if control else ''}{branch.name}/{name}{f':{position}' if position else ''}"

    added = []
    for node in body.node:
        if node.name in given:
            continue
        copy = type(node)()
        copy.CopyFrom(node)
        copy.name = f"{branch.name}/{node.name}"
        copy.input[:] = [renamed(tensor) for tensor in node.input]
        added.append(copy)
    _redirect(graph, branch.name, [renamed(tensor) for tensor in results])
    graph.node.remove(branch)
    graph.node.extend(added)


def _redirect(graph: Any, name: str, results: list[str]) -> None:
    """Let the readers of a node's outputs read other tensors; those of the node itself are then free of it."""
    for node in graph.node:
        kept = []
        for tensor in node.input:
            if tensor == f"^{name}":
                continue
            if _node_of(tensor) == name:
                position = tensor.partition(":")[2]
                tensor = results[int(position or 0)]
            kept.append(tensor)
        node.input[:] = kept


def _node_of(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]
