"""``starts_over`` tells whether the recurrent layers of a TFLite file must forget the run before.

A TFLite interpreter keeps the state of an LSTM from run to run. A layer that reads a whole sequence at once, as Keras
converts them, would begin each sequence where the one before it has ended; its answers are then only nearly right. A
layer that reads one step a run, and SVDF, are made for streams, and need what they keep.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from edge import flatbuffer
from edge.flatbuffer import Damaged, Table

SEQUENCES = frozenset({35, 44, 46, 52})
"""Operations that read sequences, by their numbers in TFLite's BuiltinOperator: UNIDIRECTIONAL_SEQUENCE_RNN and _LSTM,
BIDIRECTIONAL_SEQUENCE_RNN and _LSTM."""


def starts_over(path: Path) -> bool:
    """Return whether a ``.tflite`` file has a recurrent layer that reads more than one step of a sequence at once.

    The result is False for a damaged file. The runtime then reports the damage.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            model = flatbuffer.root(data)
            codes = [max(code.number(3), code.number(0, "<b")) for code in model.tables(1)]
            if SEQUENCES.isdisjoint(codes):
                return False
            return any(steps > 1 for graph in model.tables(2) for steps in _steps(graph, codes))
    except (Damaged, OSError, ValueError, IndexError):
        return False


def _steps(graph: Table, codes: list[int]) -> Iterator[int]:
    """Yield how many steps the operations of SEQUENCES read. Batch and steps are the first two axes, in any order."""
    shapes = [tensor.numbers(0) for tensor in graph.tables(0)]
    for operation in graph.tables(3):
        if codes[operation.number(0, "<I")] in SEQUENCES:
            yield max(shapes[operation.numbers(1)[0]][:2], default=0)
