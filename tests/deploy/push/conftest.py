"""A server that every test of this folder logs in to, and a runtime that its devices share."""

import os
import sys

import pytest

from edge.cli import deploy
from edge.errors import InputError
from tests.deploy.push import sshd
from tests.slots import device, systemd


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
def wheels(tmp_path_factory):
    """Return a wheelhouse for this machine; skip where no package index is reached."""
    from edge.deploy import wheelhouse

    house = wheelhouse.Wheelhouse("x86", f"{sys.version_info[0]}.{sys.version_info[1]}", ("signed",))
    folder = tmp_path_factory.mktemp("wheels") / "house"
    try:
        wheelhouse.gather(house, folder, lambda _: None)
    except InputError as error:
        pytest.skip(f"needs a package index: {error}")
    return folder


@pytest.fixture(scope="session")
def runtimes(server, wheels, tmp_path_factory):
    """Return a folder of runtimes with the one that deploys install, so that each test need not install it again."""
    root = tmp_path_factory.mktemp("device") / "root"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(server.home))
        bundle = str(device.WEIGHTS / "mobilenet_v2_cifar10_int8.edge")
        given = ["--to", server.to, "--root", str(root), "--no-service", "--wheelhouse", str(wheels)]
        assert deploy.main([bundle, *given]) == 0
    return root


@pytest.fixture
def root(runtimes, tmp_path):
    """Return the root folder of a device that has a runtime, and nothing else."""
    made = tmp_path / "device"
    made.mkdir()
    (made / "runtimes").symlink_to(runtimes / "runtimes")
    (made / "runtime").symlink_to(os.readlink(runtimes / "runtime"))
    (made / "trust").mkdir()
    return made
