import socket

import pytest

from edge.errors import InputError
from edge.preview.address import Address, Hosts, listen, parse


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "127.0.0.1", 8080),
        ("9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("0.0.0.0", "0.0.0.0", 8080),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("camera.local:81", "camera.local", 81),
        ("[::1]:82", "::1", 82),
        ("[::]", "::", 8080),
    ],
)
def test_an_address_is_a_host_and_a_port(text, host, port):
    assert parse(text) == Address(host, port)


@pytest.mark.parametrize("text", ["http://x", "a b", "::1", "x:", "x:70000", "x:1:2", "x/y", "[::1", "user@x", "x:-1"])
def test_what_is_no_address_is_one_line(text):
    with pytest.raises(InputError, match="must be HOST:PORT"):
        parse(text)


@pytest.mark.parametrize(
    ("host", "loopback", "wildcard"),
    [
        ("127.0.0.1", True, False),
        ("127.8.8.8", True, False),
        ("::1", True, False),
        ("localhost", True, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("192.168.1.2", False, False),
        ("camera.local", False, False),
    ],
)
def test_who_reaches_an_address(host, loopback, wildcard):
    assert (Address(host).is_loopback, Address(host).is_any) == (loopback, wildcard)


@pytest.mark.parametrize(
    ("bound", "names", "header", "allowed"),
    [
        ("127.0.0.1", (), "127.0.0.1:8080", True),
        ("127.0.0.1", (), "localhost:8080", True),
        ("127.0.0.1", (), "LOCALHOST", True),
        ("127.0.0.1", (), "[::1]:8080", True),
        ("127.0.0.1", (), "evil.example:8080", False),  # rebinding
        ("127.0.0.1", (), "127.0.0.1.evil.example", False),
        ("127.0.0.1", (), "192.168.1.2", False),  # not what it is bound to
        ("127.0.0.1", (), "", False),
        ("127.0.0.1", (), ":8080", False),
        ("127.0.0.1", (), "localhost:8080, evil.example", False),
        ("127.0.0.1", (), "localhost@evil.example", False),
        ("127.0.0.1", ("cam.example.org",), "cam.example.org", True),  # behind a proxy
        ("127.0.0.1", ("cam.example.org",), "cam.example.org.", True),
        ("127.0.0.1", ("cam.example.org",), "x.cam.example.org", False),
        ("0.0.0.0", (), "192.168.1.2:8080", True),  # an IP address cannot be rebound
        ("0.0.0.0", (), "[fe80::1]:8080", True),
        ("0.0.0.0", (), "raspberrypi.local:8080", False),
        ("0.0.0.0", ("raspberrypi.local",), "raspberrypi.local:8080", True),
        ("192.168.1.2", (), "192.168.1.2:8080", True),
        ("192.168.1.2", (), "192.168.1.3:8080", False),
        ("camera.local", (), "camera.local:8080", True),
    ],
)
def test_which_hosts_are_answered(bound, names, header, allowed):
    assert Hosts(Address(bound), names).allows(header) is allowed


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(InputError, match="cannot listen on 127"):
        listen(Address("127.0.0.1", other.getsockname()[1]))
