"""Recall and verification by hand, and against an exhaustive search for the threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.models.training.embedding.retrieval import best_threshold, recall_at_1, unit, verification


def on_circle(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_nearest_other_picture_decides():
    people = np.array([0, 0, 1, 1])
    assert recall_at_1(on_circle(0, 10, 90, 100), people) == 1.0
    assert recall_at_1(on_circle(0, 50, 60, 170), people) == 0.5  # 50 and 60 are next to each other
    # Lengths do not count.
    assert recall_at_1(on_circle(0, 10, 90, 100) * np.array([[1], [9], [0.1], [5]]), people) == 1.0


def test_somebody_with_one_picture_cannot_be_found():
    assert recall_at_1(on_circle(0, 1, 90), np.array([0, 0, 1])) == pytest.approx(2 / 3)


def test_a_vector_of_zeros_stays_one():
    np.testing.assert_array_equal(unit(np.zeros((1, 3), np.float32)), np.zeros((1, 3)))


def test_people_far_apart_are_told_apart():
    degrees = [base + off for base in (0, 90, 180) for off in (0, 4, 8, 12)]
    told = verification(on_circle(*degrees), np.repeat([0, 1, 2], 4))
    assert told.accuracy == 1.0
    assert np.cos(np.radians(78)) < told.threshold < np.cos(np.radians(12))


def test_vectors_that_say_nothing_are_right_half_of_the_time():
    vectors = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)
    told = verification(vectors, np.arange(120) % 12)
    assert told.accuracy == pytest.approx(0.5, abs=0.06)  # 1080 pairs: three standard deviations are 0.046


def test_without_both_kinds_of_pairs_there_is_nothing_to_tell():
    assert verification(on_circle(0, 90), np.array([0, 1])).accuracy == 0.0
    assert verification(on_circle(0, 90), np.array([0, 0])).accuracy == 0.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=12))
def test_no_other_threshold_is_better(pairs):
    cosines = np.array([value / 4 for value, _ in pairs], np.float32)
    same = np.array([kind for _, kind in pairs])

    def right(threshold):
        return int(np.sum((cosines >= threshold) == same))

    candidates = [*(cosines - 0.01), 2.0]
    # Equal cosines cannot be told apart by a threshold, so the search ends at one of its own.
    if len(set(cosines.tolist())) == len(cosines):
        assert right(best_threshold(cosines, same)) == max(map(right, candidates))
