import sys
from importlib.metadata import EntryPoint

import pytest

from edge import registry
from edge.errors import InputError, MissingExtra
from edge.registry import Entry

TABLE = {
    "here": Entry("collections:OrderedDict", "a class of the standard library"),
    "absent": Entry("no.such.module:Thing", "needs what no one has", "onnx", ("no_such_module", "nor_this")),
    "base": Entry("no.such.module:Thing", "a part of the base that is broken", None, ("no_such_module",)),
}


@pytest.fixture
def plugins(monkeypatch):
    """Install two plug-ins of kind "thing", one of which has a name that the table already holds."""
    points = [
        EntryPoint("extra", "collections:Counter", "edge.things"),
        EntryPoint("here", "collections:Counter", "edge.things"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if group == "edge.things" else [])


def test_load_imports_what_the_row_names():
    from collections import OrderedDict

    assert registry.load("thing", TABLE, "here") is OrderedDict


def test_reading_a_table_imports_nothing():
    before = set(sys.modules)
    assert TABLE["absent"].missing() == ["no_such_module", "nor_this"]
    assert set(sys.modules) == before


def test_a_missing_dependency_names_the_extra():
    with pytest.raises(MissingExtra) as caught:
        registry.load("thing", TABLE, "absent")
    assert str(caught.value) == (
        "thing 'absent' needs no_such_module, nor_this, not installed here: pip install 'edgekit[onnx]'"
    )


def test_a_missing_part_of_the_base_names_the_distribution():
    with pytest.raises(MissingExtra, match=r"pip install edgekit$"):
        registry.load("thing", TABLE, "base")


def test_unknown_names_are_refused(plugins):
    with pytest.raises(InputError, match=r"did you mean 'here'.*known: absent, base, extra, here"):
        registry.load("thing", TABLE, "heer")


def test_plugins_extend_the_table_and_never_replace_it(plugins):
    from collections import Counter, OrderedDict

    assert registry.names("thing", TABLE) == ["here", "absent", "base", "extra"]
    assert registry.load("thing", TABLE, "extra") is Counter
    assert registry.load("thing", TABLE, "here") is OrderedDict


def test_plugins_of_another_kind_do_not_count(plugins):
    assert registry.names("other", TABLE) == list(TABLE)
