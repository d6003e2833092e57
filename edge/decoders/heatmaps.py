"""Keypoints from heat maps (Xiao et al. 2018, Simple Baselines, https://arxiv.org/abs/1804.06208)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edge.decoders.activations import sigmoid
from edge.decoders.base import Ends, Floats, Poses, Recognized
from edge.decoders.heads import all_alike, fits_input, input_size, is_named, layout_of, poses, unchecked
from edge.decoders.parameters import choice, number
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

LAYOUTS = ("NHWC", "NCHW")


class Heatmaps:
    """Decodes one output with the role ``heatmaps``, (1, rows, columns, k) or (1, k, rows, columns), one pose.

    A keypoint is at the largest value of its map, moved by a quarter of a cell towards the larger neighbour on each
    axis. Cell i of a map with n cells lies at (i + ``cell_centre``) / n of the input's side.

    Parameters:
        layout: ``NHWC`` (default) or ``NCHW``.
        activation: ``none`` (default), or ``sigmoid`` where that is still to be applied.
        cell_centre: where in its cell a keypoint lies, 0 to 1; default 0.5, the middle. Networks trained with the
            paper's own code put the keypoint on the cell's first pixel: 0.125 at stride 4.
    """

    task: ClassVar[str] = "keypoints"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "heatmaps")
        self._output = signature.one("heatmaps")
        self._nchw = choice(parameters, "layout", "NHWC", LAYOUTS) == "NCHW"
        self._sigmoid = choice(parameters, "activation", "none", ("none", "sigmoid")) == "sigmoid"
        self._centre = number(parameters, "cell_centre", 0.5, 0, 1)
        shape = self._output.shape
        if len(shape) != 4 or shape[0] != 1:
            raise InputError(f"decoder heatmaps takes maps (1, rows, columns, k), got {self._output.name} {shape}")
        self.points: int = shape[1 if self._nchw else 3]
        rows, columns = shape[2:4] if self._nchw else shape[1:3]
        width, height = self._size
        if not fits_input((columns, rows), self._size):
            raise InputError(
                f"heat maps of {columns}x{rows} cells must have the shape of the input of {width}x{height} pixels; "
                "the parameter layout says which axis counts the keypoints"
            )

    def __call__(self, outputs: Outputs) -> Poses:
        """See PoseDecoder."""
        with unchecked():
            maps = outputs[self._output.name].real[0]
            maps = maps if self._nchw else np.moveaxis(maps, -1, 0)
            if self._sigmoid:
                maps = sigmoid(maps)
            cells, scores = peaks(maps)
            rows, columns = maps.shape[1:]
            xy = (cells + self._centre) / (columns, rows) * np.asarray(self._size, np.float32)
            points = np.concatenate([xy, np.clip(scores, 0, 1)[:, None]], axis=1).astype(np.float32)
            return poses(points[None], points[None, :, 2].mean(axis=1))


def peaks(maps: Floats) -> tuple[Floats, Floats]:
    """Return (k, 2) x, y in cells of the largest value of (k, rows, columns) maps, and (k,) those values.

    A peak moves by 0.25 towards the larger of its two neighbours on an axis, unless it lies at the edge or they are
    equal: this makes up for the error of the coarse grid.
    """
    count, rows, columns = maps.shape
    flat = np.nan_to_num(maps.reshape(count, -1), nan=-np.inf)
    best = flat.argmax(axis=1)
    y, x = np.divmod(best, columns)
    k = np.arange(count)
    moved = []
    for cell, size, before, after in (
        (x, columns, (k, y, np.maximum(x - 1, 0)), (k, y, np.minimum(x + 1, columns - 1))),
        (y, rows, (k, np.maximum(y - 1, 0), x), (k, np.minimum(y + 1, rows - 1), x)),
    ):
        inside = (cell > 0) & (cell < size - 1)
        step = np.sign(np.nan_to_num(maps[after]) - np.nan_to_num(maps[before]))
        moved.append(cell + np.where(inside, 0.25 * step, 0))
    return np.stack(moved, axis=1).astype(np.float32), np.nan_to_num(flat[k, best], neginf=0).astype(np.float32)


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("heatmaps", outputs, "heatmaps", (1,))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: only by name, because a coarse mask has the same shape."""
    if len(outputs) != 1 or len(outputs[0].shape) != 4 or not is_named(outputs[0], ("heatmap", "heat_map")):
        return None
    layout = layout_of(inputs, outputs[0])
    if layout is None:
        return None
    count = outputs[0].shape[1 if layout == "NCHW" else 3]
    task = TaskSpec("keypoints", "heatmaps", {"layout": layout})
    return Recognized(task, ("heatmaps",), f"heat maps of {count} keypoints by the output's name")
