"""``cut`` and ``with_errors`` take the layers of a TFLite file apart: fed one by one, or disturbed one by one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.deploy.conversion.saturation import SATURATED
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.explain.interpreter import Interpreter
from edge.deploy.placement_report import operators


@dataclass(frozen=True)
class Rewritten:
    """A rewritten file.

    Attributes:
        content: its bytes.
        given: for each named tensor the index of the new input, where its values or its errors are given.
        computed: for each named tensor its index. With ``cut`` it holds what its operation makes of the given values.
    """

    content: bytes
    given: Mapping[str, int]
    computed: Mapping[str, int]


def with_shapes(content: bytes) -> bytes:
    """Return a file with the shapes that its tensors have in a run, where it may state others or leave them open."""
    file, run = TFLiteObject(content), Interpreter(content)
    run.give({index: np.zeros(run.specs[index].shape) for index in run.inputs})
    run.run()
    tensors = file.model.subgraphs[0].tensors
    for index in file.names().values():
        tensors[index].shape, tensors[index].shapeSignature = list(run.real(index).shape), None
    return file.to_bytes()


def cut(content: bytes, names: Collection[str]) -> Rewritten:
    """Return a file in which every reader of a named tensor reads an input instead, so that each layer runs by itself.

    The tensors that are not named are computed as before. The new inputs have the type and scale of the tensors.

    Args:
        content: a TFLite file.
        names: tensors that operations compute, or inputs of the file. The latter are inputs already.
    """
    file = TFLiteObject(content)
    indices = {name: index for name, index in file.names().items() if name in names}
    inputs = set(file.inputs())
    twins = {index: file.twin(index, "/given") for index in indices.values() if index not in inputs}
    for _, operation in file.operations():
        operation.inputs = [twins.get(int(index), int(index)) for index in operation.inputs]
    file.set_border([*file.inputs(), *twins.values()], [*file.outputs(), *twins])
    return Rewritten(file.to_bytes(), {name: twins.get(i, i) for name, i in indices.items()}, indices)


def with_errors(content: bytes, names: Collection[str], outputs: Sequence[str]) -> Rewritten:
    """Return a file that adds an input, the error, to every named tensor before anything reads it.

    Args:
        content: a float TFLite file.
        names: float32 tensors that operations compute. Inputs of the file are left as they are.
        outputs: the tensors that the file returns.
    """
    file = TFLiteObject(content)
    indices = {name: index for name, index in file.names().items() if name in names}
    wanted = set(indices.values()).difference(file.inputs())
    errors: dict[int, int] = {}
    for _, operation in list(file.operations()):
        for place, index in enumerate(map(int, operation.outputs)):
            if index in wanted:
                exact, errors[index] = file.twin(index, "/exact"), file.twin(index, "/error")
                file.insert_after(operation, _addition(file, (exact, errors[index]), index))
                operation.outputs[place] = exact
    found = file.names()
    file.set_border([*file.inputs(), *errors.values()], [found[name] for name in outputs])
    return Rewritten(file.to_bytes(), {name: errors[i] for name, i in indices.items() if i in errors}, indices)


def returning(content: bytes, outputs: Sequence[str]) -> bytes:
    """Return a file that returns the named tensors instead of its outputs."""
    file = TFLiteObject(content)
    known = file.names()
    file.set_border(file.inputs(), [known[name] for name in outputs])
    return file.to_bytes()


SIGMOID = "LOGISTIC"
DECISIONS = ("SOFTMAX", "LOG_SOFTMAX", SIGMOID, "ARG_MAX")
"""Last operations that hide an error: what goes into them shows it."""

SHAPES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE")
"""Operations that only rearrange values."""


def compared_outputs(content: bytes) -> list[str]:
    """Return the tensors at which two files are compared: the outputs, or what goes into a last softmax or sigmoid."""
    file = TFLiteObject(content)
    makers = {int(i): (operators.name(code), op) for code, op in file.operations() for i in op.outputs}
    known = file.names().values()
    found = []
    for output in file.outputs():
        index = output
        while index in makers and makers[index][0] in SHAPES:
            index = int(makers[index][1].inputs[0])
        before = int(makers[index][1].inputs[0]) if index in makers and makers[index][0] in DECISIONS else -1
        found.append(before if before in known else output)
    return [file.name(index) for index in dict.fromkeys(found)]


def with_steps_of_outputs(content: bytes) -> set[str]:
    """Return the compared outputs and the tensors that become them by operations that only rearrange values."""
    file = TFLiteObject(content)
    known = file.names()
    return _rearranged(file, [known[name] for name in compared_outputs(content)])


def limits_of_outputs(content: bytes) -> dict[str, tuple[float, float]]:
    """Return where the 256 values of a last sigmoid differ, for the tensors that only become its input.

    An int8 file cuts them off there, see ``edge.deploy.conversion.saturation``.
    """
    file = TFLiteObject(content)
    compared = set(compared_outputs(content))
    before = [int(op.inputs[0]) for code, op in file.operations() if operators.name(code) == SIGMOID]
    names = _rearranged(file, [index for index in before if file.name(index) in compared])
    return dict.fromkeys(names, SATURATED[SIGMOID])


def _rearranged(file: TFLiteObject, indices: list[int]) -> set[str]:
    """Return tensors and those that become them by operations that only rearrange values."""
    makers = {int(i): (operators.name(code), op) for code, op in file.operations() for i in op.outputs}
    found = list(indices)
    for index in found:
        if index in makers and makers[index][0] in (*SHAPES, "CONCATENATION"):
            found += [int(i) for i in makers[index][1].inputs if int(i) in makers]
    return {file.name(index) for index in found}


def _addition(file: TFLiteObject, terms: tuple[int, int], total: int) -> Any:
    schema = file.schema
    added = schema.OperatorT()
    added.opcodeIndex = file.code(schema.BuiltinOperator.ADD, version=1)
    added.inputs, added.outputs = list(terms), [total]
    added.builtinOptionsType, added.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    return added
