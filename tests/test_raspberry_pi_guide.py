"""The commands of docs/raspberry-pi.md run here as far as they can: on a released bundle and drawn frames."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import bench, camera, doctor
from edge.deploy.wheelhouse import Wheelhouse
from tools.arm64 import device

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "raspberry-pi.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh (.*)\n((?:.*\n)*?)```$", GUIDE, re.MULTILINE)
BUNDLE = ROOT / "models" / "weights" / "shufflenet_v2_cifar10_int8.edge"
COMMANDS = {"edge-doctor": doctor.main, "edge-camera": camera.main, "edge-bench": bench.main}


def lines(kind):
    return [line for name, block in BLOCKS if name == kind for line in block.splitlines()]


def test_every_block_says_how_it_is_run():
    assert {name for name, _ in BLOCKS} == {"on the Pi, once", "deploys", "gathers", "installs", "tries"}
    assert GUIDE.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("line", lines("tries"))
def test_what_is_tried_by_hand_runs(line, tmp_path, capsys):
    (tmp_path / "net.edge").write_bytes(BUNDLE.read_bytes())
    name, *arguments = shlex.split(line)
    replaced = {"net.edge": str(tmp_path / "net.edge"), "0": "synthetic", "100": "3"}
    assert COMMANDS[name]([replaced.get(word, word) for word in arguments]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("line", lines("gathers"))
def test_what_is_gathered_is_for_a_known_device(line):
    """tests/deploy/test_wheelhouse.py runs the command itself."""
    command, name, *options = shlex.split(line)
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert (command, name) == ("edge-deploy", "wheelhouse")
    assert set(given) <= {"--target", "--python", "--with", "--out"}
    Wheelhouse(
        given["--target"],
        given.get("--python", "3.13"),
        given.get("--with", "").split(",") if "--with" in given else (),
    )


def test_the_sums_and_the_installation_run(tmp_path):
    """A wheelhouse of the runtime wheel alone; make test-arm64 does it with all wheels, by the same commands."""
    from edge.deploy import runtime_wheel
    from edge.files import sha256

    wheel = runtime_wheel.build(tmp_path / "wheels")
    (tmp_path / "wheels" / "SHA256SUMS").write_text(f"{sha256(wheel)}  {wheel.name}\n")
    script = (
        "\n".join(lines("installs")).replace("/opt/edgekit/venv", f"{tmp_path}/venv").replace("python3", sys.executable)
    )
    subprocess.run(["sh", "-ec", script], check=True, cwd=tmp_path)
    assert (tmp_path / "venv/bin/edge-camera").is_file()


def test_the_arm64_tests_install_with_the_guide_s_options():
    source = Path(device.__file__).read_text(encoding="utf-8")
    for word in ("python3 -m venv", "--no-index", "--no-deps"):
        assert word in source
        assert any(word in line for line in lines("installs"))
