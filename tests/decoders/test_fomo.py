"""FOMO's maps by hand, and the merging of cells against a plain search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.fomo import Fomo, labelled, merged, recognize
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (64, 48)


def grid(*objects, classes=2):
    """Return probabilities (6, 8, classes + 1); objects: (row, column, class, probability)."""
    maps = np.zeros((6, 8, classes + 1), np.float32)
    for row, column, number, value in objects:
        maps[row, column, number + 1] = value
    maps[..., 0] = 1 - maps[..., 1:].sum(axis=-1)
    return maps


def test_cells_of_one_class_that_touch_are_one_object():
    maps = grid((1, 2, 0, 0.6), (1, 3, 0, 0.9), (2, 4, 0, 0.6), (4, 1, 0, 0.7), (1, 1, 1, 0.8), (5, 7, 1, 0.4))
    found = decode("fomo", {"o": ("scores", [maps])}, SIZE)
    # The first three touch, two of them by a corner: x (2.5 * 0.6 + 3.5 * 0.9 + 4.5 * 0.6) / 2.1, y likewise.
    x, y = 8 * (2.5 * 0.6 + 3.5 * 0.9 + 4.5 * 0.6) / 2.1, 8 * (1.5 * 1.5 + 2.5 * 0.6) / 2.1
    expected = [[x - 4, y - 4, x + 4, y + 4], [8, 32, 16, 40], [8, 8, 16, 16]]
    np.testing.assert_allclose(found.boxes, expected, rtol=1e-5)
    np.testing.assert_allclose(found.scores, [[0.9, 0], [0.7, 0], [0, 0.8]], rtol=1e-6)
    assert found.suppressed


def test_the_threshold_counts_in_the_merging():
    maps = grid((1, 2, 0, 0.6), (1, 3, 0, 0.3), (1, 4, 0, 0.6))
    assert len(decode("fomo", {"o": ("scores", [maps])}, SIZE).boxes) == 2
    assert len(decode("fomo", {"o": ("scores", [maps])}, SIZE, score_threshold=0.25).boxes) == 1


def test_logits_and_an_empty_map():
    logits = np.full((6, 8, 3), -5, np.float32)
    logits[..., 0] = 5
    empty = decode("fomo", {"o": ("scores", [logits])}, SIZE, activation="softmax")
    assert (empty.boxes.shape, empty.scores.shape) == ((0, 4), (0, 2))
    logits[2, 2] = (0, 0, 4)
    found = decode("fomo", {"o": ("scores", [logits])}, SIZE, activation="softmax")
    np.testing.assert_allclose(found.scores, [[0, np.exp(4) / (2 + np.exp(4))]], rtol=1e-6)


def search(wanted):
    """Number cells that touch by asking every pair again and again until nothing changes."""
    cells = [tuple(cell) for cell in np.argwhere(wanted).tolist()]
    number = {cell: k for k, cell in enumerate(cells)}
    changed = True
    while changed:
        changed = False
        for a in cells:
            for b in cells:
                if max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1 and number[a] < number[b]:
                    number[b], changed = number[a], True
    return sorted(sorted(c for c in cells if number[c] == k) for k in set(number.values()))


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_labelling_is_what_the_plain_search_finds(rows):
    wanted = np.array(rows, np.bool_)
    found = labelled(wanted)
    groups = [[tuple(c) for c in np.argwhere(found == k).tolist()] for k in range(1, found.max(initial=0) + 1)]
    assert sorted(sorted(group) for group in groups) == search(wanted)
    np.testing.assert_array_equal(found > 0, wanted)


def test_a_threshold_of_zero_takes_the_whole_map():
    assert merged(np.zeros((2, 2), np.float32), 0.0) == [(1.0, 1.0, 0.0)]


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"takes a map \(1, rows, columns, classes \+ 1\), got o \(1, 12, 12, 1\)"):
        Fomo(signature("fomo", {"o": ("scores", (1, 12, 12, 1))}))


@pytest.mark.parametrize(
    ("channels", "shape", "end", "fits"),
    [
        (3, (1, 12, 12, 3), "softmax", True),
        (1, (1, 12, 12, 2), "softmax", True),
        (3, (1, 12, 12, 3), "linear", False),
        (3, (1, 12, 12, 3), None, False),
        (3, (1, 24, 24, 3), "softmax", False),
        (3, (1, 12, 12, 1), "softmax", False),
    ],
)
def test_recognized_by_a_softmax_over_cells_of_eight_pixels(channels, shape, end, fits):
    found = recognize([image((96, 96), channels)], [spec("o", shape)], (end,))
    assert (found is not None) == fits
