"""Open a SavedModel: a graph, which may read and write files, and functions that run while it is being loaded.

So the file is read and every operation in it is looked at before TensorFlow loads it.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import FileError, InputError

SIGNATURE = "serving_default"

_STATEFUL = """
Assert AssignAddVariableOp AssignSubVariableOp AssignVariableOp Case CheckNumerics CheckNumericsV2 CudnnRNN CudnnRNNV2
CudnnRNNV3 DisableCopyOnRead Empty GuaranteeConst If Multinomial ParameterizedTruncatedNormal RandomCrop RandomGamma
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
"""Operations with a state that stays in memory: variables, random numbers, tables, calls."""

OUTSIDE = re.compile(
    r"File(?!name|spec)|Reader|Dataset|PyFunc|Print|Debug|Abort|Vocab|FromText|XlaCustomCall|XlaLaunch"
)
"""Operations that TensorFlow calls stateless and that reach outside of the graph all the same."""

SAVES = {"SaveV2", "MergeV2Checkpoints", "SaveSlices", "Save"}
RESTORES = {"RestoreV2", "Restore", "RestoreSlice"}
"""What an ordinary SavedModel's own saver does; nothing else may call it, or it would run when we do not ask."""


def open_saved_model(path: Path, trust: bool) -> tuple[Callable[[Any], Any], tuple[int | None, ...]]:
    """Return the function of ``path``'s serving signature and its input shape, batch first (None when open).

    trust: load it whatever its operations reach. Raises FileError when it is damaged, InputError when it
    reaches outside of itself, or when its signature is not one float32 input with a batch that is open or 1.
    """
    tf = need("tensorflow")
    try:
        if not trust:
            _check(path)
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[SIGNATURE]
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, tf.errors.OpError) as error:
        raise FileError(f"SavedModel {path} cannot be read: {_first_line(error)}") from error
    spec = _input(signature, path)

    def call(x: Any) -> Any:
        # Through what was loaded: a signature alone does not keep its variables alive.
        return next(iter(loaded.signatures[SIGNATURE](**{spec.name: x}).values()))

    return call, tuple(spec.shape)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _input(signature: Any, path: Path) -> Any:
    """Return the ``tf.TensorSpec`` of the signature's one input."""
    specs = list(signature.structured_input_signature[1].values())
    outputs = signature.structured_outputs
    if len(specs) != 1 or len(outputs) != 1:
        raise InputError(
            f"SavedModel {path} must have one input and one output, it has {len(specs)} and {len(outputs)}"
        )
    (spec,) = specs
    if spec.dtype.name != "float32":
        raise InputError(f"SavedModel {path}: its input must be float32, got {spec.dtype.name}")
    if spec.shape.rank is None:
        raise InputError(f"SavedModel {path}: its input must have a fixed size, got an open shape")
    if spec.shape[0] not in (None, 1):
        raise InputError(f"SavedModel {path}: its batch must be open or 1, got {spec.shape[0]}")
    return spec


def _check(path: Path) -> None:
    """Raise InputError when an operation reaches outside of the graph."""
    # The loader's own reading: it knows more than one file name.
    from tensorflow.python.saved_model.loader_impl import parse_saved_model

    reaching = {op for graph in parse_saved_model(str(path)).meta_graphs for op in reaching_operations(graph)}
    if reaching:
        raise InputError(f"SavedModel {path} uses {', '.join(sorted(reaching))}; add --trust to allow it")


def reaching_operations(graph: Any) -> set[str]:
    """Return the operations of a ``MetaGraphDef`` that reach outside of it, its saver's own left out."""
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
    return {op for op in found if _reaches(op, bodies)}


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
    """Yield what loading or calling starts from: signatures, initializers, the functions of the loaded objects."""
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


def _reaches(op: str, bodies: dict[str, Any]) -> bool:
    """Whether an operation is not known to stay inside; a function called by its name is looked at by itself."""
    from tensorflow.python.framework import op_def_registry

    if op in STATEFUL or f"function {op}" in bodies:
        return False
    definition = op_def_registry.get(op)
    return definition is None or definition.is_stateful or OUTSIDE.search(op) is not None
