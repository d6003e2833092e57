"""``Viewer`` is one open stream to a browser: a mailbox in which newer parts replace those that it has not taken."""

import asyncio


class Viewer:
    """A mailbox with one place for each kind of part. It belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._parts: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, kind: str, part: bytes) -> None:
        """Put a part in. It replaces a waiting one of its kind."""
        self._parts.pop(kind, None)
        self._parts[kind] = part
        self._changed.set()

    def end(self) -> None:
        """Let ``take`` return nothing from now on."""
        self._ended = True
        self._changed.set()

    async def take(self) -> bytes:
        """Return the waiting parts, the oldest first, as soon as there is one. Empty at the end."""
        await self._changed.wait()
        self._changed.clear()
        if self._ended:
            self._changed.set()
            return b""
        parts, self._parts = self._parts, {}
        return b"".join(parts.values())
