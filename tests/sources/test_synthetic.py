"""Frames drawn here."""

import numpy as np

from edge.sources.synthetic import Synthetic, open_synthetic


def test_a_number_of_frames_of_the_asked_size():
    frames = list(Synthetic((64, 48), rate=1000, frames=5))
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert {f.bgr.shape for f in frames} == {(48, 64, 3)}
    assert {f.source for f in frames} == {"synthetic:64x48@1000"}


def test_the_seed_decides_the_pictures():
    first, again, other = (next(iter(Synthetic((64, 48), 30, seed=seed))).bgr for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_closing_ends_it_even_between_two_frames():
    source = open_synthetic("64x48@0.001")
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []
    assert source.live
