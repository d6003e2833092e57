"""Passwords are named in addresses, and nobody is shown one."""

import pytest

from edge.errors import FileError, InputError
from edge.secret import reveal, without_secret


def test_a_variable_of_the_environment(monkeypatch):
    monkeypatch.setenv("CAMERA_PASSWORD", "p@ss/word")
    assert reveal("${CAMERA_PASSWORD}") == "p@ss/word"
    assert reveal("rtsp://me:${CAMERA_PASSWORD}@host/a", quoted=True) == "rtsp://me:p%40ss%2Fword@host/a"


def test_a_file_without_its_line_end(tmp_path):
    (tmp_path / "secret").write_text("word\n")
    assert reveal(f"x${{file:{tmp_path}/secret}}y") == "xwordy"


def test_other_text_stays():
    assert reveal("$HOME and {x} and $") == "$HOME and {x} and $"


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="NO_SUCH_PASSWORD"):
        reveal("${NO_SUCH_PASSWORD}")
    with pytest.raises(FileError, match="/no/such"):
        reveal("${file:/no/such}")


def test_a_value_is_not_filled_in_again(monkeypatch):
    monkeypatch.setenv("ONE", "${TWO}")
    monkeypatch.setenv("TWO", "secret")
    assert reveal("${ONE}") == "${TWO}"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@host:554/a?b=c", "rtsp://host:554/a?b=c"),
        ("mqtt://host", "mqtt://host"),
        ("http://me:p@ss@host/", "http://host/"),
    ],
)
def test_names_have_no_user_and_password(address, shown):
    assert without_secret(address) == shown
