"""Names of what a network takes and gives, from dictionaries, lists and layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.deploy.conversion import naming


@pytest.mark.parametrize(
    ("structure", "layers", "names"),
    [
        pytest.param("x", [], ["output"], id="one"),
        pytest.param("x", ["scores"], ["scores"], id="one of a layer"),
        pytest.param(["x", "y"], [], ["output_0", "output_1"], id="a list"),
        pytest.param(("x", "y"), ["head", "head"], ["head", "head_1"], id="one layer twice"),
        pytest.param({"b": "x", "a": "y"}, ["u", "v"], ["a", "b"], id="a dictionary, sorted"),
        pytest.param({"a": {"c": "x", "b": ["y", "z"]}}, [], ["a/b/0", "a/b/1", "a/c"], id="nested"),
        pytest.param(["x", None, "y"], [], ["output_0", "output_2"], id="nothing in between"),
    ],
)
def test_names(structure, layers, names):
    assert naming.output_names(structure, layers) == names


def test_names_that_are_taken_get_a_number():
    assert naming.unique(["a", "a_1", "a", "a"]) == ["a", "a_1", "a_2", "a_3"]


NESTED = st.recursive(
    st.integers(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.sampled_from("abc"), parts, max_size=3),
    max_leaves=8,
)


@given(NESTED)
def test_leaves_go_back_where_they_came_from(structure):
    leaves = [leaf for _, leaf in naming.flat(structure)]
    assert naming.filled(structure, iter(leaves), int) == structure
    assert len(set(naming.output_names(structure))) == len(leaves)


@given(st.text(min_size=1, max_size=20))
def test_an_operation_s_name_is_one_that_tensorflow_takes(name):
    import re

    # tensorflow/python/framework/ops.py, VALID_OP_NAME_REGEX
    assert re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", naming.operation_name(name))
