"""``single`` converts a function that was saved for a fixed batch size to batch size 1.

A saved function cannot be traced again. Therefore its graph is frozen as it is, the batch size of its inputs is set to
1, and TensorFlow infers all shapes again. In the shape of a reshape, the old batch size is replaced by 1. The result is
verified numerically: it must return the same for one sample as the original returns for it in a batch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need
from edge.deploy.conversion.freeze import Frozen, needed, node_of, pruned
from edge.deploy.conversion.naming import operation_name
from edge.errors import InputError

TOLERANCE = 1e-4
"""Largest difference, as a share of the output's largest value. One sample may run in other kernels than many."""


def single(call: Callable[[dict[str, Any]], Mapping[str, Any]], inputs: Mapping[str, Any], batch: int) -> Frozen:
    """Freeze a network that was built for a fixed batch size, with batch size 1.

    Args:
        call: takes tensors by name and returns tensors by name.
        inputs: the ``tf.TensorSpec`` of each input by name, with the original batch size.
        batch: the original batch size.

    Raises:
        InputError: the network computes something else for a single sample.
    """
    tf = need("tensorflow")
    outputs: dict[str, str] = {}

    def run(*tensors: Any) -> list[Any]:
        returned = call(dict(zip(inputs, tensors, strict=True)))
        named = {name: tf.identity(value, operation_name(name)) for name, value in returned.items()}
        outputs.update({name: tensor.name for name, tensor in named.items()})
        return list(named.values())

    traced = tf.function(run, autograph=False).get_concrete_function(*inputs.values())
    graph = private.constant_graph(traced)
    entries = [tensor.name for tensor in traced.inputs[: len(inputs)]]
    _shrink(graph, {node_of(name) for name in entries}, batch)
    try:
        frozen = _imported(graph, dict(zip(inputs, entries, strict=True)), outputs)
        _compare(traced, frozen, inputs, list(outputs), batch)
    except (ValueError, tf.errors.OpError, InputError) as error:
        raise InputError(
            f"the model was built for a batch of {batch} and cannot be made one for a single sample: "
            f"{str(error).splitlines()[0]}; save it with an open batch"
        ) from error
    return frozen


def _shrink(graph: Any, entries: set[str], batch: int) -> None:
    """Set the batch size of inputs and reshapes to 1, and remove the inferred shapes."""
    tf = need("tensorflow")
    shapes = {name: shape for name, shape in _fixed_shapes(graph, entries).items() if shape.size and shape[0] == batch}
    for node in graph.node:
        node.attr.pop("_output_shapes", None)
        if node.name in entries and len(node.attr["shape"].shape.dim):
            node.attr["shape"].shape.dim[0].size = 1
        if node.op == "Reshape" and node_of(node.input[1]) in shapes:
            node.input[1] = f"{node_of(node.input[1])}/single"
    for name, shape in shapes.items():
        value = tf.make_tensor_proto(np.concatenate([[1], shape[1:]]), dtype=shape.dtype)
        constant = graph.node.add(name=f"{name}/single", op="Const")
        constant.attr["value"].tensor.CopyFrom(value)
        constant.attr["dtype"].type = value.dtype


def _fixed_shapes(graph: Any, entries: set[str]) -> dict[str, Any]:
    """Return by node name the shapes of reshapes that do not depend on the network's inputs."""
    tf = need("tensorflow")
    for node in graph.node:
        if node.op == "Const":
            del node.input[:]  # inlined calls give constants control inputs
    targets = {node_of(node.input[1]) for node in graph.node if node.op == "Reshape"}
    fixed = [name for name in targets if not needed(graph, [name]) & entries]
    with tf.Graph().as_default() as whole, tf.compat.v1.Session(graph=whole) as session:
        tf.graph_util.import_graph_def(graph, name="")
        return dict(zip(fixed, session.run([f"{name}:0" for name in fixed]), strict=True))


def _imported(graph: Any, entries: Mapping[str, str], outputs: Mapping[str, str]) -> Frozen:
    tf = need("tensorflow")
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    tensors = [wrapped.graph.get_tensor_by_name(name) for name in (*entries.values(), *outputs.values())]
    count = len(entries)
    traced = wrapped.prune(tensors[:count], tensors[count:])
    return pruned(private.constant_graph(traced), traced, dict(zip(entries, traced.inputs, strict=True)), outputs)


def _compare(traced: Any, frozen: Frozen, inputs: Mapping[str, Any], names: list[str], batch: int) -> None:
    """Raise InputError unless both networks return the same for the last sample of a batch."""
    tf = need("tensorflow")
    rng = np.random.default_rng(0)
    full = [_drawn(rng, tuple(spec.shape), spec.dtype.as_numpy_dtype) for spec in inputs.values()]
    expected = traced(*map(tf.constant, full))
    single_one = [tf.constant(array[-1:]) for name, array in zip(inputs, full, strict=True) if name in frozen.inputs]
    for name, whole, one in zip(names, expected, frozen.traced(*single_one), strict=True):
        wanted, got = np.asarray(whole)[-1:], np.asarray(one)
        if whole.shape[0] != batch or got.shape != wanted.shape:
            raise InputError(f"output {name!r} has the shape {tuple(got.shape)} instead of {wanted.shape}")
        if np.abs(got - wanted).max() > TOLERANCE * max(float(np.abs(wanted).max()), 1e-6):
            raise InputError(f"output {name!r} mixes the samples of a batch")


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)
