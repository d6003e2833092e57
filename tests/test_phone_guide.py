"""Each command of docs/phone.md is run, with a bundle of our own."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import _deploy_web, convert
from tests.cli.commands import interruptible
from tests.deploy.web.apps import BUNDLES, real_runtime

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "phone.md"
COMMANDS = [shlex.split(line) for line in re.findall(r"^\$ (.*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)]

pytestmark = pytest.mark.slow


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


def run(arguments, folder):
    """Run a command of the guide; one that serves is stopped when it has said where. Servers listen here alone."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "edge.cli.deploy", *arguments[1:]]
    if "--serve" not in arguments:
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout
    if "0.0.0.0" in command:
        command[command.index("0.0.0.0")] = "127.0.0.1"
        command.append("--https")
    process = subprocess.Popen(
        [*command, "--port", free_port()], cwd=folder, env=environment, stdout=-1, text=True, preexec_fn=interruptible
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
    return "".join(lines)


def test_every_command_of_the_guide_runs(tmp_path):
    real_runtime()
    shutil.copy(BUNDLES["detect"], tmp_path / "net.edge")
    assert len(COMMANDS) == 3
    said = [run(command, tmp_path) for command in COMMANDS]
    guide = GUIDE.read_text(encoding="utf-8")
    assert said[0] in guide  # the size, too
    assert re.fullmatch(r"http://localhost:\d+/", said[1].splitlines()[0])
    assert "/ca.crt" in said[2]


def test_options_that_the_guide_names_exist(capsys):
    found = set()
    for main in (convert.main, _deploy_web.main):
        with pytest.raises(SystemExit):
            main(["--help"])
        found |= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert set(re.findall(r"(?<=[ `])--[a-z-]+", GUIDE.read_text(encoding="utf-8"))) <= found
