"""What docs/preview.md says of the HTTP interface is asked of a real server."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.preview import access, app, server, stream
from edge.preview.options import PreviewOptions
from edge.sinks import open_sink
from tests.preview.camera import Camera
from tests.preview.client import ask, post, until

PAGE = (Path(__file__).resolve().parents[2] / "docs/preview.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def camera():
    with Camera() as one:
        until(lambda: one.sink._feed.newest)
        yield one


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def test_the_requests_are_those_of_the_server(camera):
    stated = {path: method for method, path in re.findall(r"^\| `(GET|POST) (\S+)` \|", PAGE, re.MULTILINE)}
    served = {route.path for route in app.Application(camera.context, camera.sink._feed).app().routes}
    assert set(stated) == served - set(app.PAGE_FILES)
    for path in ("/snapshot.jpg", "/api/state"):
        assert ask(camera.port, path, stated[path])[0] == 200


def test_the_settings_of_the_guide_are_taken(camera):
    (sent,) = blocks("json")
    status, answered = post(camera.port, json.loads(sent))
    assert status == 200
    assert answered["score_threshold"] == 0.4
    assert [shape["name"] for shape in answered["shapes"][""]] == ["door", "gate"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_commands_with_curl_work(camera, tmp_path):
    lines = [line.removeprefix("$ ") for block in blocks("") for line in block.splitlines() if "curl" in line]
    assert len(lines) == 3
    for line in lines:
        command = shlex.split(line.replace("127.0.0.1:8080", f"127.0.0.1:{camera.port}"))
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=30)
        assert b'"error"' not in done.stdout
    assert (tmp_path / "frame.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def test_the_python_of_the_guide_opens_the_sink(camera, monkeypatch, capsys):
    monkeypatch.setenv("PREVIEW_TOKEN", "correct-horse-battery")
    (code,) = blocks("python")
    names = {"open_sink": open_sink, "context": camera.context}
    exec(code.replace("0.0.0.0:8080", "127.0.0.1:0"), names)
    with names["sink"] as sink:
        assert f"preview: {sink.url}" in capsys.readouterr().err


def test_the_limits_are_those_of_the_code():
    options = PreviewOptions()
    assert f"at most {options.rate:g} pictures per second, {options.width} pixels wide" in PAGE
    assert f"`rate` (pictures per second, {options.rate:g}), `width` ({options.width})" in PAGE
    assert f"`quality` (of the JPEG, {options.quality})" in PAGE
    assert f"`viewers` ({options.viewers}; one more" in PAGE
    assert f"at most {access.MAX_BODY // 1024} KiB" in PAGE
    assert f"takes no data for {stream.LONGEST_SEND:g} s" in PAGE
    assert f"each request within {server.REQUEST_SECONDS:g} s, and a body within {app.BODY_SECONDS:g} s more" in PAGE
    assert f"all {server.MAX_CONNECTIONS} connections" in PAGE
    assert access.WRONG_TOKEN_SECONDS == 1
