"""``in_order`` gives an ONNX file one form, so that the same network always becomes the same bytes.

tf2onnx keeps nodes and constants in sets of strings, whose order differs from process to process. So do the order of
its nodes, which of several equal nodes or constants it keeps, and the numbers that it appends to names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

NUMBER = re.compile(r"__\d+")
"""The counter that tf2onnx appends to a name to make it unique."""

MERGED = ("DequantizeLinear", "Transpose", "Cast")
"""Operations of which tf2onnx keeps one of several equal ones. They are named after their input, as those all are."""


def in_order(model: Any) -> None:
    """Order the nodes from the outputs backwards, keep one of equal constants, and number names anew, in place.

    Nodes and constants that no output needs are dropped. Inputs and outputs of the graph keep their names.

    Args:
        model: a ``ModelProto`` without nested graphs.
    """
    graph = model.graph
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        return
    nodes = list(_from_outputs(graph))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    border = {one.name for one in (*graph.input, *graph.output)}
    names = _new_names(nodes, constants, border)
    _rename(graph, nodes, constants, names)


def _from_outputs(graph: Any) -> Iterator[Any]:
    """Yield each node that an output needs, after the nodes that it reads. Only the structure decides the order."""
    makers = {name: node for node in graph.node for name in node.output if name}
    done: set[int] = set()
    for output in graph.output:
        waiting = [makers[output.name]] if output.name in makers else []
        while waiting:
            node = waiting[-1]
            before = [makers[name] for name in node.input if name in makers and id(makers[name]) not in done]
            if before:
                waiting.append(before[0])
                continue
            waiting.pop()
            if id(node) not in done:
                done.add(id(node))
                yield node


def _new_names(nodes: list[Any], constants: Mapping[str, Any], border: set[str]) -> dict[str, str]:
    """Return the new name of every tensor: without counters, unique, and one for equal constants."""
    names = {name: name for name in border}
    taken, equal = set(border), dict[bytes, str]()
    for node in nodes:
        for position, name in enumerate(node.input):
            if name in constants and name not in names:
                content = _content(constants[name])
                if content not in equal:
                    equal[content] = _unique(f"{NUMBER.sub('', node.output[0])}/{position}", taken)
                names[name] = equal[content]
        for name in filter(None, node.output):
            if name not in names:
                after = f"{names.get(node.input[0])}/{node.op_type}" if node.op_type in MERGED else NUMBER.sub("", name)
                names[name] = _unique(after, taken)
    return names


def _content(tensor: Any) -> bytes:
    unnamed = type(tensor)()
    unnamed.CopyFrom(tensor)
    unnamed.ClearField("name")
    return bytes(unnamed.SerializeToString(deterministic=True))


def _unique(base: str, taken: set[str]) -> str:
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


def _rename(graph: Any, nodes: list[Any], constants: Mapping[str, Any], names: Mapping[str, str]) -> None:
    copies = []
    for node in nodes:
        one = type(node)()
        one.CopyFrom(node)
        one.input[:] = [names.get(name, name) for name in node.input]
        one.output[:] = [names.get(name, name) for name in node.output]
        one.name = one.output[0]
        one.ClearField("doc_string")
        if not one.domain:
            one.ClearField("domain")  # an empty text is written, an absent one is not
        attributes = sorted(node.attribute, key=lambda attribute: str(attribute.name))
        del one.attribute[:]
        one.attribute.extend(attributes)
        copies.append(one)
    kept: dict[str, Any] = {}
    for name, tensor in constants.items():
        if name in names and names[name] not in kept:
            kept[names[name]] = type(tensor)()
            kept[names[name]].CopyFrom(tensor)
            kept[names[name]].name = names[name]
    order = {names[name]: place for place, name in enumerate(names)}
    known = {names[info.name]: info for info in graph.value_info if info.name in names}
    for old, new in ((graph.node, copies), (graph.initializer, sorted(kept.values(), key=lambda t: order[t.name]))):
        del old[:]
        old.extend(new)
    infos = []
    for name in sorted(known):
        known[name].name = name
        infos.append(type(known[name])())
        infos[-1].CopyFrom(known[name])
    del graph.value_info[:]
    graph.value_info.extend(infos)
