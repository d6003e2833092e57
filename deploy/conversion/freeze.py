"""``freeze`` traces a network with batch size 1 and folds its variables to constants. All files come from this graph.

Tracing and freezing takes a fraction of a second, while ``TFLiteConverter.from_keras_model`` needs ten seconds to save
the Keras object. With a fixed batch size no shape is computed at run time. Channel shuffles then stay plain reshapes,
and a delegate can run the whole graph.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need
from edge.deploy.conversion import input_shapes, naming, unrolling
from edge.deploy.conversion.input_shapes import Shapes
from edge.deploy.conversion.layer_names import named_after_layers
from edge.deploy.conversion.static_branches import without_static_branches
from edge.deploy.conversion.training_mode import refuse_training_mode
from edge.errors import InputError
from edge.models import lowering
from edge.tensors import TensorSpec

NUMBERED = re.compile(r"(input|input_layer|keras_tensor)(_\d+)?")
"""Names that Keras gives to inputs without a name."""

LOOPS = {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"}
"""Operations that contain graphs. An int8 file cannot hold ranges for the tensors inside."""


@dataclass(frozen=True)
class Frozen:
    """A network without variables, for a batch of 1.

    Attributes:
        graph: a ``GraphDef`` with only the operations that the outputs depend on.
        traced: the ``tf.ConcreteFunction`` that it was made from.
        inputs: the symbolic tensors that the graph reads, by name, in the model's order.
        outputs: the symbolic tensors that it returns, by name, in the model's order.
        int8: freezes the lowering for int8, for networks with layers that have one. Recurrent layers are unrolled.
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
        """Whether the graph has a loop or a branch. Recurrent layers that are not unrolled have a loop."""
        return any(node.op in LOOPS for node in self.graph.node)

    def for_int8(self) -> "Frozen":
        """Return the frozen network to quantize after training."""
        return self if self.int8 is None else self.int8()

    @property
    def int8_loops(self) -> bool:
        """Whether the network to quantize has a loop or a branch. Where loops are unrolled, this takes seconds."""
        return self.loops and self.for_int8().loops


def _specs(tensors: Mapping[str, Any]) -> tuple[TensorSpec, ...]:
    """Return the specs of symbolic tensors. Raises InputError when a shape is known only at run time."""
    found = []
    for name, tensor in tensors.items():
        if not tensor.shape.is_fully_defined():
            raise InputError(
                f"{name!r} must have a size that is known before the network runs, got {tensor.shape}; where a "
                "recurrent loop leaves the batch open, give the Keras file, or a SavedModel of a function of batch 1"
            )
        found.append(TensorSpec(name, tuple(tensor.shape.as_list()), np.dtype(tensor.dtype.as_numpy_dtype)))
    return tuple(found)


def freeze(
    call: Callable[[dict[str, Any]], Any],
    inputs: Mapping[str, Any],
    names: Callable[[Any], Sequence[str]] | None = None,
) -> Frozen:
    """Trace a network for one sample and fold its variables.

    Args:
        call: takes tensors by name and returns a tensor, or a dictionary or list of tensors, possibly nested.
        inputs: the ``tf.TensorSpec`` of each input by name. The batch, on the first axis, becomes 1.
        names: takes what ``call`` returns, and returns the names of the outputs in the order of ``naming.flat``. The
            default is ``naming.output_names``.

    Raises:
        InputError: a size other than the batch is unknown, an input is not numeric, the network cannot run with batch
            size 1, or it reads values that are neither inputs nor variables.
    """
    tf = need("tensorflow")
    specs = [tf.TensorSpec(_single(name, s), s.dtype, naming.operation_name(name)) for name, s in inputs.items()]
    outputs: dict[str, str] = {}

    def run(*tensors: Any) -> Any:
        structure = call(dict(zip(inputs, tensors, strict=True)))
        leaves = [leaf for _, leaf in naming.flat(structure)]
        found = naming.unique((names or naming.output_names)(structure))
        named = [tf.identity(leaf, naming.operation_name(n)) for n, leaf in zip(found, leaves, strict=True)]
        outputs.update({name: tensor.name for name, tensor in zip(found, named, strict=True)})
        return named

    try:
        # Keras applies autograph to the layers that need it. The call itself has no control flow to convert.
        traced = tf.function(run, autograph=False).get_concrete_function(*specs)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise InputError(f"the model cannot run on a batch of 1: {_first_line(error)}") from error
    given = dict(zip(inputs, traced.inputs[: len(specs)], strict=True))
    return pruned(private.constant_graph(traced), traced, given, outputs)


def _single(name: str, spec: Any) -> tuple[int, ...]:
    """Return the shape of one sample. Raises InputError when it is unknown."""
    if spec.dtype.name in ("string", "resource", "variant"):
        raise InputError(f"the model's input {name!r} must hold numbers, it holds {spec.dtype.name}")
    if spec.shape.rank == 0:
        raise InputError(
            f"the model's input {name!r} is a single number, such as a switch between training and inference, and has "
            "no batch: save the model with its value in place of it"
        )
    if spec.shape.rank is None:
        raise InputError(
            f"the model's input {name!r} must have a fixed size to be converted, got {spec.shape}; "
            f"{input_shapes.advice(name, spec)}"
        )
    shape = (1, *spec.shape.as_list()[1:])
    if None in shape:
        shown = tuple(spec.shape.as_list())
        raise InputError(
            f"the model's input must have a fixed size to be converted, got {shown} for {name!r}; "
            f"{input_shapes.advice(name, spec)}"
        )
    return shape


