"""Parameters that nobody reads are refused; what was read is remembered, also when a decoder read it."""

from dataclasses import replace

import pytest

from edge.errors import InputError
from edge.signature import TaskSpec
from edge.tasks.parameters import Parameters, one_or_each, pairs, texts
from tests.tasks.networks import signature


def given(**parameters):
    return Parameters(signature("detect", [("y", "scores", (1, 3))], **parameters))


def test_what_was_read_is_known():
    stated = given(top=3, names=["a"])
    assert stated.get("top") == 3
    assert "names" in stated
    stated.finish()


def test_what_nobody_read_is_refused_with_what_is_known():
    stated = given(tpo=3)
    stated.get("top", 1)
    stated.get("threshold", 0)
    with pytest.raises(InputError, match=r"unknown parameter of task detect .tpo.: .* known: threshold, top"):
        stated.finish()


def test_what_a_decoder_reads_is_known_too():
    network = signature("detect", [("y", "scores", (1, 3))], anchors=[1])
    stated = Parameters(network)
    assert stated.within(network).task.parameters["anchors"] == [1]
    stated.finish()


def test_copying_them_does_not_count_as_reading():
    network = signature("detect", [("y", "scores", (1, 3))], a=1)
    stated = Parameters(network)
    assert dict(replace(network, task=TaskSpec("x", None, stated)).task.parameters.items()) == {"a": 1}
    with pytest.raises(InputError, match="'a'"):
        given(a=1).finish()


def test_texts():
    assert texts(given(names=["a", "b"]), "names", 2) == ("a", "b")
    assert texts(given(), "names", 2) is None
    assert texts(given(units=["", "C"]), "units", 2, empty=True) == ("", "C")


@pytest.mark.parametrize("value", ["ab", ["a"], ["a", 1], ["a", ""], {"a": 1}])
def test_what_are_no_texts(value):
    with pytest.raises(InputError, match="parameter names must be a list of 2 texts, got"):
        texts(given(names=value), "names", 2)


def test_one_number_for_all_or_one_for_each():
    assert one_or_each(given(scale=2), "scale", (1.0,), 3) == [2.0]
    assert one_or_each(given(scale=[1, 2, 3]), "scale", (1.0,), 3) == [1.0, 2.0, 3.0]
    assert one_or_each(given(), "scale", (1.0,), 3) == [1.0]


def test_pairs():
    assert pairs(given(edges=[[0, 2], (1, 0)]), "edges", 3) == ((0, 2), (1, 0))
    assert pairs(given(edges=[]), "edges", 3) == ()
    assert pairs(given(), "edges", 3) is None


@pytest.mark.parametrize("value", [[[0, 3]], [[0]], [0, 1], "01", [[0, True]], [[-1, 0]], [[0.0, 1]]])
def test_what_are_no_pairs(value):
    with pytest.raises(InputError, match="parameter edges must be pairs of whole numbers from 0 to 2"):
        pairs(given(edges=value), "edges", 3)
