"""A stream from a real server that dies and comes back."""

import threading

import pytest

from edge.errors import EdgeError, InputError
from edge.secret import shown
from edge.sources import open_source
from edge.sources.stream import open_stream
from edge.sources.supervised import RetryPolicy
from tests.sources.mjpeg import Server


def test_frames_come_and_come_back_after_the_server_died(capsys):
    server = Server()
    lines = []
    source = open_stream(f"http://me:secret@127.0.0.1:{server.port}/video", retry=RetryPolicy(0.05, 0.2, stall=2.0))
    source._report = lines.append
    frames = iter(source)
    try:
        first = next(frames)
        assert first.bgr.shape == (48, 64, 3)
        assert first.source == f"http://127.0.0.1:{server.port}/video"
        port = server.port
        server.stop()
        server = None
        restarted = []
        restart = threading.Timer(0.3, lambda: restarted.append(Server(port)))
        restart.start()
        later = next(f for f in frames if restarted and any("back after" in line for line in lines))
        restart.join()
        server = restarted[0]
    finally:
        source.close()
        frames.close()
        if server:
            server.stop()
    assert later.index > first.index
    assert any("opening it again" in line for line in lines)
    assert not any("secret" in line for line in lines)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://user:pa@ss@10.0.0.2:554/live?x=1", "rtsp://10.0.0.2:554/live?x=1"),
        ("http://host/video", "http://host/video"),
        ("http://host/snap.cgi?user=me&pwd=secret&size=1", "http://host/snap.cgi?user=***&pwd=***&size=1"),
        (
            "http://host/cgi-bin?loginuse=me&loginpas=x&api_key=y",
            "http://host/cgi-bin?loginuse=***&loginpas=***&api_key=***",
        ),
        ("rtsp://host/live?token=${TOKEN}", "rtsp://host/live?token=***"),
        ("rtsp://${USER_NAME}:${TOKEN}@host/${TOKEN}", "rtsp://host/***"),
    ],
)
def test_a_password_is_never_shown(address, name, monkeypatch):
    monkeypatch.setenv("TOKEN", "s/e@c:r?et")
    monkeypatch.setenv("USER_NAME", "me")
    assert shown(address) == name
    assert open_stream(address).name == name


@pytest.mark.parametrize("address", ["rtsp://", "http:///video", "rtsp://user:secret@/path"])
def test_an_address_without_a_host_is_refused(address):
    with pytest.raises(InputError, match="must have a host, such as rtsp://host/path, got") as caught:
        open_source(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["rtsp://me:pa/s3cret@127.0.0.1/x", "rtsp://me:12#s3cret@host/x", "http://me:12?s3cret@host/x"],
)
def test_a_password_that_ends_the_host_is_refused_and_not_shown(address):
    with pytest.raises(
        InputError, match=r"must have no @ after its host, got .*write / as %2F, .* or name it"
    ) as caught:
        open_source(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("rtsp//me:s3cret@host/x", r"source '\*\*\*@host/x' does not exist"),
        ("rtsp:/me:s3?cret@host/x", r"pattern '\*\*\*@host/x' must match"),
        ("me:s3cret@rtsp://host/x", r"got \*\*\*@rtsp://"),
        ("rtsp://[::1/x", "must be like rtsp://host:554/path"),
        ("rtsp://me:s3cret@[::1/x", "must be like rtsp://host:554/path"),
    ],
)
def test_a_mistyped_address_is_one_line_without_the_password(address, line):
    with pytest.raises(EdgeError, match=line) as caught:
        open_source(address)
    assert caught.value.exit_code == 2
    assert "s3" not in str(caught.value)
