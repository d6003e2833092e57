"""Whether a file can be made is found out without touching anyone's files."""

import pytest

from edge.errors import FileError
from edge.sinks.target import check_writable


def test_nothing_is_made_and_nothing_changed(tmp_path):
    names = ("out.jsonl", "out.jsonl.probe", ".out.jsonl.probe")
    for name in names:
        (tmp_path / name).write_text(name)
    check_writable(tmp_path / "out.jsonl")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {name: name for name in names}


def test_folders_on_the_way_are_made(tmp_path):
    check_writable(tmp_path / "a" / "b" / "out.jsonl")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("folder", "it is a folder"), ("file/out.jsonl", "cannot write"), ("x" * 300, "File name too long")],
)
def test_what_cannot_be_written_is_one_line(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=words):
        check_writable(tmp_path / name)
