"""An RTSP server that redirects gets no password of a client into another server's hands."""

import base64
import hashlib
import re
import socket

import pytest

from edge.errors import FileError
from edge.sources import rtsp_redirects
from edge.sources.options import SourceOptions
from edge.sources.stream import open_stream
from tests.sources.rtsp_camera import RtspCamera

OK, ASKS = "RTSP/1.0 200 OK", ["RTSP/1.0 401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"']
DIGEST = ["RTSP/1.0 401 Unauthorized", 'WWW-Authenticate: Digest realm="camera", nonce="n0"']
BASIC = "Authorization: Basic " + base64.b64encode(b"me:s3cret").decode()
TIMEOUT = 5.0


def moved_to(address):
    return ["RTSP/1.0 302 Moved Temporarily", f"Location: {address}"]


def asks(method, path, head):
    return ASKS


def has_login(head):
    return any(line.startswith("Authorization") for line in head)


def at_once(to):
    return lambda method, path, head: moved_to(to)


def at_describe(to):
    return lambda method, path, head: [OK] if method == "OPTIONS" else moved_to(to)


def after_the_password(to):
    return lambda method, path, head: moved_to(to) if BASIC in head else ASKS


@pytest.mark.parametrize("reader", ["av", "opencv"])
@pytest.mark.parametrize("when", [at_once, at_describe, after_the_password])
def test_another_server_never_gets_the_password(when, reader):
    if reader == "av":
        pytest.importorskip("av", reason="needs PyAV: pip install 'edgekit[rtsp]'")
    lines = []
    with RtspCamera(asks) as other, RtspCamera(when(other.address("localhost"))) as camera:
        options = SourceOptions(options={"reader": reader, "timeout": str(TIMEOUT)})
        with open_stream(camera.address(login="me:s3cret@"), options) as source:
            source._report = lambda line: (lines.append(line), source.close())
            assert list(source) == []
    assert other.heads == []
    assert "moved to another server, which must not get its password; give that address" in lines[0]
    assert "s3cret" not in lines[0]


@pytest.mark.parametrize("to", ["http://127.0.0.1/", "rtsp://127.0.0.1:1/live", "rtsps://127.0.0.1/", "//other/live"])
def test_another_scheme_port_or_host_is_another_server(to):
    with RtspCamera(at_once(to)) as camera, pytest.raises(FileError, match="another server"):
        rtsp_redirects.refuse(camera.address(login="me:s3cret@"), "yard", TIMEOUT)


def test_another_path_of_the_same_server_is_followed():
    def answer(method, path, head):
        return [OK] if path == "/second" else moved_to("/second")

    with RtspCamera(answer) as camera:
        rtsp_redirects.refuse(camera.address(login="me:s3cret@"), "yard", TIMEOUT)
    assert [head[0].split(" ")[0] for head in camera.heads] == ["OPTIONS", "OPTIONS", "DESCRIBE"]
    assert not any(map(has_login, camera.heads))


def test_a_circle_of_redirects_ends():
    with RtspCamera(at_once("/live")) as camera, pytest.raises(FileError, match="moved more than 5 times"):
        rtsp_redirects.refuse(camera.address(login="me:s3cret@"), "yard", TIMEOUT)


def test_a_server_that_asks_gets_the_digest_of_rfc_2069():
    def h(text):
        return hashlib.md5(text.encode()).hexdigest()

    with RtspCamera(lambda method, path, head: [OK] if has_login(head) else DIGEST) as camera:
        rtsp_redirects.refuse(camera.address(login="me:s3cret@"), "yard", TIMEOUT)
    answers = [re.search(r'response="(\w+)"', "\n".join(head))[1] for head in camera.heads if has_login(head)]
    assert answers == [
        h(f"{h('me:camera:s3cret')}:n0:{h(f'{method}:{camera.address()}')}") for method in ("OPTIONS", "DESCRIBE")
    ]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (ASKS, "answers 401: it refuses the user and password"),
        (["RTSP/1.0 404 Not Found"], "answers 404"),
        (["RTSP/1.0 401 No", "WWW-Authenticate: Kerberos"], "must take Basic or Digest"),
        (["HTTP/1.1 200 OK"], "the answer is no RTSP"),
        ([OK, "Content-Length: many"], "the answer is no RTSP"),
        ([OK, "A: " + "x" * rtsp_redirects.MAX_BYTES], "the answer is no RTSP"),
        (moved_to("rtsp://[::1/x"), "the answer is no RTSP"),
        ([OK, "Content-Length: 9"], "no answer within 0.5 s"),
    ],
)
def test_a_server_that_is_not_as_it_should_be_is_one_line(answer, line):
    with RtspCamera(lambda *_: answer) as camera, pytest.raises(FileError, match=line) as caught:
        rtsp_redirects.refuse(camera.address(login="me:s3cret@"), "yard", 0.5)
    assert str(caught.value).startswith("stream yard cannot be opened: ")
    assert "s3cret" not in str(caught.value)


def test_an_address_without_a_password_needs_no_question():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    rtsp_redirects.refuse(f"rtsp://127.0.0.1:{port}/live", "yard", TIMEOUT)  # nothing listens there
