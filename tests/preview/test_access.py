"""Who is answered, on a real server: the token, the Host and Origin headers, what a body may be."""

import re
import socket
import time

import pytest

from edge.errors import InputError
from edge.preview import access
from edge.preview.options import PreviewOptions
from edge.sinks.context import Context
from edge.sinks.preview import Preview
from tests.loops import ListSource
from tests.preview.camera import Camera
from tests.preview.client import JSON, ask, post, stream

TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def open_port():
    with Camera() as camera:
        yield camera.port


@pytest.fixture(scope="module")
def locked():
    with Camera(token=TOKEN) as camera:
        yield camera


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(access, "WRONG_TOKEN_SECONDS", 0.05)


def cookie(port):
    _, headers, _ = ask(port, f"/?token={TOKEN}")
    return headers["Set-Cookie"].partition(";")[0]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 200),
        ("/", {"Host": "evil.example"}, 421),  # DNS rebinding
        ("/api/state", {"Host": "evil.example"}, 421),
        ("/", {"Sec-Fetch-Site": "cross-site"}, 200),  # a link on another site
        ("/api/state", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/video", {"Sec-Fetch-Site": "cross-site"}, 403),  # <img> on another site
        ("/events", {"Sec-Fetch-Site": "same-site"}, 403),
        ("/snapshot.jpg", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/api/state", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("/api/state", {"Sec-Fetch-Site": "none"}, 200),  # typed by a person
        ("/nothing", {}, 404),
        ("/../../etc/passwd", {}, 404),
        ("/js/../../server.py", {}, 404),
        ("/js/%2e%2e/%2e%2e/server.py", {}, 404),
        ("/js/..%2fapp.js", {}, 404),
        ("//etc/passwd", {}, 404),
        ("/js/app.js%00.css", {}, 404),
        ("/api/settings", {}, 405),
    ],
)
def test_what_is_answered_without_a_token(open_port, path, headers, status):
    assert ask(open_port, path, headers=headers)[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "https://127.0.0.1:{port}"}, 200),  # behind a proxy that does TLS
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "http://evil.example@127.0.0.1:{port}"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),  # what a form of another site can send
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Content-Type": "application/jsonp"}, 415),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_who_may_change_settings(open_port, headers, status):
    given = {name: value.format(port=open_port) for name, value in headers.items()}
    assert ask(open_port, "/api/settings", "POST", b"{}", {**JSON, **given})[0] == status


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff nothing\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 2_000_000 + b"\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
        b"POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /api/state HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-Fetch-Site: cross-site\r\n\r\n",
    ],
    ids=["bytes", "no host", "two hosts", "absolute", "long", "trace", "connect", "length", "websocket"],
)
def test_what_is_no_request_is_refused_in_silence(raw):
    with Camera() as camera:
        assert re.match(rb"HTTP/1.1 4\d\d |$", answer_to(camera.port, raw))
        assert ask(camera.port, "/api/state")[0] == 200
        assert len(camera.lines) == 1


