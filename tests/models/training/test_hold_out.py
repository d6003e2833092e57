"""Training samples that are set apart: both parts together are all samples, and neither is empty."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.models.training.hold_out import hold_out_rows


@pytest.mark.parametrize(
    ("count", "fraction", "apart"),
    [
        pytest.param(8, 0.25, 2, id="a quarter"),
        pytest.param(8, 0.01, 1, id="at least one is set apart"),
        pytest.param(3, 0.99, 2, id="at least one is kept"),
    ],
)
def test_the_parts_are_all_samples(count, fraction, apart):
    kept, held = hold_out_rows(count, fraction, seed=1)
    assert len(held) == apart
    assert sorted([*kept, *held]) == list(range(count))
    assert np.array_equal(kept, np.sort(kept))
    assert np.array_equal(held, np.sort(held))


def test_the_seed_decides_the_choice():
    choices = [hold_out_rows(50, 0.2, seed)[1].tolist() for seed in (1, 1, 2)]
    assert choices[0] == choices[1] != choices[2]


def test_a_single_sample_cannot_be_divided():
    with pytest.raises(InputError, match="holding clips out needs at least 2 training clips, got 1"):
        hold_out_rows(1, 0.5, 1, "clip")
