"""How TFLite's delegates, and the Edge TPU compiler with them, cut a graph into parts that run without interruption."""

from collections.abc import Collection, Iterable

from edge.deploy.placement_report.graph import Graph, Operation, Tensor


def first_part(graph: Graph, supported: Collection[int]) -> set[int]:
    """Return the operations of the first part of a graph that an accelerator can run without interruption.

    Operations run in turns: all that can run on one side, then all that can run on the other. The first turn belongs
    to the first operation of the file (TFLite, graph_partitioner ``PartitionGraphIntoIndependentNodeSubsets``).

    Args:
        graph: the graph.
        supported: the indices of the operations that the accelerator has.

    Returns:
        The indices of the operations of the accelerator's first turn.
    """
    waiting = list(graph.operations)
    written = {id(output) for operation in waiting for output in operation.outputs}
    while waiting:
        first = next((operation for operation in waiting if _ready(operation, written)), None)
        if first is None:  # the graph goes round in circles
            return set()
        accelerated = first.index in supported
        turn = _turn(waiting, written, supported, accelerated)
        if accelerated:
            return turn
        waiting = [operation for operation in waiting if operation.index not in turn]
    return set()


def _turn(waiting: list[Operation], written: set[int], supported: Collection[int], accelerated: bool) -> set[int]:
    """Return the operations of one side that can run now, and remove what they write from ``written``."""
    turn: set[int] = set()
    for operation in waiting:
        if (operation.index in supported) == accelerated and _ready(operation, written):
            turn.add(operation.index)
            written.difference_update(id(output) for output in operation.outputs)
    return turn


def _ready(operation: Operation, written: set[int]) -> bool:
    return not any(id(tensor) in written for tensor in operation.inputs if tensor is not None)


def interruptions(graph: Graph, stops: Collection[int]) -> dict[int, int]:
    """Return for each operation the last of the operations ``stops`` that it depends on, if any."""
    makers: dict[int, int] = {}
    found: dict[int, int] = {}
    for operation in graph.operations:
        before = [makers[id(tensor)] for tensor in operation.inputs if tensor is not None and id(tensor) in makers]
        causes = [index if index in stops else found.get(index, -1) for index in before]
        if max(causes, default=-1) >= 0:
            found[operation.index] = max(causes)
        makers.update((id(output), operation.index) for output in operation.outputs)
    return found


def border(graph: Graph, part: Collection[int]) -> list[Tensor]:
    """Return the tensors that a part hands on: to other operations, or as the graph's outputs."""
    written = [tensor for operation in graph.operations if operation.index in part for tensor in operation.outputs]
    others: Iterable[Operation] = (operation for operation in graph.operations if operation.index not in part)
    read = {id(tensor) for operation in others for tensor in operation.inputs if tensor is not None}
    read.update(id(tensor) for tensor in graph.outputs)
    return [tensor for tensor in written if id(tensor) in read]
