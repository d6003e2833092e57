"""What several decoders share: the input's size, outputs without their batch, grids, and the forms of a box."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge.decoders.base import LARGEST_COORDINATE, Floats, Poses
from edge.errors import InputError
from edge.signature import Signature, describe
from edge.tensors import Tensor, TensorSpec

Size = tuple[int, int]
"""Width and height in pixels."""


def input_size(signature: Signature, decoder: str) -> Size:
    """Return the size of the image input. Raises InputError when there is not exactly one."""
    if signature.image is None:
        raise InputError(f"decoder {decoder} needs a network with one image input, it has {describe(signature.inputs)}")
    return signature.image.size


def size_of_input(inputs: Sequence[TensorSpec]) -> Size | None:
    """Return the size of a bare file's only input where that is a picture of three channels; None where not."""
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        return None
    _, first, second, third = inputs[0].shape
    if third == 3:
        return second, first
    return (third, second) if first == 3 else None


def layout_of(inputs: Sequence[TensorSpec], output: TensorSpec) -> str | None:
    """Return the layout, ``NHWC`` or ``NCHW``, in which an output of four axes is a map over the input picture.

    A map has the proportions of the picture, up to one cell. Where both layouts fit, it is the input's; None where
    neither does.
    """
    if len(inputs) != 1 or len(inputs[0].shape) not in (3, 4) or len(output.shape) != 4:
        return None
    shape = inputs[0].shape
    grey = len(shape) == 3
    nchw = not grey and shape[1] in (1, 3) and shape[3] not in (1, 3)
    height, width = shape[2:4] if nchw else shape[1:3]
    sides = {"NHWC": output.shape[1:3], "NCHW": output.shape[2:4]}
    fitting = [layout for layout, (rows, columns) in sides.items() if fits_input((columns, rows), (width, height))]
    own = "NCHW" if nchw else "NHWC"
    return own if own in fitting else next(iter(fitting), None)


def fits_input(cells: Size, size: Size) -> bool:
    """Return whether a map of columns and rows, more than one of each, has an input's proportions, up to one cell."""
    columns, rows = cells
    width, height = size
    return min(cells) > 1 and abs(rows * width - columns * height) <= max(size)


def unchecked() -> Any:
    """Return a context in which overflow and operations without a result give no warning.

    A broken network gives infinities and what is no number; selection leaves out the boxes that come of them.
    """
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def poses(points: Floats, scores: Floats, boxes: Floats | None = None) -> Poses:
    """Return keypoints and boxes of finite numbers only: a point that has none lies at 0, 0 and has the score 0."""
    good = (np.abs(points) <= LARGEST_COORDINATE).all(axis=-1, keepdims=True)
    clean = np.where(good, points, 0).astype(np.float32)
    if boxes is not None:
        boxes = np.clip(np.nan_to_num(boxes), -LARGEST_COORDINATE, LARGEST_COORDINATE).astype(np.float32)
    return Poses(clean, np.clip(np.nan_to_num(scores), 0, 1).astype(np.float32), boxes)


def rows_of(tensor: Tensor, columns: int) -> Floats:
    """Return (n, columns) float32 real values of an output with a batch of 1."""
    return tensor.real.reshape(-1, columns)


def grid_sizes(size: Size, strides: Sequence[int]) -> list[tuple[int, int]]:
    """Return (rows, columns) of the map at each stride, rounded up as padded convolutions do."""
    width, height = size
    return [(-(-height // stride), -(-width // stride)) for stride in strides]


def places(size: Size, strides: Sequence[int]) -> int:
    """Return how many places the maps of all strides have together."""
    return sum(rows * columns for rows, columns in grid_sizes(size, strides))


def grid(size: Size, strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the places of all maps, map after map and row after row.

    Returns:
        (n, 2) column and row of each place, and (n, 1) the stride of its map in pixels.
    """
    corners, steps = [], []
    for stride, (rows, columns) in zip(strides, grid_sizes(size, strides), strict=True):
        y, x = np.mgrid[0:rows, 0:columns]
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        steps.append(np.full((rows * columns, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(steps).astype(np.float32)


def corners_of(centres: Any, sides: Any) -> Floats:
    """Return (n, 4) x0, y0, x1, y1 of (n, 2) centres x, y and (n, 2) widths and heights."""
    half = np.asarray(sides, np.float32) / 2
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)


def pixels_of(boxes: Floats, size: Size) -> Floats:
    """Return (n, 4) x0, y0, x1, y1 in pixels of (n, 4) ymin, xmin, ymax, xmax in fractions of the input."""
    width, height = size
    return np.asarray(boxes[:, [1, 0, 3, 2]] * np.asarray([width, height] * 2, np.float32), np.float32)


def with_scores_of_one(points: Any) -> Floats:
    """Return (n, k, 3) points x, y, 1 of (n, k, 2) points x, y."""
    xy = np.asarray(points, np.float32)
    return np.concatenate([xy, np.ones((*xy.shape[:-1], 1), np.float32)], axis=-1)


def boxes_and_scores(decoder: str, outputs: Sequence[TensorSpec], columns: int = 4) -> tuple[str, ...]:
    """Return the roles of two outputs (1, n, columns) and (1, n, classes), told by their sizes and else by their names.

    Raises:
        InputError: the outputs are no such pair, or nothing tells which is which.
    """
    shapes = [output.shape for output in outputs]
    if len(shapes) != 2 or any(len(shape) != 3 for shape in shapes) or columns not in (shapes[0][2], shapes[1][2]):
        raise InputError(
            f"decoder {decoder} takes boxes (1, n, {columns}) and scores (1, n, classes); "
            f"the file gives {describe(outputs)}"
        )
    of_boxes = [shape[2] == columns for shape in shapes]
    if all(of_boxes):
        of_boxes = [is_named(output, BOX_WORDS) and not is_named(output, SCORE_WORDS) for output in outputs]
    if sum(of_boxes) != 1:
        raise InputError(
            f"decoder {decoder} cannot tell boxes from scores in {describe(outputs)}; say which is which with the "
            'parameter order, like ["boxes", "scores"]'
        )
    return tuple("boxes" if boxes else "scores" for boxes in of_boxes)


BOX_WORDS = ("box", "loc", "regress", "offset")
SCORE_WORDS = ("score", "cls", "class", "conf", "prob")


def is_named(output: TensorSpec, words: Sequence[str]) -> bool:
    """Return whether the output's name has one of the words in it, in letters of any case."""
    return any(word in output.name.lower() for word in words)


def all_alike(decoder: str, outputs: Sequence[TensorSpec], role: str, counts: Sequence[int]) -> tuple[str, ...]:
    """Return ``role`` for every output. Raises InputError unless there are as many outputs as one of ``counts``."""
    if len(outputs) not in counts:
        wanted = " or ".join(map(str, counts))
        raise InputError(f"decoder {decoder} takes {wanted} output(s) with the role {role}, got {describe(outputs)}")
    return (role,) * len(outputs)
