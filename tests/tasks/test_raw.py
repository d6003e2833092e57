"""Outputs as they are: what is handed on, how it is described, what the comparison counts."""

import numpy as np
import pytest

from edge.errors import GateFailed, InputError
from edge.results import Result
from edge.tasks.raw import Raw
from tests.tasks.networks import outputs, quantized, signature


def network(*names, **parameters):
    return Raw(signature("raw", [(name, "tensor", (1, 2)) for name in names or ("y",)], **parameters))


def test_quantized_outputs_become_real_and_others_stay():
    given = quantized("a", [[0, 10]], "int8", 0.5, 4) | outputs(b=np.array([[2**53 + 1, 7]], np.int64))
    found = network("a", "b").decode(given).tensors
    np.testing.assert_array_equal(found["a"], np.array([[-2, 3]], np.float32))  # 0.5 * (0 - 4), 0.5 * (10 - 4)
    assert found["b"].tolist() == [[2**53 + 1, 7]]  # float32 does not hold it


def test_an_output_that_the_signature_does_not_name_is_left_out():
    assert list(network("a").decode(outputs(a=[[1, 2]], b=[[3, 4]])).tensors) == ["a"]


def test_it_has_no_parameters():
    with pytest.raises(InputError, match="unknown parameter of task raw 'top': known: none"):
        network(top=3)


def test_values_in_json_and_of_long_ones_their_statistics():
    short, long = np.array([[1.5, np.nan]], np.float32), np.arange(300, dtype=np.int32)
    assert Raw.as_json(Result("raw", tensors={"a": short, "b": long, "c": np.zeros((0, 4))}))["tensors"] == {
        "a": {"shape": [1, 2], "dtype": "float32", "values": [1.5, None]},
        "b": {"shape": [300], "dtype": "int32", "min": 0, "max": 299, "mean": 149.5, "std": 86.6021},
        "c": {"shape": [0, 4], "dtype": "float64", "values": []},
    }


def test_a_long_output_that_is_not_finite_has_null_statistics():
    values = np.full(300, np.inf, np.float32)
    assert Raw.as_json(Result("raw", tensors={"a": values}))["tensors"]["a"]["mean"] is None


def test_what_a_person_reads():
    found = {"one": np.array([[3.5]]), "many": np.array([[1.0, -2.0]]), "none": np.zeros((1, 0))}
    assert Raw.line(Result("raw", tensors=found)) == "one 3.5 | many 1x2 -2 to 1 | none 1x0 empty"


def test_the_worst_output_is_the_agreement():
    comparer = network("a", "b").comparer()
    comparer.add(outputs(a=[[3, 4]], b=[[100, 0]]), outputs(a=[[3, 4.5]], b=[[100, 1]]), None, None)
    figures = comparer.figures()
    # a: 25 / 0.25 = 20 dB; b: 10,000 / 1 = 40 dB; both: 10,025 / 1.25 = 39.04 dB
    assert (figures.agreement, figures.unit) == (20.0, "dB")
    assert figures.snr == pytest.approx(39.0417, abs=1e-4)
    assert figures.max_error == 1.0
    assert figures.quality is None


def test_a_signal_of_zeros_has_no_agreement_with_anything_else():
    comparer = network().comparer()
    comparer.add(outputs(y=[[0, 0]]), outputs(y=[[0, 0.1]]), None, None)
    assert comparer.figures().agreement == -np.inf


def test_whole_numbers_count_where_there_is_nothing_else():
    comparer = network().comparer()
    comparer.add(outputs(y=np.array([[10, 0]])), outputs(y=np.array([[9, 0]])), None, None)
    assert comparer.figures().agreement == 20.0


def test_an_output_of_another_shape_fails_the_gate():
    with pytest.raises(GateFailed, match=r"output 'y' must have the shape \(1, 2\) of the reference, got \(1, 3\)"):
        network().comparer().add(outputs(y=[[1, 2]]), outputs(y=[[1, 2, 3]]), None, None)


def test_a_comparison_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one sample"):
        network().comparer().figures()
