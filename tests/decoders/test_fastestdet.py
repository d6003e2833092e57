"""FastestDet against its authors' loop, and their file on two pictures."""

import math

import numpy as np
import pytest

from edge.decoders.fastestdet import FastestDet, recognize
from edge.errors import InputError
from tests.decoders.heads import assert_found, decode, detections, image, signature, spec
from tests.shared import needs_shared

SIZE = (96, 64)


def plain(grid):
    """Return x0, y0, x1, y1 and the scores of a grid (5 + classes, rows, columns), a place at a time."""
    numbers, rows, columns = grid.shape
    found = []
    for y in range(rows):
        for x in range(columns):
            data = grid[:, y, x].tolist()
            width, height = (SIZE[k] / (1 + math.exp(-data[3 + k])) for k in (0, 1))
            cx = (x + math.tanh(data[1])) / columns * SIZE[0]
            cy = (y + math.tanh(data[2])) / rows * SIZE[1]
            box = [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2]
            found.append(box + [data[0] ** 0.6 * value**0.4 for value in data[5:]])
    assert numbers == grid.shape[0]
    return np.array(found)


@pytest.mark.parametrize("channels_last", [False, True])
def test_every_place_is_decoded_as_the_authors_loop_does(channels_last):
    rng = np.random.default_rng(0)
    grid = np.concatenate([rng.random((1, 4, 6)), rng.normal(0, 1, (4, 4, 6)), rng.random((3, 4, 6))]).astype(
        np.float32
    )
    given = grid.transpose(1, 2, 0) if channels_last else grid
    found = decode("fastestdet", {"o": ("detections", [given])}, SIZE)
    rows = np.concatenate([found.boxes, found.scores], axis=1)
    np.testing.assert_allclose(rows, plain(grid), rtol=1e-4, atol=1e-3)


def test_probabilities_beyond_0_and_1_give_scores():
    grid = np.full((8, 4, 6), -0.01, np.float32)
    grid[0], grid[6] = 1.01, 1.01
    assert decode("fastestdet", {"o": ("detections", [grid])}, SIZE).scores.tolist() == [[0, 1, 0]] * 24


def test_another_grid_is_refused():
    with pytest.raises(InputError, match=r"\(1, 5 \+ classes, 4, 6\), got o \(1, 85, 5, 6\)"):
        FastestDet(signature("fastestdet", {"o": ("detections", (1, 85, 5, 6))}, SIZE))


@pytest.mark.parametrize("end", ["linear", "softmax", None])
def test_a_coarse_mask_is_no_detector(end):
    assert recognize([image((352, 352))], [spec("o", (1, 85, 22, 22))], (end,)) is None


@needs_shared
def test_the_published_detector():
    assert_found(detections("FastestDet.onnx", "cat.bmp"), (48, 46, 378, 373), 0.74, number=15)
    dogs = detections("FastestDet.onnx", "pets.jpg")
    assert_found(dogs, (118, 39, 259, 297), 0.90, number=16)
    assert_found(dogs, (336, 170, 493, 372), 0.83, number=16)
