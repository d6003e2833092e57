"""A server that every test of this folder logs in to, and a runtime that its devices share."""

import os
import shutil
from pathlib import Path

import pytest

from tests.deploy.push import sshd
from tests.slots import systemd


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    environment = systemd.install(folder / "systemd")
    with sshd.running(folder, environment) as running:
        yield running
    systemd.stop_all(folder / "systemd")


@pytest.fixture
def login(server, monkeypatch):
    """Be the one who may log in."""
    monkeypatch.setenv("HOME", str(server.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return server


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory):
    """Return a folder with the wheels of this machine's Python, fetched once; skip where no index is reached."""
    from edge.deploy import wheelhouse as making

    return making.cached_for_tests() if hasattr(making, "cached_for_tests") else _fetched(tmp_path_factory)


def _fetched(factory):
    import subprocess
    import sys

    kept = os.environ.get("EDGE_TEST_WHEELHOUSE")
    if kept:
        return Path(kept)
    folder = factory.mktemp("wheels")
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder)]
    wanted = ["numpy", "opencv-python-headless", "ai-edge-litert", "cryptography"]
    done = subprocess.run([*command, "-c", str(root / "constraints.txt"), *wanted], capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(folder)
        pytest.skip(f"needs a package index: {done.stderr.strip().splitlines()[-1][:100]}")
    return folder
