import numpy as np
import pytest

from edge.calibration.sampling import choose_samples
from edge.errors import InputError


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        pytest.param([10, 10, 10], 9, [3, 3, 3], id="even"),
        pytest.param([10, 10, 10], 10, [4, 3, 3], id="one left over"),
        pytest.param([2, 10, 10], 12, [2, 5, 5], id="a small class gives all it has"),
        pytest.param([1, 1, 40], 12, [1, 1, 10], id="the rest comes from the large one"),
        pytest.param([3, 3], 6, [3, 3], id="all"),
        pytest.param([3, 3], 100, [3, 3], id="fewer than asked for"),
        pytest.param([40], 7, [7], id="no labels: one class"),
    ],
)
def test_classes_are_taken_as_evenly_as_they_allow(sizes, count, expected):
    classes = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = choose_samples(classes, count)
    assert len(set(rows)) == len(rows) == sum(expected)
    assert (np.diff(rows) > 0).all()
    assert sorted(np.bincount(classes[rows], minlength=len(sizes))) == sorted(expected)


def test_the_seed_decides_the_choice():
    classes = np.arange(100) % 4
    np.testing.assert_array_equal(choose_samples(classes, 12, seed=1), choose_samples(classes, 12, seed=1))
    assert choose_samples(classes, 12, seed=1).tolist() != choose_samples(classes, 12, seed=2).tolist()


def test_every_image_can_be_chosen():
    seen = {int(row) for seed in range(60) for row in choose_samples(np.zeros(10, np.int64), 3, seed)}
    assert seen == set(range(10))


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_to_choose_is_refused(count):
    with pytest.raises(InputError, match=f"at least 1, got {count}"):
        choose_samples(np.zeros(4, np.int64), count)


def test_no_images_give_no_rows():
    assert len(choose_samples(np.zeros(0, np.int64), 5)) == 0
