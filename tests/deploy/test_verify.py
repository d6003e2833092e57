"""The gate's numbers, worked out by hand on four samples of three classes."""

import json

import numpy as np
import pytest

from edge.deploy.verify import EXACT, Budget, Comparison, compare, gate
from edge.errors import GateFailed, InputError

EXPECTED = np.array([[3, 0, 0], [0, 2, 0], [0, 0, 2], [1, 0, 0]], np.float32)
GOT = np.array([[3, 0, 0], [0, 2, 0], [0, 1, 0], [1, 0, 0]], np.float32)
CLASSES = np.array([0, 1, 2, 1])


def test_the_numbers():
    found = compare("int8.tflite", GOT, "the model", EXPECTED, CLASSES)
    assert found.samples == 4
    assert found.agreement == 75.0
    assert found.max_error == 2.0
    # signal 9 + 4 + 4 + 1, noise 1 + 4
    assert found.snr == pytest.approx(10 * np.log10(18 / 5))
    assert found.accuracy == 50.0
    assert found.reference_accuracy == 75.0


def test_without_labels_there_is_no_accuracy():
    found = compare("a", GOT, "b", EXPECTED)
    assert (found.accuracy, found.reference_accuracy) == (None, None)
    assert found.complaint(Budget(agreement=75, drop=0)) is None


def test_equal_outputs_have_no_noise():
    found = compare("a", EXPECTED, "b", EXPECTED.copy(), CLASSES)
    assert (found.agreement, found.max_error, found.snr) == (100.0, 0.0, float("inf"))
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["snr"] is None


def row(agreement=100.0, accuracy=None, reference=None):
    return Comparison("int8.tflite", "the model", 200, agreement, 0.1, 30.0, accuracy, reference)


@pytest.mark.parametrize(
    ("comparison", "budget", "words"),
    [
        pytest.param(row(98.0), Budget(98, 0.5), None, id="exactly the agreement"),
        pytest.param(
            row(97.5),
            Budget(98, 0.5),
            "int8.tflite agrees with the model on 97.50 % of 200 samples, at least 98 % needed",
            id="too little agreement",
        ),
        pytest.param(row(100, 89.5, 90.0), Budget(98, 0.5), None, id="exactly the drop"),
        pytest.param(
            row(100, 89.0, 90.0),
            Budget(98, 0.5),
            "int8.tflite loses 1.00 points of accuracy, at most 0.5 allowed",
            id="too much lost",
        ),
        pytest.param(row(100, 91.0, 90.0), Budget(98, 0.0), None, id="a gain is no loss"),
        pytest.param(row(99.5, 90.0, 90.0), EXACT, "at least 99.9 % needed", id="float32 has to be the same"),
    ],
)
def test_the_budget(comparison, budget, words):
    complaint = comparison.complaint(budget)
    assert complaint is None if words is None else words in complaint


def test_the_gate_names_every_complaint():
    rows = [row(10.0), row(100.0), row(100, 50.0, 90.0)]
    with pytest.raises(GateFailed, match=r"10\.00 % of 200 .*; .* loses 40\.00 points") as caught:
        gate(rows, [Budget(98, 0.5)] * 3)
    assert caught.value.exit_code == 1
    gate(rows[1:2], [Budget(98, 0.5)])


@pytest.mark.parametrize(
    ("got", "words"),
    [
        pytest.param(GOT[:, :2], r"must have outputs of shape \(4, 3\) as the model has, got \(4, 2\)", id="classes"),
        pytest.param(GOT[:3], "must have outputs of shape", id="samples"),
        pytest.param(np.where(GOT == 3, np.nan, GOT), "not finite", id="not a number"),
        pytest.param(np.where(GOT == 3, np.inf, GOT), "not finite", id="infinite"),
    ],
)
def test_outputs_that_cannot_be_compared_fail_the_gate(got, words):
    with pytest.raises(GateFailed, match=words):
        compare("a", got, "the model", EXPECTED)


def test_no_sample_is_bad_input():
    with pytest.raises(InputError, match="at least one sample"):
        compare("a", GOT[:0], "b", EXPECTED[:0])


@pytest.mark.parametrize("agreement", [-1, 101, float("nan")])
def test_an_agreement_is_a_percentage(agreement):
    with pytest.raises(InputError, match="0 to 100 percent"):
        Budget(agreement, 0.5)


def test_a_drop_is_a_number():
    with pytest.raises(InputError, match="must be a number, got nan"):
        Budget(98, float("nan"))
