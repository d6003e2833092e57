"""What a service tells systemd, received on a real socket."""

import os
import socket
import time

import pytest

from edge import notify


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path, monkeypatch):
    """Be the service manager: a socket whose address is in the environment."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@edge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + address[1:] if address[0] == "@" else address)
        server.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield server


def received(server):
    found = []
    while True:
        try:
            found.append(server.recv(4096).decode())
        except BlockingIOError:
            return found


def test_it_says_ready_alive_status_and_stopping(manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    supervisor = notify.supervisor()
    supervisor.ready()
    supervisor.alive()
    supervisor.status("3 frames")
    supervisor.stopping()
    assert received(manager) == ["READY=1", "WATCHDOG=1", "STATUS=3 frames", "STOPPING=1"]


def test_a_sign_of_life_is_sent_a_third_of_the_watchdog_s_time_apart(manager, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(notify.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    supervisor = notify.supervisor()
    for _ in range(25):
        supervisor.alive()
        now[0] += 0.1
    supervisor.stopping()
    assert received(manager).count("WATCHDOG=1") == 3


@pytest.mark.parametrize("name", ["WATCHDOG_USEC", "WATCHDOG_PID"])
def test_another_process_is_not_watched(manager, monkeypatch, name):
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.setenv(name, "0")
    supervisor = notify.supervisor()
    supervisor.alive()
    supervisor.stopping()
    assert received(manager) == ["STOPPING=1"]


@pytest.mark.parametrize("address", [None, "", "relative", "vsock:1:2"])
def test_without_a_manager_there_is_nobody_to_tell(monkeypatch, address):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert notify.supervisor() is None


def test_a_manager_that_is_gone_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    supervisor = notify.supervisor()
    supervisor.ready()
    supervisor.stopping()


def test_a_manager_that_does_not_read_does_not_block_the_loop(manager):
    """Its socket is full after a few messages."""
    supervisor = notify.supervisor()
    supervisor.ready()
    begin = time.monotonic()
    for number in range(1000):
        supervisor.status(f"{number} frames")
    assert time.monotonic() - begin < 2.0
    got = received(manager)
    assert got[0] == "READY=1"
    assert 1 < len(got) < 1001
    supervisor.stopping()
