"""A plain HTTP client for tests of the preview."""

import contextlib
import http.client
import json
import re
import time

JSON = {"Content-Type": "application/json"}


def ask(port, path, method="GET", body=None, headers=None, host="127.0.0.1"):
    """Return the status, the headers and the body of one request, on a connection of its own."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        chunked = "Transfer-Encoding" in (headers or {})
        connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(port, changes, **headers):
    """Return the status and the JSON that settings are answered with."""
    body = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    status, _, content = ask(port, "/api/settings", "POST", body, {**JSON, **headers})
    return status, json.loads(content) if content.startswith(b"{") else content.decode()


@contextlib.contextmanager
def stream(port, path, headers=None):
    """Open an endless answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        answer.close()
        connection.close()


def pictures(answer):
    """Yield the headers and the JPEG of each part of a MJPEG stream, as RFC 2046 has it."""
    boundary = re.search(r"boundary=(\S+)", answer.headers["Content-Type"])[1].encode()
    while True:
        assert answer.readline() == b"--" + boundary + b"\r\n"
        head = http.client.parse_headers(answer)
        yield head, answer.read(int(head["Content-Length"]))
        assert answer.readline() == b"\r\n"


def events(answer):
    """Yield the kind and the data of each Server-Sent Event."""
    fields = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], json.loads(fields["data"])
            fields = {}
        else:
            fields = {}


def until(condition, seconds=10):
    """Wait until a condition is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.01)