def pruned(graph: Any, traced: Any, inputs: Mapping[str, Any], outputs: Mapping[str, str]) -> Frozen:
    """Return the frozen network of a graph without variables, and remove operations that no output depends on.

    Args:
        graph: the ``GraphDef``, which is changed.
        traced: the concrete function that the graph was made from.
        inputs: the symbolic input tensors, by name.
        outputs: the graph's names of the output tensors, by name.
    """
    if not outputs:
        raise InputError("the model must have an output, it gives nothing")
    changed = without_static_branches(graph)
    kept = needed(graph, map(node_of, outputs.values()))
    for position in reversed(range(len(graph.node))):
        if graph.node[position].name not in kept:
            del graph.node[position]
    read = {name: tensor for name, tensor in inputs.items() if tensor.op.name in kept}
    _refuse_open(graph, read)
    refuse_training_mode(graph.node)
    shown = _imported(graph) if changed else traced.graph  # sizes inside a branch are known only without it
    read = {name: shown.get_tensor_by_name(tensor.name) for name, tensor in read.items()}
    given = {name: shown.get_tensor_by_name(tensor) for name, tensor in outputs.items()}
    return Frozen(graph, traced, read, given)


def _imported(graph: Any) -> Any:
    tf = need("tensorflow")
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph, name="")
    return imported


def needed(graph: Any, names: Iterable[str]) -> set[str]:
    """Return ``names`` and the names of all nodes that they depend on."""
    nodes, found, waiting = {node.name: node for node in graph.node}, set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += map(node_of, nodes[name].input)
    return found


def node_of(tensor: str) -> str:
    """Return the name of the node of a tensor: ``name`` for ``^name`` and ``name:0``."""
    return tensor.removeprefix("^").split(":")[0]


def _refuse_open(graph: Any, inputs: Mapping[str, Any]) -> None:
    """Raise InputError when the graph reads more than its inputs, such as a lookup table."""
    known = {tensor.op.name for tensor in inputs.values()}
    left = [node.name for node in graph.node if node.op == "Placeholder" and node.name not in known]
    if left:
        raise InputError(
            "the model reads what is neither its input nor a variable, a lookup table perhaps: "
            f"{', '.join(left)}; save it without"
        )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def freeze_keras(model: Any, shapes: Shapes | None = None) -> Frozen:
    """Freeze a Keras 2 or 3 model in inference mode.

    Inputs and outputs have the names of their dictionary keys, or of their layers.

    Args:
        model: the model.
        shapes: the shapes of inputs whose sizes the model leaves open.

    Raises:
        InputError: as ``freeze``, or a layer keeps its state from one call to the next.
    """
    _refuse_states(model)
    frozen = _freeze_for(lowering.FLOAT, model, shapes or {})
    lowered = any(lowering.INT8 in getattr(type(layer), "lowers", ()) for layer in model.layers)
    if lowered or (frozen.loops and unrolling.can_unroll(model)):
        return replace(frozen, int8=cache(partial(_freeze_for, lowering.INT8, model, shapes or {})))
    return frozen


def _refuse_states(model: Any) -> None:
    """Raise InputError for a recurrent layer with ``stateful=True``, whose state a graph without variables forgets."""
    for layer in model._flatten_layers():
        if hasattr(layer, "return_sequences") and getattr(layer, "stateful", False):
            raise InputError(
                f"the model's layer {layer.name!r} has stateful=True, and a file keeps no state from one run to the "
                "next: build it with stateful=False, or with its state as an input and an output"
            )


def _freeze_for(target: str, model: Any, shapes: Shapes) -> Frozen:
    inputs = input_shapes.apply(keras_inputs(model), shapes)
    steps = unrolling.unrolled(model) if target == lowering.INT8 else nullcontext()
    with lowering.lowered_for(target), steps, named_after_layers(model):
        return freeze(partial(call_keras, model), inputs, partial(keras_outputs, model))


def keras_inputs(model: Any) -> dict[str, Any]:
    """Return a ``tf.TensorSpec`` for each input of a Keras model. Raises InputError when it has no inputs yet."""
    tf = need("tensorflow")
    structure = _input(model)
    entries = [leaf for _, leaf in naming.flat(structure)]
    layers = [str(getattr(entry, "name", "input")).split(":")[0] for entry in entries]
    if len(layers) == 1 and NUMBERED.fullmatch(layers[0]):
        layers = ["input"]  # Keras numbers such layers over all models of a process
    names = naming.names(structure, layers, "input")
    return {n: tf.TensorSpec(e.shape, _dtype(e), n) for n, e in zip(names, entries, strict=True)}


def _input(model: Any) -> Any:
    """Return the model's inputs in their structure. Raises InputError for a model that was not called yet."""
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


def keras_outputs(model: Any, outputs: Any) -> list[str]:
    """Return the names of the outputs of a Keras model, in the order of ``naming.flat``."""
    return naming.output_names(outputs, list(getattr(model, "output_names", None) or ()))
