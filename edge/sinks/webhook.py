"""The sink ``webhook`` posts a JSON object to an HTTP address when an event begins."""

import base64
import http.client
import json
import socket
import ssl
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

from edge.errors import FileError, InputError
from edge.secret import reveal
from edge.sinks import address
from edge.sinks.acting import TriggerOptions, Watch, as_json
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.outbox import Outbox
from edge.sinks.pictures import jpeg

EXAMPLE = "https://host/path or http://user:${PASSWORD}@host:8123/path"
MOST_OF_AN_ANSWER = 1 << 16
"""The most bytes of an answer that are read."""


@dataclass(frozen=True)
class WebhookOptions(TriggerOptions):
    """What is posted, and how.

    Attributes:
        picture: how the annotated picture is sent: not at all, as ``picture`` in the object (``base64`` of a JPEG), or
            as the part ``picture`` of a form whose part ``event`` is the object (``multipart``).
        also_end: whether the end of an event is posted too.
        headers: more headers. Values may name secrets as ``${NAME}`` and ``${file:PATH}``.
        timeout: the longest time for a connection, and then for the message and its answer together, in seconds.
        attempts: how often a message is tried, with a back-off of 0.5 to 30 s between.
        queue: the most messages that wait. A new one replaces the oldest, which is counted as lost.
    """

    picture: Literal["none", "base64", "multipart"] = "none"
    also_end: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0
    attempts: int = 6
    queue: int = 16

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        super().__post_init__()
        for name in ("timeout", "attempts", "queue"):
            if not 0 < getattr(self, name) <= 3600:
                raise InputError(f"{name} must be above 0 and at most 3600, got {getattr(self, name)}")


class Message(NamedTuple):
    """One message.

    Attributes:
        content: the JSON object.
        picture: a JPEG, or None.
    """

    content: dict[str, Any]
    picture: bytes | None


class Webhook(Sink):
    """Posts in a thread of its own. Only an answer of 200 to 299 is a success; redirections are not followed."""

    name = "webhook"
    lossless = True
    on_error: OnError = "retry"
    Options = WebhookOptions

    def __init__(self, target: str, context: Context, options: WebhookOptions = WebhookOptions()) -> None:
        """Read the address. Nothing is sent yet.

        Raises:
            InputError: the address or a header is invalid, or a variable of the environment is not set.
            FileError: a secret's file cannot be read.
        """
        self._address = address.parse(target, {"http": 80, "https": 443}, EXAMPLE)
        self._options, self._headers = options, _headers(self._address, options)
        self._tls = ssl.create_default_context() if self._address.scheme == "https" else None
        self._watch = Watch(context, options)
        self._outbox: Outbox[Message] = Outbox(
            self.name, self._post, context.stats, options.queue, attempts=options.attempts
        )

    def emit(self, event: Event) -> None:
        """See Sink."""
        _, _, activity = self._watch(event)
        if activity.phase == "begin" or (activity.phase == "end" and self._options.also_end):
            picture = None if self._options.picture == "none" else jpeg(event.picture)
            self._outbox.put(Message(as_json(event, activity), picture))

    def close(self) -> None:
        """See Sink."""
        self._outbox.close()

    def _post(self, message: Message) -> None:
        kind, body = _body(message, self._options.picture)
        where = self._address
        make = partial(http.client.HTTPSConnection, context=self._tls) if self._tls else http.client.HTTPConnection
        connection = make(where.host, where.port, timeout=self._options.timeout)
        headers = {**self._headers, "Content-Type": kind}
        try:
            connection.connect()
            with _Limit(connection.sock, self._options.timeout):
                connection.request("POST", where.path or "/", body, headers)
                answer = connection.getresponse()
                with suppress(OSError, http.client.HTTPException):  # the status has decided
                    answer.read(MOST_OF_AN_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise FileError(f"{where.name} does not take the message: {_why(error)}") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            moved = "; redirections are not followed" if 300 <= answer.status < 400 else ""
            raise FileError(f"{where.name} must answer with 200 to 299, got {answer.status}{moved}")


class _Limit:
    """Shuts a connection down after a time. A socket's own timeout begins again with each byte that comes."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._seconds, self._late = connection, seconds, False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the limit. Raises TimeoutError in the place of an error that the shut connection caused."""
        self._timer.cancel()
        if self._late and kind is not None:
            raise TimeoutError(f"no whole answer within {self._seconds:g} s")

    def _end(self) -> None:
        self._late = True
        with suppress(OSError):  # it may be closed by now
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)  # TLS would first say goodbye


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]


def _headers(where: address.Address, options: WebhookOptions) -> dict[str, str]:
    """Return the headers with their secrets. Raises InputError for one that HTTP cannot carry, without its value."""
    out = {"User-Agent": "edgekit", "Connection": "close"}
    if where.user or where.password:
        pair = base64.b64encode(f"{where.user}:{where.password}".encode()).decode()
        out["Authorization"] = f"Basic {pair}"
    for name, value in options.headers.items():
        revealed = reveal(value).strip()
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
            raise InputError(f"a header's name must have letters, digits and hyphens only, got {name!r}"[:200])
        if not (revealed.isascii() and revealed.isprintable()):
            raise InputError(f"the value of header {name} must be printable ASCII in one line")
        out[name] = revealed
    return out


def _body(message: Message, form: str) -> tuple[str, bytes]:
    """Return the content type and the body of a message."""
    content = dict(message.content)
    if form == "base64" and message.picture is not None:
        content["picture"] = base64.b64encode(message.picture).decode()
    text = json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    if form != "multipart" or message.picture is None:
        return "application/json", text
    boundary = uuid.uuid4().hex
    parts = [
        ('name="event"', "application/json", text),
        ('name="picture"; filename="event.jpg"', "image/jpeg", message.picture),
    ]
    out = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, kind, data in parts
    )
    return f"multipart/form-data; boundary={boundary}", out + f"--{boundary}--\r\n".encode()
