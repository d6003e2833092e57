"""The gate's judgement, on figures written out by hand."""

import math

import pytest

from edge.deploy.verify import Comparison, Limits, check, gate, of_twins
from edge.errors import GateFailed, InputError
from edge.tasks.base import Budget, Figures


def row(agreement=100.0, quality=None, reference=None, snr=30.0, unit="%", measure="top-1", discrete=False):
    name = None if quality is None else "accuracy"
    figures = Figures(200, measure, agreement, unit, 0.1, snr, name, quality, reference, discrete)
    return Comparison("int8.tflite", "the model", figures)


def held(agreement=98.0, drop=0.5, exact=False):
    return Limits(Budget(agreement, drop), exact)


@pytest.mark.parametrize(
    ("comparison", "limits", "words"),
    [
        pytest.param(row(98.0), held(98), None, id="exactly the agreement"),
        pytest.param(
            row(97.5),
            held(98),
            "int8.tflite agrees with the model by top-1: 97.50 % of 200 samples, at least 98.00 % needed",
            id="too little agreement",
        ),
        pytest.param(
            row(19.5, unit="dB", measure="signal-to-noise"),
            held(20),
            "by signal-to-noise: 19.5 dB of 200 samples, at least 20 dB needed",
            id="too little in dB",
        ),
        pytest.param(row(0.98, unit="", measure="mean cosine"), held(0.99), "0.98 of 200 samples", id="no unit"),
        pytest.param(row(100, 89.5, 90.0), held(98, 0.5), None, id="exactly the drop"),
        pytest.param(
            row(100, 89.0, 90.0),
            held(98, 0.5),
            "int8.tflite loses 1.00 points of accuracy, at most 0.5 allowed",
            id="too much lost",
        ),
        pytest.param(row(100, 91.0, 90.0), held(98, 0.0), None, id="a gain is no loss"),
        pytest.param(row(99.5, snr=79.0), held(exact=True), "at least 80 dB of signal-to-noise", id="float32 differs"),
        pytest.param(row(99.5, snr=80.0), held(exact=True), None, id="float32, other in the last digits"),
        pytest.param(row(100, snr=63.0), held(exact=True), "it has 63.0 dB", id="float32, a pixel short"),
        pytest.param(row(99.9, snr=60.0, discrete=True), held(exact=True), None, id="float32, the same class numbers"),
        pytest.param(row(97.9984), held(98), "97.9984 % of 200 samples, at least 98.00 %", id="a hair too little"),
        pytest.param(
            row(97.5, 90.1, 90.0), held(98), "needed (accuracy 90.10, of the model 90.00)", id="other and as good"
        ),
        pytest.param(row(99.9, snr=60.0, unit="dB"), held(exact=True), "80 dB", id="float32, decibels are no answers"),
        pytest.param(row(math.inf, snr=math.inf, unit="dB"), held(exact=True), None, id="float32, equal"),
        pytest.param(row(100, 89.8, 90.0, 90), held(exact=True), "loses 0.20 points", id="float32 loses"),
    ],
)
def test_the_complaint(comparison, limits, words):
    complaint = comparison.complaint(limits)
    assert complaint is None if words is None else words in complaint


def test_the_gate_names_every_complaint():
    rows = [row(10.0), row(100.0), row(100, 50.0, 90.0)]
    with pytest.raises(GateFailed, match=r"10\.00 % of 200 .*; .* loses 40\.00 points") as caught:
        gate(rows, [held()] * 3)
    assert caught.value.exit_code == 1
    gate(rows[1:2], [held()])


def test_the_record_has_both_names_and_every_figure():
    found = row(98.5, 80.0, 81.0, math.inf).as_json()
    assert (found["candidate"], found["reference"]) == ("int8.tflite", "the model")
    assert (found["measure"], found["agreement"], found["unit"]) == ("top-1", 98.5, "%")
    assert (found["quality"], found["reference_quality"], found["snr"]) == (80.0, 81.0, None)


@pytest.mark.parametrize(
    ("budget", "unit", "agreement"),
    [
        pytest.param(98.0, "%", 99.5, id="two percent may differ, then half a percent"),
        pytest.param(0.99, "", 0.9975, id="a cosine"),
        pytest.param(20.0, "dB", 20 + 6.0206, id="a quarter of the noise"),
    ],
)
def test_twins_may_differ_by_a_quarter(budget, unit, agreement):
    found = of_twins(Budget(budget, 1.0), unit)
    assert (found.agreement, found.drop) == (pytest.approx(agreement, abs=1e-4), 1.0)


@pytest.mark.parametrize("agreement", [-1, 101, float("nan")])
def test_an_agreement_is_within_the_scale(agreement):
    with pytest.raises(InputError, match="0 to 100"):
        check(Budget(agreement, 0.5))


def test_a_drop_is_a_number():
    with pytest.raises(InputError, match="must be a number, got nan"):
        check(Budget(98, float("nan")))
