"""Measured quantities: names, units, scale, and errors against values worked out by hand."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.results import Result
from edge.tasks.regress import Regress, determination
from tests.tasks.networks import outputs, quantized, signature


def network(rows=(("y", (1, 2)),), **parameters):
    return Regress(signature("regress", [(name, "value", shape) for name, shape in rows], **parameters))


def test_names_units_and_scale():
    task = network(names=["temperature", "humidity"], units=["C", ""], scale=[10, 100], offset=[-5, 0])
    found = task.decode(outputs(y=[[2.5, 0.5]]))
    assert found.values == {"temperature": 20.0, "humidity": 50.0}
    assert found.units == {"temperature": "C"}
    assert Regress.line(found) == "temperature 20 C | humidity 50"


def test_one_scale_for_all_and_quantized_values():
    # 0.5 * (12 - 2) = 5, 0.5 * (2 - 2) = 0; doubled
    assert network(scale=2).decode(quantized("y", [[12, 2]], "uint8", 0.5, 2)).values == {"y 0": 10.0, "y 1": 0.0}


def test_several_outputs_are_several_quantities():
    task = network((("speed", (1, 1)), ("pose", (1, 3))))
    found = task.decode(outputs(speed=[[7]], pose=[[1, 2, 3]]))
    assert found.values == {"speed": 7.0, "pose 0": 1.0, "pose 1": 2.0, "pose 2": 3.0}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"names": ["a"]}, "parameter names must be a list of 2 texts, got"),
        ({"names": ["a", "a"]}, "parameter names of task regress must be different ones, got a, a"),
        ({"units": ["C"]}, "parameter units must be a list of 2 texts"),
        ({"scale": [1, 2, 3]}, "parameter scale must be one number or 2, got"),
        ({"scale": float("nan")}, "parameter scale must be .*numbers"),
        ({"unit": "C"}, "unknown parameter of task regress 'unit': did you mean 'units'"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(InputError, match=message):
        network(**parameters)


def test_an_output_of_another_role_is_refused():
    with pytest.raises(InputError, match="task regress needs one output with the role value, got 0: y"):
        Regress(signature("regress", [("y", "tensor", (1, 2))]))


def test_a_value_that_is_no_number_is_null():
    assert Regress.as_json(Result("regress", values={"a": float("inf"), "b": 1 / 3})) == {
        "values": {"a": None, "b": 0.333333},
        "units": {},
    }


def test_determination_by_hand():
    true = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    predicted = np.array([[1.0, 9.0], [2.0, 9.0], [4.0, 9.0]])
    # first quantity: 1 - 1 / 2; the second does not vary and counts nowhere
    assert determination(true, predicted) == 0.5
    assert determination(true[:, :1], true[:, :1]) == 1.0
    assert np.isnan(determination(true[:, 1:], predicted[:, 1:]))


def test_figures_by_hand():
    comparer = network((("y", (1, 1)),), units=["mm"], scale=10).comparer()
    for reference, candidate, true in ((1.0, 1.1, 10.0), (2.0, 2.0, 20.0), (3.0, 3.1, 30.0)):
        comparer.add(outputs(y=[[reference]]), outputs(y=[[candidate]]), None, true)
    figures = comparer.figures()
    assert figures.agreement == figures.snr == pytest.approx(10 * np.log10(14 / 0.02), abs=1e-3)
    assert (figures.quality_name, figures.reference_quality) == ("R2", 100.0)
    assert figures.quality == pytest.approx(99.0, abs=1e-3)  # 1 - 2 / 200
    assert figures.details["mean difference of y, mm"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures.details["mean absolute error of y, mm"] == pytest.approx(2 / 3, abs=1e-4)


def test_one_sample_has_errors_but_no_determination():
    comparer = network().comparer()
    comparer.add(outputs(y=[[1, 2]]), outputs(y=[[1, 4]]), None, [0, 2])
    figures = comparer.figures()
    assert figures.quality is None
    assert figures.details["mean absolute error of y 1"] == 2.0


def test_a_truth_of_another_length_is_refused():
    with pytest.raises(InputError, match="the truth must have 2 numbers, y 0, y 1; got 1"):
        network().comparer().add(outputs(y=[[1, 2]]), outputs(y=[[1, 2]]), None, 3.0)
