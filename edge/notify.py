"""``Supervisor`` tells systemd that the service is ready and alive, over the socket of sd_notify(3)."""

import os
import socket
import time
from contextlib import suppress

READY_S = 5.0
"""How long the start waits for a manager that does not read. Later messages do not wait: the loop sends them."""

STATUS_S = 10.0
"""How often the service's status line is sent, in seconds."""


class Supervisor:
    """The service manager of this process, when it was started by one.

    systemd starts a service again when it is silent for longer than its watchdog allows. ``alive`` is called often, and
    sends only what is due.
    """

    def __init__(self, address: str, watchdog_s: float | None) -> None:
        """Take the address of the manager's socket.

        Args:
            address: a path, or an abstract name that begins with ``@``.
            watchdog_s: the longest silence, in seconds; None when nothing watches.
        """
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._every = watchdog_s / 3 if watchdog_s is not None else None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._alive = self._status = float("-inf")

    def ready(self) -> None:
        """Say that the model is loaded and the loop runs."""
        self._send("READY=1", READY_S)

    def alive(self) -> None:
        """Say that the loop goes on, when that is due."""
        now = time.monotonic()
        if self._every is not None and now - self._alive >= self._every:
            self._alive = now
            self._send("WATCHDOG=1")

    def status_is_due(self) -> bool:
        """Return whether the last status line was sent long ago."""
        return time.monotonic() - self._status >= STATUS_S

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._status = time.monotonic()
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """Say that the service ends, and close the socket."""
        self._send("STOPPING=1")
        self._socket.close()

    def _send(self, message: str, longest_s: float = 0.0) -> None:
        with suppress(OSError):  # a manager that is gone must not end the loop, and one that hangs not block it
            self._socket.settimeout(longest_s)
            self._socket.sendto(message.encode(), self._address)


def supervisor() -> Supervisor | None:
    """Return the service manager that started this process, or None when there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return None
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", str(os.getpid()))
    watched = microseconds.isdecimal() and int(microseconds) > 0 and pid == str(os.getpid())
    return Supervisor(address, int(microseconds) / 1e6 if watched else None)
