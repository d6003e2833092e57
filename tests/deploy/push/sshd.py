"""A real OpenSSH server on loopback with throw-away keys, and the home folder of the one who logs in."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
MaxStartups 200:30:400
MaxSessions 200
AcceptEnv none
SetEnv {environment}
"""


def need() -> None:
    """Skip where there is no OpenSSH server."""
    if not os.access(SSHD, os.X_OK) or shutil.which("ssh-keygen") is None:
        pytest.skip("needs OpenSSH's sshd and ssh-keygen")


class Server:
    """A running server, and how to log in."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.home = folder, folder / "home"
        self.user = getpass.getuser()
        self.process: subprocess.Popen[bytes] | None = None
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        _key(folder / "host_key")
        _key(self.home / ".ssh" / "id_ed25519")
        shutil.copy(self.home / ".ssh" / "id_ed25519.pub", folder / "authorized_keys")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        given = " ".join(f'{name}="{value}"' for name, value in environment.items())
        text = CONFIG.format(port=self.port, folder=folder, environment=given)
        (folder / "sshd_config").write_text(text)
        self.know(folder / "host_key.pub")

    @property
    def to(self) -> str:
        return f"{self.user}@127.0.0.1:{self.port}"

    def know(self, key: Path) -> None:
        """Let the one who logs in know this key of the server."""
        (self.home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key.read_text()}")

    def start(self) -> None:
        os.makedirs("/run/sshd", exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")], stderr=log)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def log(self) -> str:
        return (self.folder / "log").read_text()


def _key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


@contextmanager
def running(folder: Path, environment: dict[str, str] | None = None):
    """Yield a server that runs while the body does."""
    need()
    server = Server(folder, {"PATH": os.environ["PATH"], **(environment or {})})
    server.start()
    try:
        yield server
    finally:
        server.stop()
