"""Passwords are named in addresses, and nobody is shown one."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.errors import FileError, InputError
from edge.secret import named, reveal, shown, without_secret


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


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://me:pa/s3cret@127.0.0.1/x", "rtsp://127.0.0.1/x"),
        ("rtsp://me:12#s3cret@host/x", "rtsp://host/x"),
        ("rtsp://me:12?s3cret@host/x", "rtsp://host/x"),
        ("rtsp://me:p@a/s3cret@host/x", "rtsp://host/x"),
        ("rtsp://corp/me:s3cret@host/x", "rtsp://host/x"),
        ("rtsp://me:s3cret@[::1/x", "rtsp://[::1/x"),
        ("rtsp//me:s3cret@host/x", "***@host/x"),
        ("rtsp:/me:s3cret@host/x", "***@host/x"),
        ("me:s3cret@rtsp://host/x", "***@rtsp://host/x"),
        ("http://host/a?usr=s3cret&pass1=s3cret&b=c", "http://host/a?usr=***&pass1=***&b=c"),
        ("http://host/a?api-key=s3cret;X-Plex-Token=s3cret", "http://host/a?api-key=***;X-Plex-Token=***"),
        ("http://host/a?a[pwd]=s3cret&a%5Bpassword%5D=s3cret", "http://host/a?a[pwd]=***&a%5Bpassword%5D=***"),
        ("http://host/a?username=s3cret#token=s3cret", "http://host/a?username=***#token=***"),
        ("http://host/a?size=2&keyframes=1", "http://host/a?size=2&keyframes=1"),
        ("rtsp://host/a?token=${file:/run/a@b}", "rtsp://host/a?token=***"),
        ("rtsp://[::1/x", "rtsp://[::1/x"),
        ("clips/a@b.mp4", "clips/a@b.mp4"),
    ],
)
def test_what_people_see(address, expected):
    assert shown(address) == expected
    assert "s3cret" not in named(address, lambda: "ONE")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://me:pa/s3cret@host/x", "rtsp://me:${ONE}@host/x"),
        ("rtsp//me:s3cret@host/x", "rtsp//me:${ONE}@host/x"),
        ("rtsp://me:${file:/run/a@b}@host/x?y=z", "rtsp://me:${file:/run/a@b}@host/x?y=z"),
        ("rtsp://host/a?token=${file:/run/a@b}", "rtsp://host/a?token=${file:/run/a@b}"),
        ("http://host/a?pass1=s3cret", "http://host/a?pass1=${ONE}"),
        ("rtsp://[::1/x", "rtsp://[::1/x"),
    ],
)
def test_a_variable_stands_in_the_place_of_a_password(address, expected):
    assert named(address, lambda: "ONE") == expected


@given(st.sampled_from(["rtsp", "http"]), st.sampled_from(["://", ":/", "//"]), st.text(), st.text())
def test_nothing_before_the_last_at_is_shown(scheme, sign, user, password):
    login = f"me{user}:{password}".replace("$", "")
    assume("://" not in login)
    assert shown(f"{scheme}{sign}{login}@host/x") == (f"{scheme}://host/x" if sign == "://" else "***@host/x")


@given(st.text() | st.text(":/@?#[]${}=&au", max_size=20))
def test_any_text_can_be_shown(text):
    assert isinstance(shown(text) + named(text, lambda: "ONE") + without_secret(text), str)
