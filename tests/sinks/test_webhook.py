"""Events are posted to an HTTP server: whole, once, with secrets that nobody sees."""

import base64
import http.server
import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from email import message_from_bytes

import cv2
import numpy as np
import pytest

from edge.errors import InputError
from edge.results import Prediction, Result
from edge.sinks import open_sink
from edge.sinks.context import Context
from tests.loops import ListSource, event
from tests.sinks import certificates

PERSON = Result(predictions=(Prediction("person", 0.7, 0),), source="cam", frame=4)


@contextmanager
def server(*statuses, location="", tls=None):
    """Run a server that answers with these statuses, the last one again and again. Yields its port and requests."""
    taken, left = [], list(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """A client that refuses the certificate is no error of the test."""

    with Server(("127.0.0.1", 0), Handler) as serving:
        if tls is not None:
            serving.socket = tls.wrap_socket(serving.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield serving.server_address[1], taken
        finally:
            serving.shutdown()
            thread.join()


def post(url, results=(PERSON,), **options):
    context = Context([ListSource([])])
    with open_sink("webhook", url, context, options) as sink:
        for index, result in enumerate(results):
            sink.emit(event(index, result))
    return context.stats.snapshot()


def test_an_event_is_posted_once(monkeypatch):
    monkeypatch.setenv("HOOK_PASSWORD", "p@ss/word")
    monkeypatch.setenv("HOOK_TOKEN", "secret token")
    with server(200) as (port, taken):
        url = f"http://me:${{HOOK_PASSWORD}}@127.0.0.1:{port}/events?key=${{HOOK_TOKEN}}"
        stats = post(url, [Result(), PERSON, PERSON], headers={"X-Key": "Bearer ${HOOK_TOKEN}"})
    ((path, headers, body),) = taken
    assert path == "/events?key=secret%20token"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"me:p@ss/word"
    assert (headers["X-Key"], headers["Content-Type"]) == ("Bearer secret token", "application/json")
    content = json.loads(body)
    assert (content["trigger"], content["phase"], content["frame"]) == ("any", "begin", 4)
    assert content["results"] == [{"label": "person", "index": 0, "score": 0.7}]
    assert (stats.lost, stats.sink_errors) == (0, 0)


def test_the_end_of_an_event_is_posted_on_request():
    with server(204) as (port, taken):
        post(f"http://127.0.0.1:{port}", [PERSON, Result()], hold=0.1, also_end=True)
    assert [json.loads(body)["phase"] for _, _, body in taken] == ["begin", "end"]
    assert taken[0][0] == "/"


def test_a_picture_in_the_object():
    with server(200) as (port, taken):
        post(f"http://127.0.0.1:{port}/", picture="base64")
    picture = base64.b64decode(json.loads(taken[0][2])["picture"])
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape == (48, 64, 3)


def test_a_picture_in_a_form():
    with server(200) as (port, taken):
        post(f"http://127.0.0.1:{port}/", picture="multipart")
    _, headers, body = taken[0]
    form = message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    text, picture = form.get_payload()
    assert json.loads(text.get_payload())["trigger"] == "any"
    assert text.get_param("name", header="Content-Disposition") == "event"
    assert picture.get_param("name", header="Content-Disposition") == "picture"
    assert cv2.imdecode(np.frombuffer(picture.get_payload(decode=True), np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_server_that_fails_gets_the_message_again(capsys):
    with server(503, 200) as (port, taken):
        context = Context([ListSource([])])
        with open_sink("webhook", f"http://127.0.0.1:{port}/", context) as sink:
            sink.emit(event(0, PERSON))
            while len(taken) < 2:  # the first back-off takes 0.5 s
                sink._outbox.ending.wait(0.01)
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"sink webhook: http://127.0.0.1:{port} must answer with 200 to 299, got 503; it is tried again",
        "sink webhook: back after 1 attempt(s)",
    ]
    assert context.stats.snapshot().lost == 0


def test_a_redirection_is_not_followed(capsys):
    with server(200) as (other, elsewhere), server(307, location=f"http://127.0.0.1:{other}/") as (port, taken):
        stats = post(f"http://127.0.0.1:{port}/", attempts=1)
    assert (len(taken), elsewhere) == (1, [])
    assert "got 307; redirections are not followed" in capsys.readouterr().err
    assert stats.lost_by_sink == {"webhook": 1}


def test_nobody_there_is_one_line_without_the_secret(monkeypatch, capsys):
    monkeypatch.setenv("HOOK_TOKEN", "hush")
    url = "http://me:${HOOK_TOKEN}@127.0.0.1:9/${HOOK_TOKEN}"
    stats = post(url, attempts=1)
    said = capsys.readouterr().err
    assert said.startswith("sink webhook: http://127.0.0.1:9 does not take the message: ")
    assert "hush" not in said
    assert stats.lost == 1
    assert "hush" not in repr(open_sink("webhook", url, ListSource([]))._address)


@pytest.mark.parametrize("known", [True, False], ids=["a known certificate", "an unknown one"])
def test_tls(tmp_path, monkeypatch, capsys, known):
    made = certificates.make(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*made)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    with server(200, tls=tls) as (port, taken):
        post(f"https://127.0.0.1:{port}/", attempts=1)
    assert len(taken) == known
    assert ("certificate verify failed" in capsys.readouterr().err) is not known


@pytest.mark.parametrize(
    ("url", "options", "line"),
    [
        ("ftp://host/", {}, "the address must be http:// or https:// with a host"),
        ("http:///path", {}, "the address must be"),
        ("http://host:99999/", {}, "a port from 1 to 65535"),
        ("http://host/a b", {}, "no spaces"),
        ("http://host/\u00e4", {}, "percent-encoded"),
        ("http://me:${NO_SUCH_VARIABLE}@host/", {}, "the environment must have the variable 'NO_SUCH_VARIABLE'"),
        ("http://host/", {"headers": {"X\n": "a"}}, "a header's name must have"),
        ("http://host/", {"headers": {"X-Key": "hush\n b"}}, "^the value of header X-Key must be printable ASCII"),
        ("http://host/", {"timeout": 0}, "sink webhook: timeout must be above 0"),
        ("http://host/", {"picture": "gif"}, "sink webhook picture must be one of 'none', 'base64', 'multipart'"),
    ],
)
def test_other_values_are_one_line(url, options, line):
    with pytest.raises(InputError, match=line) as caught:
        open_sink("webhook", url, ListSource([]), options)
    assert "hush" not in str(caught.value)


@contextmanager
def dripping(first, drip):
    """Run a server that answers ``first`` and then ``drip`` every 20 ms until the client is gone. Yields its port."""

    def serve():
        client, _ = listening.accept()
        with client, suppress(OSError):
            client.recv(1 << 16)
            client.sendall(first)
            while not over.wait(0.02):
                client.sendall(drip)

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("first", "drip", "taken"),
    [
        pytest.param(b"", b"H", False, id="the status line"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", False, id="100 again and again"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", True, id="the body, which nobody needs"),
    ],
)
def test_a_server_that_drips_holds_a_message_no_longer_than_the_timeout(capsys, first, drip, taken):
    context = Context([ListSource([])])
    with (
        dripping(first, drip) as port,
        open_sink("webhook", f"http://127.0.0.1:{port}/", context, {"timeout": 0.3, "attempts": 1}) as sink,
    ):
        begun = time.monotonic()
        sink.emit(event(0, PERSON))
        sink._outbox._queue.finish()
        sink._outbox._threads[0].join(10)
        assert time.monotonic() - begun < 2
    said = capsys.readouterr().err
    assert context.stats.snapshot().lost == (not taken)
    assert ("no whole answer within 0.3 s" in said) is not taken


def test_labels_with_half_characters_are_posted_as_json_escapes():
    with server(200) as (port, taken):
        post(f"http://127.0.0.1:{port}/", [Result(predictions=(Prediction("a\udce9\ud800", 0.7, 0),))])
    assert json.loads(taken[0][2])["results"][0]["label"] == "a\udce9\ud800"
