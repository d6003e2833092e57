"""MoveNet's tables by hand."""

import numpy as np
import pytest

from edge.decoders.movenet import MoveNet, recognize
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (192, 256)


def test_one_person():
    table = np.zeros((1, 1, 17, 3), np.float32)
    table[0, 0, :, 2] = 0.5
    table[0, 0, 0] = (0.25, 0.75, 0.9)  # y, x, score
    found = decode("movenet", {"o": ("points", table)}, SIZE)
    np.testing.assert_allclose(found.points[0, 0], [144, 64, 0.9], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [(0.9 + 16 * 0.5) / 17], rtol=1e-6)
    assert found.boxes is None


def test_several_people():
    table = np.zeros((1, 6, 56), np.float32)
    table[0, 2, 3:6] = (0.5, 0.25, 0.7)  # the second keypoint: y, x, score
    table[0, 2, 51:] = (0.1, 0.2, 0.3, 0.4, 0.8)  # ymin, xmin, ymax, xmax, score
    found = decode("movenet", {"o": ("points", table)}, SIZE)
    assert found.points.shape == (6, 17, 3)
    np.testing.assert_allclose(found.points[2, 1], [48, 128, 0.7], rtol=1e-6)
    np.testing.assert_allclose(found.boxes[2], [38.4, 25.6, 76.8, 76.8], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0, 0, 0.8, 0, 0, 0])


@pytest.mark.parametrize("shape", [(1, 17, 3, 1), (1, 6, 57), (1, 6, 5), (1, 51)])
def test_what_does_not_fit_is_refused(shape):
    with pytest.raises(InputError, match=r"\(1, 1, k, 3\) or \(1, people, 3 \* k \+ 5\), got o"):
        MoveNet(signature("movenet", {"o": ("points", shape)}, SIZE))


@pytest.mark.parametrize(("shape", "fits"), [((1, 1, 17, 3), True), ((1, 6, 56), True), ((1, 1, 18, 3), False)])
def test_recognized_by_the_table(shape, fits):
    assert (recognize([image(SIZE)], [spec("o", shape)], (None,)) is not None) == fits
