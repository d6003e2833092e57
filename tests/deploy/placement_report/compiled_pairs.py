"""What the Edge TPU compiler did, from the file that it took and the file that it made.

It shares no code with the report: the schema that LiteRT ships parses both files. In the compiled file one custom
operation stands for all that was mapped; the others are those of the original, with their names.
"""

from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


def load(path: Path):
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    return model, model.subgraphs[0]


def op_name(model, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    return NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]


def rows(model, graph):
    """Return the operation's name and its outputs' names and shapes, for each operation."""
    named = [
        (op_name(model, o), tuple((graph.tensors[i].name, tuple(graph.tensors[i].shape)) for i in o.outputs))
        for o in graph.operators
    ]
    return [(name, tuple((text, tuple(map(int, shape))) for text, shape in outputs)) for name, outputs in named]


def truth(original: Path, compiled: Path) -> list[tuple[str, str]]:
    """Return (operation, ``tpu`` or ``cpu``) for each operation of the original."""
    before, after = rows(*load(original)), rows(*load(compiled))
    model, graph = load(compiled)
    custom = [
        i
        for i, o in enumerate(graph.operators)
        if model.operatorCodes[o.opcodeIndex].customCode == b"edgetpu-custom-op"
    ]
    left = [row for i, row in enumerate(after) if i not in custom]
    assert len(set(before)) == len(before), "names do not tell the operations apart"
    assert set(left) <= set(before), "an operation of the compiled file is not in the original"
    found = [(row[0], "cpu" if row in left else "tpu") for row in before]
    assert [side for _, side in found].count("tpu") == len(before) - len(left)
    assert reached(original, graph, custom) == {i for i, (_, side) in enumerate(found) if side == "tpu"}
    return found


def reached(original: Path, compiled, custom) -> set[int]:
    """Return the operations of the original between the custom operation's inputs and outputs, by the tensors' names.

    What no output needs, such as the unused outputs of a split, is found through the operation that writes it.
    """
    _, graph = load(original)
    names = [tensor.name for tensor in graph.tensors]
    makers = {names[output]: i for i, o in enumerate(graph.operators) for output in o.outputs}
    found: set[int] = set()
    for number in custom:
        operation = compiled.operators[number]
        borders = {compiled.tensors[i].name for i in operation.inputs}
        waiting = [compiled.tensors[i].name for i in operation.outputs]
        while waiting:
            name = waiting.pop()
            if name in borders or name not in makers or makers[name] in found:
                continue
            found.add(makers[name])
            waiting += [names[i] for i in graph.operators[makers[name]].inputs if i >= 0]
    return found
