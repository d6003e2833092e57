"""``dense`` fills in the zeros that a sparse constant of a TFLite file leaves out.

A file stores such a constant by its SparsityParameters, the format of TACO (Kjolstad et al. 2017,
https://doi.org/10.1145/3133901). The axes are traversed in a stated order, and each level is dense, or lists the
indices that are there (CSR). An axis may be split into blocks, whose inside is traversed by levels of its own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DENSE = 0
"""The number of ``DimensionType.DENSE`` in the schema."""


def dense(values: NDArray[Any], shape: tuple[int, ...], sparsity: Any) -> NDArray[Any]:
    """Return a constant with its zeros.

    Args:
        values: the values that are there, in the order of the traversal.
        shape: the shape of the constant.
        sparsity: its ``SparsityParametersT``.

    Raises:
        ValueError: the parameters do not fit the shape or the number of values.
    """
    order = [int(axis) for axis in sparsity.traversalOrder]
    blocks = [] if sparsity.blockMap is None else [int(axis) for axis in sparsity.blockMap]
    if sorted(order) != list(range(len(shape) + len(blocks))) or len(order) != len(sparsity.dimMetadata):
        raise ValueError("the sparsity of a constant does not fit its shape")
    places, row = _places(sparsity.dimMetadata)
    by_axis = dict(zip(order, places, strict=True))
    sizes = {axis: level.denseSize for axis, level in zip(order, sparsity.dimMetadata, strict=True)}
    for number, axis in enumerate(blocks):
        inside = len(shape) + number
        by_axis[axis] = by_axis[axis] * sizes[inside] + by_axis[inside]
    where = tuple(by_axis[axis] for axis in range(len(shape)))
    outside = any(len(at) and at.max() >= size for at, size in zip(where, shape, strict=True))
    if outside or (len(row) and row.max() >= len(values)):
        raise ValueError("the sparsity of a constant does not fit its values")
    found = np.zeros(shape, values.dtype)
    found[where] = values[row]
    return found


def _places(levels: Any) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Return the index in each level of every value, and the number of the value."""
    places: list[NDArray[np.int64]] = []
    row = np.zeros(1, np.int64)
    for level in levels:
        if level.format == DENSE:
            size = int(level.denseSize)
            before = np.repeat(np.arange(len(row)), size)
            index = np.tile(np.arange(size), len(row))
            row = row[before] * size + index
        else:
            starts = np.asarray(level.arraySegments.values, np.int64)
            counts = starts[row + 1] - starts[row]
            before = np.repeat(np.arange(len(row)), counts)
            first = np.cumsum(counts) - counts
            row = starts[row][before] + np.arange(len(before)) - first[before]
            index = np.asarray(level.arrayIndices.values, np.int64)[row]
        places = [place[before] for place in places] + [index]
    return places, row