@pytest.mark.parametrize(
    "headers",
    [b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 7"],
    ids=["length first", "encoding first"],
)
def test_a_body_of_two_lengths_is_refused_and_the_connection_closed(open_port, headers):
    head = b"POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + headers
    with socket.create_connection(("127.0.0.1", open_port), timeout=10) as connection:
        connection.sendall(head + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))  # to the connection's end
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def answer_to(port, raw):
    """Return the beginning of the answer to some bytes, or nothing when the server ends the connection before."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(raw)
            return connection.recv(4096)
        except ConnectionError:
            return b""


def test_a_long_body_is_refused_by_its_stated_and_by_its_real_length(open_port):
    long = b'{"labels": [' + b'"x",' * access.MAX_BODY + b'"y"]}'
    assert ask(open_port, "/api/settings", "POST", b"", {**JSON, "Content-Length": "999999999"})[0] == 413
    assert ask(open_port, "/api/settings", "POST", iter([long]), {**JSON, "Transfer-Encoding": "chunked"})[0] == 413


@pytest.mark.parametrize("path", ["/", "/nothing", "/js/app.js", "/api/state"])
def test_every_answer_has_the_security_headers(open_port, path):
    _, headers, _ = ask(open_port, path)
    for name, value in access.HEADERS.items():
        assert headers[name] == value
    assert "Access-Control-Allow-Origin" not in headers
    assert "uvicorn" not in str(headers).lower()


def test_the_page_has_no_inline_script_or_style_and_asks_no_other_host(open_port):
    pages = [ask(open_port, path)[2].decode() for path in ("/", "/style.css", "/js/app.js", "/js/theme.js")]
    assert "unsafe-inline" not in access.HEADERS["Content-Security-Policy"]
    for text in pages:
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize("path", ["/", "/api/state", "/video", "/events", "/snapshot.jpg", "/js/app.js", "/nothing"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong-wrong-wrong"}, {"Cookie": "edge_preview_{port}=wrong-wrong-wrong"}],
    ids=["none", "bearer", "cookie"],
)
def test_nothing_is_answered_without_the_token(locked, path, headers):
    given = {name: value.format(port=locked.port) for name, value in headers.items()}
    status, answered, body = ask(locked.port, path, headers=given)
    assert status == 401
    assert answered["WWW-Authenticate"] == "Bearer"
    assert b"token" in body
    assert TOKEN.encode() not in body


def test_the_token_in_the_address_becomes_a_strict_cookie(locked):
    status, headers, body = ask(locked.port, f"/?token={TOKEN}")
    assert status == 200
    assert 'content="0;url=/"' in body.decode()
    assert TOKEN.encode() not in body
    parts = {part.strip().lower() for part in headers["Set-Cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    known = {"Cookie": cookie(locked.port)}
    assert ask(locked.port, "/", headers=known)[0] == 200
    assert ask(locked.port, "/api/state", headers=known)[0] == 200
    with stream(locked.port, "/video", known) as answer:
        assert answer.status == 200


def test_the_cookie_is_secure_behind_a_proxy_with_tls(locked):
    _, headers, _ = ask(locked.port, f"/?token={TOKEN}", headers={"X-Forwarded-Proto": "https"})
    assert "secure" in headers["Set-Cookie"].lower()


def test_programs_send_the_token_as_a_bearer_token(locked):
    assert ask(locked.port, "/api/state", headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_a_token_in_the_address_of_a_stream_counts_for_nothing(locked):
    assert ask(locked.port, f"/video?token={TOKEN}")[0] == 401


def test_wrong_tokens_take_their_time_and_right_ones_do_not(locked, monkeypatch):
    monkeypatch.setattr(access, "WRONG_TOKEN_SECONDS", 0.5)
    start = time.monotonic()
    assert ask(locked.port, "/?token=wrong-wrong-wrong")[0] == 401
    assert time.monotonic() - start >= 0.5
    monkeypatch.setattr(access, "WRONG_TOKEN_SECONDS", 60)
    assert ask(locked.port, f"/?token={TOKEN}")[0] == 200
    assert ask(locked.port, "/")[0] == 401


def test_settings_need_the_token_too(locked):
    assert post(locked.port, {})[0] == 401
    assert post(locked.port, {}, Cookie=cookie(locked.port))[0] == 200


def test_a_given_token_is_never_shown(locked):
    assert locked.lines == [f"preview: {locked.sink.url} (open it with ?token= and the token that was given)"]
    assert TOKEN not in repr(PreviewOptions(token=TOKEN))


def test_a_token_is_made_for_an_address_that_others_reach():
    with Camera("0.0.0.0:0") as camera:
        made = re.fullmatch(r"preview: http://\S+:\d+/\?token=([\w-]{32})", camera.lines[0])[1]
        assert ask(camera.port, "/")[0] == 401
        assert ask(camera.port, f"/?token={made}")[0] == 200


def test_a_named_secret_is_the_token(monkeypatch):
    monkeypatch.setenv("PREVIEW_TOKEN", TOKEN)
    with Camera(token="${PREVIEW_TOKEN}") as camera:
        assert ask(camera.port, "/api/state", headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200
        assert TOKEN not in "".join(camera.lines)


@pytest.mark.parametrize("token", ["short", "has a space in it", "semi;colon;semi", "x" * 300, "umlaut-ä-umlaut"])
def test_a_token_that_fits_no_cookie_is_refused_without_being_shown(token):
    with pytest.raises(InputError, match="token must have 12 to 256") as caught:
        Preview("127.0.0.1:0", Context([ListSource([])]), PreviewOptions(token=token))
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"rate": 0}, {"width": 1}, {"quality": 101}, {"viewers": 0}, {"names": ("http://x",)}, {"rate": 1e9}]
)
def test_options_out_of_range_are_one_line(options):
    with pytest.raises(InputError, match="must be"):
        PreviewOptions(**options)


def test_the_token_is_in_no_log(caplog):
    with caplog.at_level(0), Camera(token=TOKEN) as camera:
        ask(camera.port, f"/?token={TOKEN}")
        ask(camera.port, "/?token=wrong-wrong-wrong")
    assert TOKEN not in caplog.text
    assert "wrong-wrong-wrong" not in caplog.text
