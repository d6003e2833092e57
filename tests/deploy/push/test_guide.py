"""Each command of docs/deploy.md runs, against a real sshd in place of the Raspberry Pi."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from edge.cli import deploy
from tests.slots import device

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sshd"), pytest.mark.timeout(600)]

GUIDE = Path(__file__).parents[3] / "docs" / "deploy.md"
FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands():
    """Return the commands of the guide in order, and the inventory that it shows."""
    blocks = FENCE.findall(GUIDE.read_text())
    (inventory,) = [block for block in blocks if block.startswith("# fleet.toml")]
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line) for line in lines], inventory


def test_each_command_of_the_guide_runs(login, wheels, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(device.WEIGHTS / "shufflenet_v2_cifar10_int8.edge", "net.edge")
    typed, inventory = commands()
    Path("fleet.toml").write_text(
        inventory.replace("pi@raspberrypi.local", login.to).replace(
            '[defaults]\nsource = "0"', f'[defaults]\nsource = "synthetic:160x120@20"\nroot = "{tmp_path / "device"}"'
        )
    )
    assert len(typed) >= 12
    for program, *arguments in typed:
        assert program == "edge-deploy"
        given = [login.to if one == "pi@raspberrypi.local" else one for one in arguments]
        if "--to" in given:
            given += ["--root", str(tmp_path / "device")]
        if "--source" in given:
            given[given.index("--source") + 1] = "synthetic:160x120@20"
        if arguments[0].endswith(".edge"):
            given += ["--wheelhouse", str(wheels)]
        if "rollback" in given:  # there must be something to go back to
            assert deploy.main([str(device.WEIGHTS / "mobilenet_v2_cifar10_int8.edge"), *_same(given), "--source",
                                "synthetic:160x120@20", "--wheelhouse", str(wheels)]) == 0  # fmt: skip
        code = deploy.main(given)
        assert code == 0, f"{given}: {capsys.readouterr().err}"


def _same(given):
    """Return the options of a command that say which device it is about."""
    return [one for one in given if one != "rollback"]
