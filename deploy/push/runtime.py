"""The runtime on a device: a virtual environment with the runtime wheel, installed when it is missing or another one.

It is complete when its ``complete`` file is there, which is written last. What a broken installation leaves has none,
and the next one removes it.
"""

import asyncio
import io
import json
import secrets
import shlex
import tarfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edge import files
from edge.deploy import wheelhouse
from edge.deploy.push.connection import Connection, Done
from edge.deploy.push.probe import RUNTIME_BYTES, Facts
from edge.errors import FileError, GateFailed, InputError

INSTALL_S = 1800.0
BLOCK = 1 << 18
PACKAGE = "edgekit"
DOCTOR = "doctor.json"
EXAMINED_S = 24 * 3600.0
"""How long what ``edge-doctor`` found on a device counts, in seconds."""

SIGNED = "signed"
"""The extra that checks signatures."""

WHEELS = {
    "signed": "cryptography",
    "onnx": "onnxruntime",
    "openvino": "openvino",
    "metrics": "prometheus_client",
    "mqtt": "paho_mqtt",
    "preview": "uvicorn",
    "rtsp": "av",
    "track": "lapx",
}
"""The wheel by which one knows that a wheelhouse has what an extra needs."""


@dataclass(frozen=True)
class Wheels:
    """What is installed on devices.

    Attributes:
        runtime: the runtime wheel.
        extras: extras of it, such as ``onnx``.
        folder: all wheels that it needs, for devices without a network; None lets pip on the device fetch them.
        system_packages: whether the environment sees the system's packages, as CSI cameras need.
    """

    runtime: Path
    extras: tuple[str, ...] = ()
    folder: Path | None = None
    system_packages: bool = False

    def check(self) -> None:
        """Refuse a wheelhouse that lacks what the extras need, or has a numpy of its own for a CSI camera.

        Raises:
            InputError: it does not fit; the message has the command that makes one.
        """
        if self.folder is None:
            if self.system_packages:
                raise InputError(
                    "--csi must come with --wheelhouse: pip would put another numpy beside the one that picamera2 was "
                    "built for; edge-deploy wheelhouse --with picamera leaves it out"
                )
            return
        names = {path.name.partition("-")[0] for path in wheelhouse.check(self.folder)}
        for extra in self.extras:
            if WHEELS[extra] not in names:
                lacking = WHEELS[extra]
                raise InputError(f"{self.folder} must hold {lacking}: edge-deploy wheelhouse --with {extra}")
        if self.system_packages and "numpy" in names:
            raise InputError(
                f"{self.folder} must not hold numpy for a CSI camera: edge-deploy wheelhouse --with picamera"
            )

    def name(self, python: Sequence[int]) -> str:
        """Return what the names of environments on a device begin with: equal content has equal names."""
        version = self.runtime.name.split("-")[1]
        parts = [version, *sorted(self.extras), *(["system"] if self.system_packages else [])]
        return "-".join([*parts, f"py{python[0]}{python[1]}"])

    def check_device(self, host: str, facts: Facts) -> None:
        """Raise InputError where the folder's wheels are for another processor or Python than those of a device."""
        for path in [] if self.folder is None else self.folder.glob("*.whl"):
            python, abi, platform = path.stem.split("-")[-3:]
            here = f"cp{facts.python[0]}{facts.python[1]}"
            fits = platform == "any" or platform.endswith(f"_{facts.machine}")
            if not fits or (abi == python and python.startswith("cp") and python != here):
                raise InputError(
                    f"{host}: {self.folder} has wheels for another device, such as {path.name}, this one has Python "
                    f"{facts.python[0]}.{facts.python[1]} on {facts.machine}; gather them with edge-deploy wheelhouse "
                    f"--python {facts.python[0]}.{facts.python[1]} and its --target"
                )

    def sent(self) -> list[Path]:
        """Return the files that go to the device."""
        if self.folder is None:
            return [self.runtime]
        return [self.runtime, *(path for path in wheelhouse.check(self.folder) if not _is_runtime(path))]


def _is_runtime(path: Path) -> bool:
    """Return whether this is a runtime wheel: the one of the wheelhouse may be older than what is deployed."""
    return path.name.startswith(f"{PACKAGE}-")


async def ensure(connection: Connection, facts: Facts, wheels: Wheels, report: Callable[[str], None]) -> str:
    """Install the runtime on a device where it is not there yet, and make it the one that the agent runs in.

    Args:
        connection: to the device.
        facts: what the device is.
        wheels: what to install.
        report: takes one line on the progress.

    Returns:
        The name of the runtime's folder.

    Raises:
        FileError: it cannot be installed: no space, no network, a wheel is missing.
        GateFailed: ``edge-doctor`` says that it does not work there. It is removed again.
    """
    if facts.trusts:  # whatever the bundle is: an agent that cannot check signatures would refuse what runs
        wheels = replace(wheels, extras=tuple({*wheels.extras, SIGNED}))
    wheels.check()
    wanted = wheels.name(facts.python)
    name = next((one for one in sorted(facts.complete) if one.rpartition(".")[0] == wanted), "")
    if not name:
        if facts.free_bytes < RUNTIME_BYTES:
            raise FileError(
                f"{connection.host.name}: {RUNTIME_BYTES >> 20} MiB must be free in {connection.host.root} for the "
                f"runtime, there are {facts.free_bytes >> 20}; free some space"
            )
        wheels.check_device(connection.host.name, facts)
        report(f"installing the runtime {wanted}, which is needed once and may take minutes")
        # A name of its own, because another deploy may be installing the same one.
        name = f"{wanted}.{secrets.token_hex(3)}"
        await _install(connection, facts, wheels, name, report)
    elif facts.examined_s > EXAMINED_S:
        await _examine(connection, facts, connection.host.root / "runtimes" / name, report)
    if name != facts.runtime or name not in facts.complete:
        await _adopt(connection, facts, name)
    return name


