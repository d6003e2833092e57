"""Devices on the command line and in an inventory."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.deploy.push.connection import Done
from edge.deploy.push.host import Host, chosen, distinct, inventory
from edge.errors import FileError, InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pi@raspberrypi.local", ("pi", "raspberrypi.local", None)),
        ("raspberrypi", (None, "raspberrypi", None)),
        ("pi@10.0.0.7:2222", ("pi", "10.0.0.7", 2222)),
        ("ssh://pi@kitchen:22", ("pi", "kitchen", 22)),
        ("pi@[fe80::1]:22", ("pi", "fe80::1", 22)),
    ],
)
def test_a_host_is_user_name_and_port(text, expected):
    host = Host.parse(text)
    assert (host.user, host.address, host.port) == expected


@pytest.mark.parametrize("text", ["", "a b", "pi@", "@host", "pi@host:0", "pi@host:99999", "-oProxyCommand=x", "a@b@c"])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=r"user@host|port"):
        Host.parse(text)


@pytest.mark.parametrize(
    ("app", "root"), [("Camera", "/x"), ("a b", "/x"), ("../x", "/x"), ("", "/x"), ("a", "relative")]
)
def test_names_and_folders_that_a_device_refuses_are_refused_here(app, root):
    with pytest.raises(InputError):
        Host("a", "a", app=app, root=Path(root))


def write(folder, text):
    path = folder / "fleet.toml"
    path.write_text(text)
    return path


def test_an_inventory(tmp_path):
    path = write(
        tmp_path,
        """
        [defaults]
        app = "door"
        root = "/srv/edge"

        [hosts.kitchen]
        to = "pi@kitchen.local"
        canary = true

        [hosts.hall]
        to = "hall"
        app = "hall"
        source = "rtsp://camera/1"
        """,
    )
    kitchen, hall = inventory(path)
    assert kitchen == Host("kitchen", "kitchen.local", "pi", None, Path("/srv/edge"), "door", None, True)
    assert (hall.name, hall.app, hall.source, hall.canary) == ("hall", "hall", "rtsp://camera/1", False)
    assert chosen([], path, ["hall"]) == [hall]
    assert [host.name for host in chosen(["pi@x"], path, [])] == ["pi@x", "kitchen", "hall"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("hosts = 3", "must have .hosts.NAME."),
        ("", "must have .hosts.NAME."),
        ("[hosts.a]\napp = 'x'", 'must have to = "user@host"'),
        ("[hosts.a]\nto = 'x'\ncolour = 1", "unknown key 'colour'"),
        ("[hosts.a]\nto = 3", "to must be a text in quotes, got 3"),
        ("[hosts.a]\nto = 'x'\ncanary = 'yes'", "canary must be true or false"),
        ("[hosts.a]\nto = 'a b'", "user@host"),
        ("[hosts.a]\nto = 'x'\nroot = 'here'", "absolute path"),
        ("[hosts.a]\nto = 'x'\n[hosts.b]\nto = 'x'", "b is the same device and application as a"),
        ("[hosts.a]\nto = \n", "line 2"),
        ("[hosts.a]\nto = 'x'\n[other]\nb = 1", "got other"),
        ("[hosts]\na = 'x'", "hosts.a must be a table"),
    ],
)
def test_an_inventory_of_another_form_is_refused_with_its_place(tmp_path, text, match):
    with pytest.raises(InputError, match=match):
        inventory(write(tmp_path, text))


def test_an_inventory_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        inventory(tmp_path / "none.toml")


def test_no_device_is_an_error(tmp_path):
    with pytest.raises(InputError, match="--to USER@HOST"):
        chosen([], None, [])
    with pytest.raises(InputError, match=r"unknown host 'kitch'.*did you mean 'kitchen'"):
        chosen([], write(tmp_path, "[hosts.kitchen]\nto = 'x'"), ["kitch"])


def test_names_without_an_inventory_are_refused():
    with pytest.raises(InputError, match="--only names devices of an inventory: give --inventory FILE"):
        chosen(["pi@x"], None, ["kitchen"])


def test_a_device_that_is_given_twice_is_refused():
    """Two deploys to one device at the same time would wait for each other."""
    one, other = Host.parse("pi@a"), Host.parse("pi@b")
    assert distinct([one, other, replace(one, name="again", app="door")])
    with pytest.raises(InputError, match="pi@a is the same device and application as pi@a; leave one out"):
        distinct([one, other, one])
    with pytest.raises(InputError, match="same device and application"):
        distinct([one, replace(one, name="kitchen")])


@pytest.mark.parametrize("root", ["/a b", "/a%h", "/a\n", '/a"', "/a$b", "/a\\b"])
def test_a_root_that_systemd_would_read_otherwise_is_refused(root):
    with pytest.raises(InputError, match="path of letters"):
        Host("a", "a", root=Path(root))


@pytest.mark.parametrize(
    ("out", "answer"),
    [
        ('Welcome\n42\n{"a": 1}\n', {"a": 1}),
        ('{"a": 1}\n\nbye\n7\n', {"a": 1}),
        ("[1]\n7\n", None),
        ("[" * 100_000, None),
        ("", None),
    ],
)
def test_an_answer_is_found_among_what_a_login_shell_prints(out, answer):
    assert Done(0, out, "").answer() == answer
