"""The commands of docs/streams.md run against real servers on this machine."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from edge.cli import camera
from tests.sources import rtsp
from tests.sources.http_camera import SNAPSHOT, STREAM, HttpCamera, jpeg, part

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (.*))?\n((?:.*\n)*?)```$", GUIDE, re.MULTILINE)
BUNDLE = ROOT / "models" / "weights" / "shufflenet_v2_cifar10_int8.edge"
PASSWORD = "s3cret/"


def lines(kind):
    return [line for language, name, block in BLOCKS if (language, name) == ("sh", kind) for line in block.splitlines()]


def answer(send, request, number):
    if request.startswith("GET /snapshot.jpg"):
        send(SNAPSHOT + jpeg())
        return
    send(STREAM)
    while True:
        send(part(jpeg()))


@pytest.fixture(scope="module")
def web():
    with HttpCamera(answer) as server:
        yield server


@pytest.fixture(scope="module")
def live():
    """Start an RTSP server when a test asks for it: the address for a login."""
    if rtsp.missing():
        return pytest.skip(rtsp.missing())
    servers = {login: rtsp.Server(login=login) for login in ("", f"viewer:{PASSWORD}")}
    yield lambda login: servers[login]
    for server in servers.values():
        server.kill()


@pytest.fixture
def run(request, web, tmp_path, monkeypatch, capsys):
    """Run a line of the guide against the servers, and return what it printed."""
    monkeypatch.setenv("CAMERA_PASSWORD", PASSWORD)

    def run_line(line):
        name, *words = shlex.split(line)
        assert name == "edge-camera"
        if "rtsp://" in line:
            login = f"viewer:{PASSWORD}" if "viewer" in line else ""
            port = request.getfixturevalue("live")(login).port
        else:
            port = web.port
        words = [re.sub(r"(//|@)camera/", rf"\g<1>127.0.0.1:{port}/", word) for word in words]
        words = [str(BUNDLE) if word == "net.edge" else word for word in words]
        assert camera.main(words) == 0
        return "".join(capsys.readouterr())

    return run_line


def test_every_block_is_run():
    assert {(language, name) for language, name, _ in BLOCKS} == {("sh", "tries"), ("sh", "options"), ("python", "")}
    assert GUIDE.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("line", lines("tries"))
def test_a_command_runs_and_shows_no_password(run, line):
    printed = run(line)
    assert "frames" in printed
    assert PASSWORD not in printed
    assert "s3cret" not in printed


@pytest.mark.parametrize("line", lines("options"))
def test_a_command_with_options_of_its_source_runs(run, line, capsys):
    with pytest.raises(SystemExit):
        camera.main(["--help"])
    known = capsys.readouterr().out
    if missing := [word for word in shlex.split(line) if word.startswith("--") and word not in known]:
        pytest.skip(f"edge-camera has no {missing[0]} here")
    assert "frames" in run(line)


def test_the_python_example_runs(live, capsys):
    (code,) = (block for language, _, block in BLOCKS if language == "python")
    exec(code.replace("rtsp://camera/live", live("").address), {})
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"yard (decode|pts|sender) [\d.]+ ms old", first)
    assert second == "0 0 0 0"


def test_the_table_of_options_is_complete():
    from dataclasses import fields

    from edge.sources.stream_options import HttpOptions, RtspOptions

    stated = set(re.findall(r"^\| `(\w+)` \| (?:RTSP|HTTPS|all) ", GUIDE, re.MULTILINE))
    assert stated == {field.name for field in itertools.chain(fields(RtspOptions), fields(HttpOptions))}
