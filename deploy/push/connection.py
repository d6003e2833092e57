"""An SSH connection to a device: the user's own keys, agent, configuration and known hosts, and errors in one line."""

import asyncio
import json
import os
import shlex
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from edge.deploy.push.host import Host
from edge.errors import FileError, InputError, MissingExtra

CONNECT_S = 15.0
SILENCE_S = 15.0
"""How long a connection may be silent before it is asked for a sign of life; after three of them it is given up."""


@dataclass(frozen=True)
class Done:
    """What a command on a device gave: its exit code and its output."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The last line that the command wrote, of its errors if there are any."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return lines[-1][:300] if lines else f"exit code {self.code}"

    def answer(self) -> dict[str, Any] | None:
        """Return the last line of the output that is a JSON object; None when there is none.

        Other lines are those of a login shell that greets.
        """
        for line in reversed(self.out.splitlines()):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                return found
        return None


class Connection:
    """Runs commands on a device."""

    def __init__(self, host: Host, session: Any) -> None:
        """Take an open connection of asyncssh."""
        self.host = host
        self._session = session

    async def run(
        self, command: Sequence[str], given: bytes | AsyncIterator[bytes] = b"", longest_s: float = 120.0
    ) -> Done:
        """Run a command to its end.

        Args:
            command: the program and its arguments.
            given: its standard input, whole or in blocks.
            longest_s: how long it may take.

        Raises:
            FileError: the connection broke, or the command did not end in time.
        """
        try:
            return await asyncio.wait_for(self._run(shlex.join(command), given), longest_s)
        except (TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
            raise FileError(f"{self.host.name}: {command[0]} did not end within {longest_s:g} s; try again") from None
        except (OSError, _ssh().Error) as error:
            raise FileError(
                f"{self.host.name}: the connection broke: {_words(error)}; deploy again to go on"
            ) from error

    async def _run(self, command: str, given: bytes | AsyncIterator[bytes]) -> Done:
        process = await self._session.create_process(command, encoding=None)
        out, err, _ = await asyncio.gather(process.stdout.read(), process.stderr.read(), self._feed(process, given))
        await process.wait_closed()
        code = process.exit_status
        if code is None:
            raise ConnectionError(f"it ended by signal {(process.exit_signal or ['?'])[0]}")
        return Done(code, out.decode(errors="replace"), err.decode(errors="replace"))

    @staticmethod
    async def _feed(process: Any, given: bytes | AsyncIterator[bytes]) -> None:
        try:
            if isinstance(given, bytes):
                process.stdin.write(given)
                await process.stdin.drain()
            else:
                async for block in given:
                    process.stdin.write(block)
                    await process.stdin.drain()
            process.stdin.write_eof()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the command ended before it took everything; its exit code and words say why


def _ssh() -> Any:
    try:
        import asyncssh
    except ImportError as error:
        raise MissingExtra("edge-deploy needs asyncssh, not installed here: pip install 'edgekit[deploy]'") from error
    return asyncssh


@asynccontextmanager
async def connected(host: Host) -> AsyncIterator[Connection]:
    """Connect to a device while the body runs.

    Raises:
        FileError: it cannot be reached, or its key is not the known one.
        InputError: it does not let this user in.
    """
    ssh = _ssh()
    given = {"username": host.user, "port": host.port}
    try:
        session = await ssh.connect(
            host.address,
            **{key: value for key, value in given.items() if value is not None},
            connect_timeout=CONNECT_S,
            keepalive_interval=SILENCE_S,
            request_pty=False,
        )
    except (OSError, ssh.Error, ValueError) as error:
        raise _refusal(host, error, ssh) from error
    async with session:
        yield Connection(host, session)


def _refusal(host: Host, error: Exception, ssh: Any) -> FileError | InputError:
    if isinstance(error, ssh.HostKeyNotVerifiable):
        return FileError(
            f"{host.name}: its host key is not the known one, or not known yet: {_words(error)}; if that is right, "
            f"log in once with ssh {_login(host)}, and look at its key there"
        )
    if isinstance(error, ssh.PermissionDenied):
        return InputError(
            f"{host.name}: it refuses the login as {host.user or 'the configured user'}: {_words(error)}; give your "
            "key to it with ssh-copy-id, or start your agent with ssh-add"
        )
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return FileError(
            f"{host.name}: {host.address} does not answer within {CONNECT_S:g} s; is it on, and in this network?"
        )
    if isinstance(error, ValueError):
        return InputError(f"{host.name}: your keys or SSH configuration cannot be used: {_words(error)}; see ~/.ssh")
    return FileError(f"{host.name}: {host.address} cannot be reached: {_words(error)}; is it on, and does it run sshd?")


def _login(host: Host) -> str:
    """Return the arguments of ssh that reach a device."""
    port = "" if host.port is None else f"-p {host.port} "
    return f"{port}{host.user + '@' if host.user else ''}{host.address}"


def _words(error: BaseException) -> str:
    """Return an error's own words in one line."""
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)  # asyncio's own words hold a tuple
    text = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
