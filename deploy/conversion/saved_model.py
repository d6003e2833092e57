"""``open_saved_model`` opens a SavedModel safely.

A SavedModel may contain operations that read and write files, and functions that run while it is loaded. Therefore
every operation is checked before TensorFlow loads the model.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need
from edge.deploy.conversion import rebatch
from edge.deploy.conversion.freeze import Frozen, freeze
from edge.deploy.conversion.naming import filled, flat, output_names, unique
from edge.deploy.keras_file import refuse_pointer
from edge.errors import FileError, InputError

DEFAULT = "serving_default"

_STATEFUL = """
CudnnRNNBackprop CudnnRNNBackpropV2 CudnnRNNBackpropV3
Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp Case CheckNumerics CheckNumericsV2 CudnnRNN CudnnRNNV2
CudnnRNNV3 DisableCopyOnRead Empty GuaranteeConst If IteratorGetNext Multinomial ParameterizedTruncatedNormal RandomCrop
RandomGamma
RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt ReadVariableOp
ResourceGather ResourceGatherNd RngReadAndSkip RngSkip SampleDistortedBoundingBoxV2 StatefulPartitionedCall
StatefulRandomBinomial StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt
StatefulUniformInt StatelessRandomGetAlg TruncatedNormal VarHandleOp VarIsInitializedOp Variable VariableShape
VariableV2 While _Arg _Retval
AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable HashTable HashTableV2 InitializeTableV2
LookupTableExportV2 LookupTableFindV2 LookupTableImportV2 LookupTableInsertV2 LookupTableRemoveV2 LookupTableSizeV2
MutableDenseHashTable MutableDenseHashTableV2 MutableHashTable MutableHashTableV2
StackCloseV2 StackPopV2 StackPushV2 StackV2 TensorArrayCloseV3 TensorArrayConcatV3 TensorArrayGatherV3
TensorArrayGradV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArraySplitV3 TensorArrayV3
TensorArrayWriteV3
"""
STATEFUL = set(_STATEFUL.split())
"""Stateful operations whose state stays in memory: variables, random numbers, tables, calls. Reading the next sample of
data, as the training functions in a SavedModel do, is one; making a data set is none."""

OUTSIDE = re.compile(
    r"File(?!name|spec)|Reader|Dataset|PyFunc|Print|Debug|Abort|Vocab|FromText|XlaCustomCall|XlaLaunch"
)
"""Operations that TensorFlow declares as stateless, although they access files or other resources."""

SAVES = {"SaveV2", "MergeV2Checkpoints", "SaveSlices", "Save"}
RESTORES = {"RestoreV2", "Restore", "RestoreSlice"}
"""The operations of the saver of an ordinary SavedModel. They are refused where anything else calls them."""


@dataclass(frozen=True)
class Saved:
    """One function of a SavedModel.

    Attributes:
        call: takes tensors by name and returns tensors by name.
        inputs: the ``tf.TensorSpec`` of each input by name, with the batch first. They are sorted by name, because the
            file does not store an order.
        batch: the batch size that the function was saved for. None when it is open or 1.
    """

    call: Callable[[Mapping[str, Any]], dict[str, Any]]
    inputs: Mapping[str, Any]
    batch: int | None

    def freeze(self) -> Frozen:
        """Return the frozen function with batch size 1. Raises InputError when that is not possible."""
        if self.batch is None:
            return freeze(self.call, self.inputs)
        return rebatch.single(self.call, self.inputs, self.batch)


def open_saved_model(path: Path, trust: bool, signature: str | None = None) -> Saved:
    """Open a SavedModel.

    Args:
        path: the model's folder.
        trust: whether operations that access files or other resources are allowed.
        signature: the name of the function to use. The default is ``serving_default``, else the only function.

    Raises:
        FileError: the model is damaged.
        InputError: an operation is not allowed, or the function is not clear.
    """
    tf = need("tensorflow")
    for part in (path / "saved_model.pb", *sorted(path.glob("variables/*"))):
        if part.is_file():
            refuse_pointer(part)
    try:
        if not trust:
            _check(path)
        loaded = tf.saved_model.load(str(path))
        function = _function(loaded, path, signature)
        return _saved(loaded, function, path)
    except InputError:
        raise
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, tf.errors.OpError) as error:
        raise FileError(f"SavedModel {path} cannot be read: {_first_line(error)}") from error


def _function(loaded: Any, path: Path, wanted: str | None) -> Any:
    """Return the concrete function of the signature, else of an object that can be called."""
    found = dict(loaded.signatures)
    if not found:
        for name in dir(loaded):
            functions = getattr(getattr(loaded, name, None), "concrete_functions", None) or ()
            found |= {f"{name}{f'_{number}' if number else ''}": one for number, one in enumerate(functions)}
    name = wanted or (next(iter(found)) if len(found) == 1 else DEFAULT)
    if name in found:
        return found[name]
    raise InputError(
        f"SavedModel {path} must be told which of its signatures is meant: give --signature, one of "
        f"{', '.join(sorted(found)) or 'none, it has none'}; got {wanted or 'none'}"
    )


def _saved(loaded: Any, function: Any, path: Path) -> Saved:
    tf = need("tensorflow")
    structure = function.structured_input_signature
    leaves = [(way, leaf) for way, leaf in flat(structure) if isinstance(leaf, tf.TensorSpec)]
    names = unique([str(leaf.name or "_".join(map(str, way[1:]))) for way, leaf in leaves])
    specs = dict(zip(names, (leaf for _, leaf in leaves), strict=True))

    def call(tensors: Mapping[str, Any]) -> dict[str, Any]:
        assert loaded is not None, "what a function was loaded with keeps its variables alive"
        given = (tensors[name] for name in names)
        args, kwargs = filled(structure, given, tf.TensorSpec)
        outputs = function(*args, **kwargs)
        return dict(zip(output_names(outputs), (leaf for _, leaf in flat(outputs)), strict=True))

    return Saved(call, {name: specs[name] for name in sorted(specs)}, batch_size(specs, f"SavedModel {path}"))


def batch_size(specs: Mapping[str, Any], model: str) -> int | None:
    """Return the batch size of the inputs, or None when it is open or 1.

    Args:
        specs: the ``tf.TensorSpec`` of each input by name.
        model: what the message calls the model.

    Raises:
        InputError: the inputs have several batch sizes.
    """
    sizes = {spec.shape[0] for spec in specs.values() if spec.shape.rank}
    if len(sizes - {None}) > 1 or (None in sizes and sizes - {None, 1}):
        raise InputError(f"{model}: its inputs must have one batch, got {sorted(map(str, sizes))}")
    size = next(iter(sizes), None)
    return size if size and size > 1 else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check(path: Path) -> None:
    """Raise InputError when an operation may access anything outside the graph."""
    reaching = {op for graph in private.parse_saved_model(path).meta_graphs for op in reaching_operations(graph)}
    if reaching:
        raise InputError(f"SavedModel {path} uses {', '.join(sorted(reaching))}; add --trust to allow it")


def reaching_operations(graph: Any) -> set[str]:
    """Return the operations of a ``MetaGraphDef`` that may access anything outside it, except those of its saver."""
    nodes = {f"node {node.name}": node for node in graph.graph_def.node}
    bodies = {f"function {f.signature.name}": f.node_def for f in graph.graph_def.library.function}
    calls = {name: _needs(node) for name, node in nodes.items()}
    calls |= {name: {c for node in body for c in _functions(node)} for name, body in bodies.items()}
    saving = _reached(calls, [_node(graph.saver_def.save_tensor_name)])
    restoring = _reached(calls, [_node(graph.saver_def.restore_op_name)])
    others = _reached(calls, [*_entries(graph), *(nodes.keys() - saving - restoring)])
    found = set()
    for name in calls:
        own = _own(name in restoring, name in saving) if name not in others else set()
        found |= {node.op for node in bodies.get(name) or [nodes[name]] if node.op not in own}
    return {op for op in found if reaches(op, bodies)}


def _own(restoring: bool, saving: bool) -> set[str]:
    return RESTORES if restoring else SAVES if saving else set()


def _node(tensor: str) -> str:
    """Return the node of a graph's tensor: ``^name`` and ``name:0`` are ``name``."""
    return "node " + tensor.removeprefix("^").split(":")[0]


