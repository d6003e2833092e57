"""edge-deploy web: from the command line to a folder, and to a server that a browser can ask."""

import contextlib
import http.client
import os
import re
import signal
import ssl
import subprocess
import sys

import pytest

from edge.cli import _deploy_web, deploy
from tests.cli.commands import interruptible
from tests.deploy.web.apps import BUNDLES, without_runtime


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    return without_runtime(tmp_path_factory.mktemp("litert"))


@pytest.fixture(scope="module")
def app(tmp_path_factory, runtime):
    out = tmp_path_factory.mktemp("apps") / "app"
    assert deploy.main(["web", str(BUNDLES["classify"]), "--out", str(out), "--runtime", str(runtime)]) == 0
    return out


@contextlib.contextmanager
def serving(tmp_path, *arguments):
    """Run the command until the end of the block; yield the lines that it prints up to the address."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "edge.cli.deploy", "web", *map(str, arguments), "--serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=interruptible)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1].startswith("http"):
                break
        yield process, lines
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        assert "stopped" in rest
        assert process.returncode == 0


def port(lines):
    return int(re.search(r":(\d+)/", lines[-1])[1])


def test_the_command_says_what_it_wrote(tmp_path, runtime, capsys):
    arguments = [str(BUNDLES["classify"]), "--out", str(tmp_path / "app"), "--runtime", str(runtime), "--title", "Cats"]
    assert deploy.main(["web", *arguments]) == 0
    said = capsys.readouterr().out.strip()
    assert re.fullmatch(r".*app: web app with the int8 file, 1\.0 MB; the first load transfers \S+ MB besides it", said)
    assert (tmp_path / "app" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["net.edge"], "expected --out DIR, or --serve"),
        (["missing.edge", "--out", "app"], "bundle missing.edge does not exist"),
        (["app"], "expected --out DIR"),
    ],
)
def test_what_is_missing_is_one_line(arguments, said, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert _deploy_web.main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_app_is_not_exported_again(app, capsys):
    assert _deploy_web.main([str(app), "--serve", "--title", "New"]) == 2
    assert "is a web app already" in capsys.readouterr().err


def test_this_machine_gets_the_app_over_http(app, tmp_path):
    with serving(tmp_path, app) as (_, lines):
        assert lines[-1].startswith("http://localhost:")
        connection = http.client.HTTPConnection("localhost", port(lines), timeout=10)
        connection.request("GET", "/model.json")
        assert connection.getresponse().read() == (app / "model.json").read_bytes()
        connection.close()
    assert not (tmp_path / "config").exists()


def test_https_is_spoken_when_asked_for(app, tmp_path):
    with serving(tmp_path, app, "--https") as (_, lines):
        assert lines[-1].startswith("https://localhost:")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "config" / "edgekit" / "web" / "authority.crt"))
        connection = http.client.HTTPSConnection("localhost", port(lines), timeout=10, context=trusting)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_bundle_is_served_without_being_kept(tmp_path, runtime):
    with serving(tmp_path, BUNDLES["classify"], "--runtime", runtime) as (_, lines):
        assert "web app with the int8 file" in lines[0]
        assert lines[-1].startswith("http://localhost:")


def test_other_hosts_get_a_token_and_a_qr_code(capsys):
    class Server:
        urls, token, secure = ("https://192.168.1.5:8443/?token=abc",), "abc", True

    _deploy_web._say(Server())
    said = capsys.readouterr().out
    assert "https://192.168.1.5:8443/?token=abc" in said
    assert "█" in said or "▄" in said or "\x1b[" in said  # the QR code
    assert "/ca.crt" in said


def test_the_help_is_whole_sentences(capsys):
    with pytest.raises(SystemExit):
        _deploy_web.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--runtime DIR" in text
    assert "default 127.0.0.1" in text
