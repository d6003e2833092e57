"""A bundle onto a device: what is lacking there is sent in one stream, from where a broken one ended."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge import files
from edge.deploy.push.connection import Connection
from edge.deploy.push.probe import Facts
from edge.errors import EdgeError, FileError, GateFailed, InputError
from edge.slots.incoming import Wanted

BLOCK = 1 << 18
LONGEST_S = 1800.0
Progress = Callable[[int, int], None]


def wanted(bundle: Path) -> tuple[Wanted, ...]:
    """Return the files of an unpacked bundle."""
    found = sorted(path for path in bundle.iterdir() if path.is_file() and not path.name.startswith("."))
    return tuple(Wanted(path.name, path.stat().st_size, files.sha256(path)) for path in found)


async def send(
    connection: Connection, facts: Facts, bundle: Path, request: Mapping[str, Any], progress: Progress
) -> int:
    """Send the files of a bundle that a device lacks.

    Args:
        connection: to the device.
        facts: what the device is.
        bundle: the folder of the files.
        request: the request that they are for, see ``edge.slots.release``.
        progress: takes the bytes sent and all bytes to send.

    Returns:
        How many bytes were sent.
    """
    answer = await call(connection, facts, "missing", line(request))
    paths = {one["sha256"]: bundle / one["name"] for one in request["files"]}
    rows: Sequence[Mapping[str, Any]] = answer["missing"]
    total = sum(int(row["bytes"]) - int(row["offset"]) for row in rows)
    if rows:
        await call(connection, facts, "receive", _stream(rows, paths, total, progress), LONGEST_S)
    return total


async def _stream(
    rows: Sequence[Mapping[str, Any]], paths: Mapping[str, Path], total: int, progress: Progress
) -> AsyncIterator[bytes]:
    sent = 0
    for row in rows:
        yield line(row)
        with paths[row["sha256"]].open("rb") as file:
            file.seek(row["offset"])
            while block := file.read(BLOCK):
                yield block
                sent += len(block)
                progress(sent, total)


def line(content: Mapping[str, Any]) -> bytes:
    """Return JSON as one line."""
    return json.dumps(content).encode() + b"\n"


async def call(
    connection: Connection,
    facts: Facts,
    command: str,
    given: bytes | AsyncIterator[bytes] = b"",
    longest_s: float = 600.0,
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """Call the agent on a device, and return its answer.

    Raises:
        EdgeError: what the agent refused, with the device's name before its words.
    """
    host = connection.host
    if not facts.runtime:
        raise InputError(f"{host.name}: edge-deploy never put anything into {host.root} there")
    python = str(host.root / "runtime" / "bin" / "python")
    called = [*facts.prefix, python, "-m", "edge.slots", "--root", str(host.root), host.app, command, *options]
    done = await connection.run(called, given, longest_s)
    answer = done.answer()
    if answer is None:
        raise FileError(f"{host.name}: its agent does not answer: {done.said}")
    if "error" in answer:
        raise _error(int(answer["exit_code"]), f"{host.name}: {answer['error']}")
    return answer


def _error(code: int, text: str) -> EdgeError:
    return GateFailed(text) if code == GateFailed.exit_code else InputError(text)
