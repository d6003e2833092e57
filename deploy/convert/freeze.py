"""Freeze a network once: batch 1, variables folded to constants. Everything else is derived from that graph.

Tracing and freezing takes a fraction of a second where ``TFLiteConverter.from_keras_model`` spends ten on
saving the tracked Keras object; and with a fixed batch no shape is computed at run time, so that channel
shuffles stay plain reshapes and the delegate takes the graph in one piece.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need
from edge.deploy.convert import naming
from edge.errors import InputError
from edge.models import lowering
from edge.tensors import TensorSpec

NUMBERED = re.compile(r"(input|input_layer|keras_tensor)(_\d+)?")
"""Names that Keras gives to inputs that were given none."""

LOOPS = {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"}
"""Operations with graphs of their own, whose tensors have no range that an int8 file could hold."""


@dataclass(frozen=True)
class Frozen:
    """A network without variables, for a batch of 1.

    Attributes:
        graph: a ``GraphDef`` that holds what the outputs need and nothing else.
        traced: the ``tf.ConcreteFunction`` that it was made from.
        inputs: the symbolic tensors that the graph reads, by name, in the model's order.
        outputs: the symbolic tensors that it gives, by name, in the model's order.
        int8: freezes the form that is quantized after training, for networks with layers that have one.
    """

    graph: Any
    traced: Any
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    int8: Callable[[], "Frozen"] | None = None

    @property
    def input_specs(self) -> tuple[TensorSpec, ...]:
        """Names, shapes and dtypes of the inputs."""
        return _specs(self.inputs)

    @property
    def output_specs(self) -> tuple[TensorSpec, ...]:
        """Names, shapes and dtypes of the outputs."""
        return _specs(self.outputs)

    @property
    def loops(self) -> bool:
        """Whether the graph has a loop or a branch, as recurrent layers have that are not unrolled."""
        return any(node.op in LOOPS for node in self.graph.node)

    def for_int8(self) -> "Frozen":
        """Return the form to quantize after training."""
        return self if self.int8 is None else self.int8()


def _specs(tensors: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    """Raises InputError for a tensor whose shape is only known while the network runs."""
    found = []
    for name, tensor in tensors.items():
        if not tensor.shape.is_fully_defined():
            raise InputError(f"{name!r} must have a size that is known before the network runs, got {tensor.shape}")
        found.append(TensorSpec(name, tuple(tensor.shape.as_list()), np.dtype(tensor.dtype.as_numpy_dtype)))
    return tuple(found)


def freeze(
    call: Callable[[dict[str, Any]], Any],
    inputs: Mapping[str, Any],
    names: Callable[[Any], Sequence[str]] | None = None,
) -> Frozen:
    """Trace a network for one sample and fold its variables.

    Args:
        call: takes tensors by name and returns tensors in any structure, a dictionary or a list for several.
        inputs: the ``tf.TensorSpec`` of each input by name; the batch, which comes first, becomes 1.
        names: returns the names of a structure's outputs in the order of ``naming.flat``; by default
            ``naming.output_names``.

    Raises:
        InputError: a size besides the batch is open, an input holds no numbers, the network cannot run on a batch of
            1, or it reads values that come from elsewhere than its inputs and variables.
    """
    tf = need("tensorflow")
    specs = [tf.TensorSpec(_single(name, s), s.dtype, naming.operation_name(name)) for name, s in inputs.items()]
    outputs: dict[str, str] = {}

    def run(*tensors: Any) -> Any:
        made = call(dict(zip(inputs, tensors, strict=True)))
        leaves = [leaf for _, leaf in naming.flat(made)]
        found = naming.unique((names or naming.output_names)(made))
        named = [tf.identity(leaf, naming.operation_name(n)) for n, leaf in zip(found, leaves, strict=True)]
        outputs.update({name: tensor.name for name, tensor in zip(found, named, strict=True)})
        return named

    try:
        # Keras converts the layers that need it; the call itself has no control flow for autograph to look for.
        traced = tf.function(run, autograph=False).get_concrete_function(*specs)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise InputError(f"the model cannot run on a batch of 1: {_first_line(error)}") from error
    given = dict(zip(inputs, traced.inputs[: len(specs)], strict=True))
    return pruned(private.constant_graph(traced), traced, given, outputs)


def _single(name: str, spec: Any) -> tuple[int, ...]:
    """Return the shape of one sample. Raises InputError when it is not known."""
    if spec.dtype.name in ("string", "resource", "variant"):
        raise InputError(f"the model's input {name!r} must hold numbers, it holds {spec.dtype.name}")
    if not spec.shape.rank:
        raise InputError(f"the model's input {name!r} must have a fixed size to be converted, got {spec.shape}")
    shape = (1, *spec.shape.as_list()[1:])
    if None in shape:
        shown = tuple(spec.shape.as_list())
        raise InputError(f"the model's input must have a fixed size to be converted, got {shown} for {name!r}")
    return shape


def pruned(graph: Any, traced: Any, inputs: Mapping[str, Any], outputs: Mapping[str, str]) -> Frozen:
    """Return the network of a graph without variables; what no output needs is taken out of it.

    Args:
        graph: the ``GraphDef``; it changes.
        traced: what it was made from.
        inputs: symbolic tensors by name.
        outputs: the names of the tensors in the graph, by name.
    """
    if not outputs:
        raise InputError("the model must have an output, it gives nothing")
    kept = needed(graph, map(node_of, outputs.values()))
    for position in reversed(range(len(graph.node))):
        if graph.node[position].name not in kept:
            del graph.node[position]
    read = {name: tensor for name, tensor in inputs.items() if tensor.op.name in kept}
    given = {name: traced.graph.get_tensor_by_name(tensor) for name, tensor in outputs.items()}
    _refuse_open(graph, read)
    return Frozen(graph, traced, read, given)


def needed(graph: Any, names: Iterable[str]) -> set[str]:
    """Return the names of the nodes that ``names`` are computed from, themselves included."""
    nodes, found, waiting = {node.name: node for node in graph.node}, set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += map(node_of, nodes[name].input)
    return found


def node_of(tensor: str) -> str:
    """Return the node of a graph's tensor: ``^name`` and ``name:0`` are ``name``."""
    return tensor.removeprefix("^").split(":")[0]


