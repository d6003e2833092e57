"""``limits_of`` says which values of a network's outputs make a difference to the results of its decoder.

An int8 output has 256 steps. Where a detector is sure of the background, it gives logits down to -1000 and boxes of any
size. In steps of a 256th of that, no face would be found.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.signature import Output

Range = tuple[float, float]

LOGITS: Range = (-8.0, 8.0)
"""What an output holds that a decoder takes the sigmoid of, in float: beyond, a score is within 0.0004 of 0 or 1."""

ONNX_PASSING = (
    *("Concat", "DepthToSpace", "Flatten", "Identity", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze"),
    *("Transpose", "Unsqueeze"),
)
"""Operations of ONNX that move values and change none."""


@dataclass(frozen=True)
class Limit:
    """The values of an output that make a difference to the results of its decoder.

    Attributes:
        name: the output's name in the network.
        shape: its shape.
        bounds: the smallest and the largest of these values.
        whole: whether the output holds all of them, whatever the calibration samples have.
    """

    name: str
    shape: tuple[int, ...]
    bounds: Range
    whole: bool

    def applied(self, observed: Range) -> Range:
        """Return the range that an output gets that had another one on the samples."""
        return self.bounds if self.whole else clipped(observed, self.bounds)


Limits = Sequence[Limit]


def limits_of(outputs: Sequence[Output], decoder: Any) -> Limits:
    """Return the limits that a decoder states. Outputs that have the shape of another one without them get none.

    Logits always reach LOGITS, because samples without an object have none of the large ones.
    """
    largest = getattr(decoder, "largest", {})
    known: dict[str, tuple[Range, bool]] = dict.fromkeys(getattr(decoder, "logits", ()), (LOGITS, True))
    known |= {name: ((-value, value), False) for name, value in largest.items()}
    rows = {output.name: (output.shape, known.get(output.name)) for output in outputs}
    by_shape = {shape: {bound for other, bound in rows.values() if other == shape} for shape, _ in rows.values()}
    return [Limit(name, shape, *bound) for name, (shape, bound) in rows.items() if bound and len(by_shape[shape]) == 1]


def clip_onnx_outputs(graph: Any, ranges: Mapping[str, Range], limits: Limits) -> dict[str, Range]:
    """Return the ranges, narrowed before outputs with limits, also behind operations of ONNX_PASSING.

    Args:
        graph: the ``GraphProto`` of a float file.
        ranges: the least and the largest value of each activation, by name.
        limits: what outputs need to hold.
    """
    read = Counter([name for node in graph.node for name in node.input] + [one.name for one in graph.output])
    found = dict(ranges)
    narrowed = {one.name: one.applied(ranges[one.name]) for one in limits if read[one.name] == 1 and one.name in ranges}
    for node in reversed(graph.node):
        bounds = joined([narrowed.get(name) for name in node.output]) if node.op_type in ONNX_PASSING else None
        for name in node.input if node.op_type == "Concat" else node.input[:1]:
            if bounds is not None and read[name] == 1 and name in found:
                narrowed[name] = bounds
    return found | narrowed


def moved(graph: Any, bounds: Mapping[str, Range]) -> dict[str, Range]:
    """Return what inputs with bounds can hold, where a first transpose or reshape has moved their values."""
    found = dict(bounds)
    for node in graph.node:
        if node.op_type in ("Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze") and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def joined(bounds: list[Range | None]) -> Range | None:
    """Return the widest of the ranges that an operation's outputs need. None where one of them needs all its values."""
    known = [one for one in bounds if one is not None]
    return (min(a for a, _ in known), max(b for _, b in known)) if len(known) == len(bounds) else None


def clipped(observed: Range, bounds: Range) -> Range:
    """Return the part of a range that is inside others. One that lies outside altogether keeps its nearer end."""
    low, high = bounds
    return min(max(observed[0], low), high), max(min(observed[1], high), low)
