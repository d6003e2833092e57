"""YuNet: faces with five landmarks from three maps (Wu et al. 2023, https://doi.org/10.1007/s11633-023-1423-y)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edge.decoders.base import Candidates, Ends, Floats, Recognized
from edge.decoders.heads import (
    corners_of,
    grid,
    grid_sizes,
    input_size,
    is_named,
    rows_of,
    size_of_input,
    unchecked,
    with_scores_of_one,
)
from edge.errors import InputError
from edge.signature import Output, Signature, TaskSpec, describe
from edge.tensors import Outputs, TensorSpec

STRIDES = (8, 16, 32)
POINTS = 5
"""Right eye, left eye, tip of the nose, right and left corner of the mouth."""

ROLES = {"scores": 1, "objectness": 1, "boxes": 4, "points": 2 * POINTS}
"""How many columns an output of each role has."""


class YuNet:
    """Decodes twelve outputs, at each stride ``scores`` and ``objectness`` (1, n, 1), ``boxes`` (1, n, 4), ``points``.

    The last are (1, n, 10). With the place's column and row: centre = (place + v) * stride, side = exp(v) * stride,
    landmark = (place + v) * stride; the score is the square root of score times objectness, both cut to 0 to 1
    (OpenCV's ``FaceDetectorYN``). It has no parameters of its own.
    """

    task: ClassVar[str] = "detect"
    labels: ClassVar[tuple[str, ...]] = ("face",)
    classes: int = 1

    def __init__(self, signature: Signature) -> None:
        size = input_size(signature, "yunet")
        self._place, self._step = grid(size, STRIDES)
        counts = [rows * columns for rows, columns in grid_sizes(size, STRIDES)]
        self._names = {role: self._by_stride(signature, role, counts) for role in ROLES}

    @staticmethod
    def _by_stride(signature: Signature, role: str, counts: Sequence[int]) -> list[str]:
        """Return the names of a role's three outputs in the order of the strides."""
        found: dict[tuple[int, ...], Output] = {output.shape: output for output in signature.with_role(role)}
        wanted = [(1, count, ROLES[role]) for count in counts]
        if sorted(found) != sorted(wanted):
            raise InputError(
                f"decoder yunet takes three outputs with the role {role}, {', '.join(map(str, wanted))}, "
                f"got {describe(signature.with_role(role)) or 'none'}"
            )
        return [found[shape].name for shape in wanted]

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            scores, objectness, boxes, points = (self._joined(outputs, role) for role in ROLES)
            both = np.clip(scores, 0, 1) * np.clip(objectness, 0, 1)
            sides = np.exp(np.minimum(boxes[:, 2:], 10)) * self._step
            centres = (boxes[:, :2] + self._place) * self._step
            marks = (points.reshape(-1, POINTS, 2) + self._place[:, None]) * self._step[:, None]
            return Candidates(corners_of(centres, sides), np.sqrt(both), with_scores_of_one(marks))

    def _joined(self, outputs: Outputs, role: str) -> Floats:
        return np.concatenate([rows_of(outputs[name], ROLES[role]) for name in self._names[role]])


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    found: list[str] = []
    seen: set[tuple[int, ...]] = set()
    for output in outputs:
        columns = output.shape[-1] if len(output.shape) == 3 else 0
        by_columns = {4: "boxes", 2 * POINTS: "points"}.get(columns)
        if columns == 1:
            # The score is symmetric in the two, so the order may decide where names do not.
            named = is_named(output, ("obj",)) or (not is_named(output, ("cls",)) and output.shape in seen)
            by_columns = "objectness" if named else "scores"
            seen.add(output.shape)
        found.append(by_columns or "tensor")
    if sorted(found) != sorted(list(ROLES) * len(STRIDES)):
        raise InputError(
            "decoder yunet takes scores (1, n, 1), objectness (1, n, 1), boxes (1, n, 4) and points (1, n, 10), each "
            f"at strides 8, 16 and 32; the file gives {describe(outputs)}"
        )
    return tuple(found)


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: twelve outputs of the sizes of three grids."""
    size = size_of_input(inputs)
    if size is None or len(outputs) != len(ROLES) * len(STRIDES):
        return None
    counts = [rows * columns for rows, columns in grid_sizes(size, STRIDES)]
    if sorted(o.shape for o in outputs) != sorted((1, count, k) for count in counts for k in ROLES.values()):
        return None
    return Recognized(
        TaskSpec("detect", "yunet"),
        roles(outputs),
        "YuNet's scores, objectness, boxes and points at strides 8, 16 and 32",
        {"colour": "BGR", "mean": (0.0,), "std": (1.0,)},
    )