def _needs(node: Any) -> set[str]:
    return {_node(name) for name in node.input} | _functions(node)


def _functions(node: Any) -> set[str]:
    named = [f.name for value in node.attr.values() for f in (value.func, *value.list.func)]
    return {f"function {name}" for name in (*named, node.op) if name}


def _entries(graph: Any) -> Iterable[str]:
    """Yield the entry points of loading and calling: signatures, initializers and functions of loaded objects."""
    for signature in graph.signature_def.values():
        yield from (_node(tensor.name) for tensor in signature.outputs.values())
    for collection in graph.collection_def.values():
        yield from (_node(name) for name in collection.node_list.value)
    objects = graph.object_graph_def
    yield from (f"function {name}" for name in objects.concrete_functions)
    yield from (f"function {f.gradient_func}" for f in graph.graph_def.library.gradient)


def _reached(calls: dict[str, set[str]], start: Iterable[str]) -> set[str]:
    found, waiting = set(), list(start)
    while waiting:
        name = waiting.pop()
        if name in calls and name not in found:
            found.add(name)
            waiting += calls[name]
    return found


def reaches(op: str, bodies: dict[str, Any]) -> bool:
    """Return whether an operation may access anything outside. Calls of functions are checked separately."""
    if op in STATEFUL or f"function {op}" in bodies:
        return False
    definition = private.operation(op)
    return definition is None or definition.is_stateful or OUTSIDE.search(op) is not None
