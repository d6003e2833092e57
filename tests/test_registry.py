import subprocess
import sys
import zipfile

import pytest

from edge import registry
from edge.errors import InputError, MissingExtra
from edge.registry import Entry
from tests import plugins

TABLE = {
    "here": Entry("collections:OrderedDict", "a class of the standard library"),
    "absent": Entry("no.such.module:Thing", "needs what no one has", "onnx", ("no_such_module", "nor_this")),
    "base": Entry("no.such.module:Thing", "a part of the base that is broken", None, ("no_such_module",)),
}


POINTS = {"extra": "collections:Counter", "here": "collections:Counter"}
"""Two plug-ins of kind "thing", one of which has a name that the table already holds."""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    plugins.install(tmp_path, monkeypatch, "edge.things", POINTS)


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


def test_unknown_names_are_refused(installed):
    with pytest.raises(InputError, match=r"did you mean 'here'.*known: absent, base, extra, here"):
        registry.load("thing", TABLE, "heer")


def test_plugins_extend_the_table_and_never_replace_it(installed):
    from collections import Counter, OrderedDict

    assert registry.names("thing", TABLE) == ["here", "absent", "base", "extra"]
    assert registry.load("thing", TABLE, "extra") is Counter
    assert registry.load("thing", TABLE, "here") is OrderedDict


def test_plugins_of_another_kind_do_not_count(installed):
    assert registry.names("other", TABLE) == list(TABLE)


def test_plugins_in_an_archive_are_found(tmp_path, monkeypatch):
    plugins.install(tmp_path / "folder", monkeypatch, "edge.things", POINTS)
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        for file in (tmp_path / "folder").rglob("*"):
            archive.write(file, file.relative_to(tmp_path / "folder"))
    monkeypatch.setattr(sys, "path", [*sys.path[:-1], str(tmp_path / "theirs.zip")])
    assert registry.names("thing", TABLE)[-1] == "extra"


def test_without_plugins_nothing_is_looked_up():
    code = "import sys; from edge import decoders; decoders.names(); print('importlib.metadata' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown == "False\n"