async def _install(
    connection: Connection, facts: Facts, wheels: Wheels, name: str, report: Callable[[str], None]
) -> None:
    folder = connection.host.root / "runtimes" / name
    sent = folder.with_name(f".{name}.wheels")
    python = str(folder / "bin" / "python")
    try:
        await _command(connection, facts, ["mkdir", "-p", str(sent), str(connection.host.root / "trust")])
        await _send(connection, facts, wheels.sent(), sent)
        see = ["--system-site-packages"] if wheels.system_packages else []
        await _command(connection, facts, [facts.executable, "-m", "venv", *see, str(folder)], 600.0)
        await _command(connection, facts, [python, "-m", "pip", *_pip(wheels, sent)], INSTALL_S)
        # An environment is never changed, but replaced by another one: pip would only take room.
        await _command(connection, facts, [python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"])
        await _examine(connection, facts, folder, report)
    except BaseException:
        await _quietly(connection, facts, ["rm", "-rf", str(folder)])
        raise
    finally:
        await _quietly(connection, facts, ["rm", "-rf", str(sent)])


def _pip(wheels: Wheels, sent: Path) -> list[str]:
    options = ["--quiet", "--no-compile", "--disable-pip-version-check", "--no-cache-dir"]
    if wheels.folder is not None:  # it is complete; and a CSI camera's numpy is the system's, which pip must not judge
        return ["install", *options, "--no-index", "--no-deps", *(str(sent / path.name) for path in wheels.sent())]
    extras = f"[{','.join(sorted(wheels.extras))}]" if wheels.extras else ""
    return ["install", *options, f"{sent / wheels.runtime.name}{extras}"]


async def _send(connection: Connection, facts: Facts, paths: Sequence[Path], folder: Path) -> None:
    """Send files in one stream, and compare their digests on the device."""
    done = await connection.run([*facts.prefix, "tar", "-x", "-C", str(folder)], _archive(paths), INSTALL_S)
    _check(connection, done, "the wheels cannot be unpacked")
    check = f"cd {shlex.quote(str(folder))} && sha256sum --check --quiet {wheelhouse.SUMS}"
    _check(connection, await connection.run([*facts.prefix, "sh", "-c", check]), "a wheel was damaged on the way")


async def _archive(paths: Sequence[Path]) -> AsyncIterator[bytes]:
    """Yield a tar archive of files, with their digests in SHA256SUMS, in blocks."""
    sums = "".join(f"{files.sha256(path)}  {path.name}\n" for path in paths).encode()
    yield _member(wheelhouse.SUMS, len(sums)) + _padded(sums)
    for path in paths:
        size = path.stat().st_size
        yield _member(path.name, size)
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
                await asyncio.sleep(0)
        yield b"\0" * (-size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _member(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.PAX_FORMAT)


def _padded(content: bytes) -> bytes:
    return io.BytesIO(content).read() + b"\0" * (-len(content) % tarfile.BLOCKSIZE)


async def _examine(connection: Connection, facts: Facts, folder: Path, report: Callable[[str], None]) -> None:
    """Run ``edge-doctor`` on the device, report what works only in part, and refuse what is broken.

    In a new runtime this also compiles what is imported.
    """
    file = folder / DOCTOR
    done = await connection.run([*facts.prefix, str(folder / "bin/edge-doctor"), "--json", str(file)], b"", 300.0)
    shown = await connection.run([*facts.prefix, "cat", str(file)])
    try:
        found = json.loads(shown.out)
        checks = {mark: [c for c in found["checks"] if c["status"] == mark] for mark in ("broken", "warning")}
    except (ValueError, KeyError, TypeError):
        raise FileError(f"{connection.host.name}: the new runtime does not start: {done.said}") from None
    for check in checks["warning"]:
        report(f"edge-doctor: {check['subject']}: {check['found']}; {check['mend']}")
    for check in checks["broken"]:
        said = f"{check['subject']}: {check['found']}; {check['mend']}"
        raise GateFailed(f"{connection.host.name}: the runtime does not work there: {said}")


async def _adopt(connection: Connection, facts: Facts, name: str) -> None:
    root = connection.host.root
    python = str(root / "runtimes" / name / "bin" / "python")
    await _command(connection, facts, [python, "-m", "edge.slots.runtimes", str(root), name])


async def _command(connection: Connection, facts: Facts, command: Sequence[str], longest_s: float = 120.0) -> None:
    done = await connection.run([*facts.prefix, *command], b"", longest_s)
    _check(connection, done, f"{PurePosixPath(command[0]).name} fails there")


async def _quietly(connection: Connection, facts: Facts, command: Sequence[str]) -> None:
    """Clean up on a device; a connection that is gone leaves that to the next deploy."""
    with suppress(FileError):
        await connection.run([*facts.prefix, *command])


def _check(connection: Connection, done: Done, what: str) -> None:
    if done.code:
        raise FileError(f"{connection.host.name}: {what}: {done.said}; nothing was changed")
