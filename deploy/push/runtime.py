"""The runtime on a device: a virtual environment with the runtime wheel, installed when it is missing or another one.

It is complete when its ``complete`` file is there, which is written last. What a broken installation leaves has none,
and the next one removes it.
"""

import asyncio
import io
import json
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
SIGNED = "signed"
"""The extra that checks signatures."""


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

    def name(self, python: Sequence[int]) -> str:
        """Return the name of the environment on a device: equal content has equal names."""
        version = self.runtime.name.split("-")[1]
        parts = [version, *sorted(self.extras), *(["system"] if self.system_packages else [])]
        return "-".join([*parts, f"py{python[0]}{python[1]}"])

    def check(self, host: str, facts: Facts) -> None:
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
    name = wheels.name(facts.python)
    if name not in facts.complete:
        if facts.free_bytes < RUNTIME_BYTES:
            raise FileError(
                f"{connection.host.name}: {RUNTIME_BYTES >> 20} MiB must be free in {connection.host.root} for the "
                f"runtime, there are {facts.free_bytes >> 20}; free some space"
            )
        wheels.check(connection.host.name, facts)
        report(f"installing the runtime {name}, which is needed once and may take minutes")
        await _install(connection, facts, wheels, name)
    if name != facts.runtime or name not in facts.complete:
        await _adopt(connection, facts, name)
    return name


async def _install(connection: Connection, facts: Facts, wheels: Wheels, name: str) -> None:
    folder = connection.host.root / "runtimes" / name
    sent = folder.with_name(f".{name}.wheels")
    python = str(folder / "bin" / "python")
    try:
        await _command(connection, facts, ["rm", "-rf", str(folder), str(sent)])
        await _command(connection, facts, ["mkdir", "-p", str(sent), str(connection.host.root / "trust")])
        await _send(connection, facts, wheels.sent(), sent)
        see = ["--system-site-packages"] if wheels.system_packages else []
        await _command(connection, facts, [facts.executable, "-m", "venv", *see, str(folder)], 600.0)
        await _command(connection, facts, [python, "-m", "pip", *_pip(wheels, sent)], INSTALL_S)
        await _examine(connection, facts, folder)
    except BaseException:
        await _quietly(connection, facts, ["rm", "-rf", str(folder)])
        raise
    finally:
        await _quietly(connection, facts, ["rm", "-rf", str(sent)])


def _pip(wheels: Wheels, sent: Path) -> list[str]:
    extras = f"[{','.join(sorted(wheels.extras))}]" if wheels.extras else ""
    source = ["--no-index", "--find-links", str(sent)] if wheels.folder is not None else []
    options = ["--quiet", "--no-compile", "--disable-pip-version-check", "--no-cache-dir"]
    return ["install", *options, *source, f"{sent / wheels.runtime.name}{extras}"]


async def _send(connection: Connection, facts: Facts, paths: Sequence[Path], folder: Path) -> None:
    """Send files in one stream, and compare their digests on the device."""
    done = await connection.run([*facts.prefix, "tar", "-x", "-C", str(folder)], _archive(paths), INSTALL_S)
    _check(connection, done, "the wheels cannot be unpacked")
    check = f"cd {PurePosixPath(folder)} && sha256sum --check --quiet {wheelhouse.SUMS}"
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


async def _examine(connection: Connection, facts: Facts, folder: Path) -> None:
    """Run ``edge-doctor`` of a new runtime on the device, which also compiles what it imports."""
    report = folder / "doctor.json"
    done = await connection.run([*facts.prefix, str(folder / "bin/edge-doctor"), "--json", str(report)], b"", 300.0)
    shown = await connection.run([*facts.prefix, "cat", str(report)])
    try:
        found = json.loads(shown.out)
        broken = [check for check in found["checks"] if check["status"] == "broken"]
    except (ValueError, KeyError, TypeError):
        raise FileError(f"{connection.host.name}: the new runtime does not start: {done.said}") from None
    for check in broken:
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
