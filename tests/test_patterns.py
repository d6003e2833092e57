"""Patterns with any folders, against Python's ``glob`` where no folder is a link, and on loops of links."""

import glob
import os
from pathlib import Path

import pytest

from edge.patterns import matching

FILES = ["a.jpg", "one/b.jpg", "one/two/c.jpg", "one/two/d.txt", "o[n]e/e.jpg", ".hidden/f.jpg", "one/.g.jpg"]


@pytest.fixture
def tree(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "*.jpg",
        "*/*.jpg",
        "**/*.jpg",
        "**/two/*.jpg",
        "one/**/*.jpg",
        "o*/**/*.jpg",
        "**/**/*.jpg",
        "**/one/**/*.jpg",
        "one/**/two/**/*",
        "absent/**/*.jpg",
        "one/**/[cd].*",
    ],
)
@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_the_same_files_as_glob(tree, monkeypatch, pattern, absolute):
    monkeypatch.chdir(tree)
    text = str(tree / pattern) if absolute else pattern
    expected = {Path(path) for path in glob.glob(text, recursive=True)}
    found = matching(text)
    assert set(found) == expected
    assert len(found) == len(expected)


def test_any_folders_at_the_end_are_all_files_below(tree):
    found = {path.name for path in matching(str(tree / "**")) if path.is_file()}
    assert found == {"a.jpg", "b.jpg", "c.jpg", "d.txt", "e.jpg"}


def test_links_to_the_folder_itself_and_to_one_above_end(tree):
    for name in ("loop", "loop2", "one/up"):
        (tree / name).symlink_to(tree, target_is_directory=True)
    found = matching(str(tree / "**" / "*.jpg"))
    assert sorted(found) == [tree / "a.jpg", tree / "o[n]e/e.jpg", tree / "one/b.jpg", tree / "one/two/c.jpg"]


def test_a_link_to_a_folder_elsewhere_is_followed_once(tree):
    os.symlink(tree / "one" / "two", tree / "o[n]e" / "link")
    os.symlink(tree / "one" / "two", tree / "o[n]e" / "link2")
    assert len(matching(str(tree / "o[[]n[]]e" / "**" / "*.jpg"))) == 2


def test_a_file_and_links_to_it_are_one(tree):
    (tree / "0.jpg").symlink_to(tree / "a.jpg")
    found = matching(str(tree / "**" / "*.jpg"))
    assert tree / "a.jpg" in found
    assert tree / "0.jpg" not in found