def _refuse_open(graph: Any, inputs: Mapping[str, Any]) -> None:
    """Raise InputError when the graph waits for more than its inputs: a lookup table, say."""
    known = {tensor.op.name for tensor in inputs.values()}
    left = [node.name for node in graph.node if node.op == "Placeholder" and node.name not in known]
    if left:
        raise InputError(
            "the model reads what is neither its input nor a variable, a lookup table perhaps: "
            f"{', '.join(left)}; save it without"
        )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def freeze_keras(model: Any) -> Frozen:
    """Freeze a Keras model (2 or 3) in inference mode.

    Inputs and outputs are called what their dictionary's keys or their layers are called.
    """
    frozen = _freeze_for(lowering.FLOAT, model)
    if any(lowering.INT8 in getattr(type(layer), "lowers", ()) for layer in model.layers):
        return replace(frozen, int8=partial(_freeze_for, lowering.INT8, model))
    return frozen


def _freeze_for(target: str, model: Any) -> Frozen:
    with lowering.lowered_for(target):
        return freeze(partial(call_keras, model), keras_inputs(model), partial(keras_outputs, model))


def keras_inputs(model: Any) -> dict[str, Any]:
    """Return a ``tf.TensorSpec`` for each input of a Keras model. Raises InputError when it has no inputs yet."""
    tf = need("tensorflow")
    structure = _input(model)
    entries = [leaf for _, leaf in naming.flat(structure)]
    layers = [str(getattr(entry, "name", "input")).split(":")[0] for entry in entries]
    if len(layers) == 1 and NUMBERED.fullmatch(layers[0]):
        layers = ["input"]  # Keras counts such layers through all models of a process
    names = naming.names(structure, layers, "input")
    return {n: tf.TensorSpec(e.shape, _dtype(e), n) for n, e in zip(names, entries, strict=True)}


def _input(model: Any) -> Any:
    """Return the model's inputs in their structure; Keras knows none of a model that has not been called."""
    try:
        structure = model.input
    except (AttributeError, ValueError):
        structure = getattr(model, "inputs", None)
    if structure is None or (isinstance(structure, (list, dict)) and not structure):
        raise InputError(f"the model {model.name!r} does not say what it takes; build it as a functional model")
    return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure


def _dtype(entry: Any) -> str:
    return str(getattr(entry.dtype, "name", entry.dtype))


def call_keras(model: Any, tensors: Mapping[str, Any]) -> Any:
    """Run a Keras model in inference mode on tensors by name, in any order."""
    leaves = (tensors[name] for name in keras_inputs(model))
    return model(naming.filled(_input(model), leaves), training=False)


def keras_outputs(model: Any, made: Any) -> list[str]:
    """Return the name of each output that a call of a Keras model made, in the order of ``naming.flat``."""
    return naming.output_names(made, list(getattr(model, "output_names", None) or ()))
