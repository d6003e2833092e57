"""``GraphEditor`` finds and changes the nodes and constants of an ONNX graph by the names of its tensors."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"


class Linear(NamedTuple):
    """The constants of a QuantizeLinear or DequantizeLinear.

    Attributes:
        scale: float32, of no dimension, or of one along an axis.
        zero_point: of the quantized type, with the shape of the scale.
    """

    scale: NDArray[Any]
    zero_point: NDArray[Any]

    def quantize(self, value: float) -> int:
        """Return what QuantizeLinear makes of one number: x / scale, half to even, plus zero point, saturated."""
        limits = np.iinfo(self.zero_point.dtype)
        steps = np.rint(np.float32(value) / np.float32(self.scale.item())) + self.zero_point.item()
        return int(np.clip(steps, limits.min, limits.max))


class GraphEditor:
    """The nodes and constants of a graph with inferred shapes. ``write`` puts what was changed back into the graph.

    Attributes:
        nodes: the nodes, in no order once something was added.
        inputs: the graph's inputs by name, without constants.
        outputs: the graph's outputs by name.
    """

    def __init__(self, graph: Any) -> None:
        self._onnx = need("onnx")
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self.nodes: list[Any] = list(graph.node)
        self.inputs = {value.name: value for value in graph.input if value.name not in self._constants}
        self.outputs = {value.name: value for value in graph.output}
        self._shapes = {value.name: _sizes(value) for value in (*graph.value_info, *graph.input, *graph.output)}
        self._names = {name for node in self.nodes for name in (*node.input, *node.output)} | set(self._constants)
        self._makers = {name: node for node in self.nodes for name in node.output if name}
        self._shared: dict[tuple[str, str, bytes] | None, str] = {}
        self._readers: dict[str, list[Any]] = {}
        for node in self.nodes:
            self._join(node)

    def maker(self, name: str) -> Any | None:
        """Return the node that makes a tensor; None for a constant or an input of the graph."""
        return self._makers.get(name)

    def readers(self, name: str) -> list[Any]:
        """Return the nodes that read a tensor. One that reads it twice is there once."""
        return list(self._readers.get(name, ()))

    def constant(self, name: str) -> NDArray[Any] | None:
        """Return the value of a constant; None for any other tensor."""
        tensor = self._constants.get(name)
        return None if tensor is None else np.asarray(self._onnx.numpy_helper.to_array(tensor))

    def linear(self, node: Any) -> Linear | None:
        """Return the constants of a QuantizeLinear or DequantizeLinear; None where one is computed or absent."""
        if node.op_type not in (QUANTIZE, DEQUANTIZE) or len(node.input) < 3:
            return None
        scale, zero_point = self.constant(node.input[1]), self.constant(node.input[2])
        return None if scale is None or zero_point is None else Linear(scale, zero_point)

    def attribute(self, node: Any, name: str, default: Any) -> Any:
        """Return the value of a node's attribute, or ``default`` where it has none of this name."""
        found = [self._onnx.helper.get_attribute_value(one) for one in node.attribute if one.name == name]
        return found[0] if found else default

    def element_type(self, dtype: Any) -> int:
        """Return ONNX's number of a numpy dtype."""
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the sizes of a tensor, 0 where one is not known; empty for a tensor whose dimensions are not known."""
        constant = self._constants.get(name)
        return self._shapes.get(name, ()) if constant is None else tuple(constant.dims)

    def new_name(self, like: str, shape: tuple[int, ...] = ()) -> str:
        """Return a name that no tensor has yet, for one of this shape."""
        name, number = like, 1
        while name in self._names:
            name, number = f"{like}_{number}", number + 1
        self._names.add(name)
        self._shapes[name] = shape
        return name

    def add_constant(self, like: str, value: NDArray[Any], is_shared: bool = True) -> str:
        """Add a constant, and return its name.

        Args:
            like: what the name begins with.
            value: the value, of the constant's dtype and shape.
            is_shared: whether a single number that was added before under the same ``like`` is used again.
        """
        key = (like, value.dtype.str, value.tobytes()) if is_shared and value.ndim == 0 else None
        if key in self._shared:
            return self._shared[key]
        tensor = self._onnx.numpy_helper.from_array(value, self.new_name(like))
        self._constants[tensor.name] = tensor
        if key is not None:
            self._shared[key] = tensor.name
        return str(tensor.name)

    def add_node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
        """Add a node with one output, and return it. ``output`` must not have another maker."""
        assert output not in self._makers
        node = self._onnx.helper.make_node(op, list(inputs), [output], name=output, **attributes)
        self.nodes.append(node)
        self._makers[output] = node
        self._names.add(output)
        self._join(node)
        return node

    def set_input(self, node: Any, place: int, name: str) -> None:
        """Let a node read another tensor at one of its inputs."""
        old, node.input[place] = node.input[place], name
        if old not in node.input:
            self._readers[old] = [other for other in self._readers[old] if other is not node]
        self._join(node)

    def set_output(self, node: Any, name: str) -> None:
        """Let a node's only output have another name. Its readers keep reading the old one."""
        del self._makers[node.output[0]]
        node.output[0] = name
        self._makers[name] = node

    def set_border_type(self, name: str, dtype: Any) -> None:
        """Let an input or output of the graph have another type. An output may be there more than once."""
        for value in (*self._graph.input, *self._graph.output):
            if value.name == name:
                value.type.tensor_type.elem_type = self.element_type(dtype)

    def remove_unread(self, node: Any) -> None:
        """Remove a node whose outputs nothing reads, so that it is no reader any more."""
        if any(self._readers.get(name) or name in self.outputs for name in node.output):
            return
        self.nodes = [other for other in self.nodes if other is not node]
        for name in node.output:
            self._makers.pop(name, None)
        for name in reads(node):
            self._readers[name] = [other for other in self._readers[name] if other is not node]

    def write(self) -> None:
        """Write nodes and constants into the graph: in order, without those that nothing reads."""
        ordered = self._ordered()
        read = {name for node in ordered for name in node.input} | set(self.outputs)
        kept = [tensor for name, tensor in self._constants.items() if name in read]
        for field, values in ((self._graph.node, ordered), (self._graph.initializer, kept)):
            copies = [type(value).FromString(value.SerializeToString()) for value in values]
            del field[:]
            field.extend(copies)
        del self._graph.value_info[:]

    def _ordered(self) -> list[Any]:
        """Return the nodes that the outputs need, each behind those that it reads."""
        ordered: list[Any] = []
        done: set[int] = set()
        waiting = [(self._makers[name], False) for name in reversed(self.outputs) if name in self._makers]
        while waiting:
            node, is_ready = waiting.pop()
            if id(node) in done:
                continue
            if is_ready:
                done.add(id(node))
                ordered.append(node)
                continue
            waiting.append((node, True))
            waiting += [(self._makers[name], False) for name in reads(node) if name in self._makers]
        return ordered

    def _join(self, node: Any) -> None:
        for name in reads(node):
            readers = self._readers.setdefault(name, [])
            if not any(other is node for other in readers):
                readers.append(node)


def reads(node: Any) -> list[str]:
    """Return the tensors that a node reads, its subgraphs included: the bodies of If and Loop see those around them."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
            names += [name for inner in graph.node for name in reads(inner)]
    return names


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
