"""``Broker`` keeps a connection to an MQTT broker, for as long as the run lasts.

It connects in a thread of paho's, and again after every loss, after 1 to 30 s. The first failure in a row is reported,
and so is the next success.
"""

import ssl
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.closing import Closing
from edge.reports import Report
from edge.sinks.address import Address

KEEPALIVE_SECONDS = 15
"""A broker that does not answer for one and a half times this is taken to be gone, and says so of this client."""

FIRST_DELAY, LONGEST_DELAY = 1, 30
"""The back-off in seconds."""

CONNECT_SECONDS = 3.0
CLOSE_SECONDS = 1.5
"""How long to wait for the last message, and again for the thread."""

MOST_WAITING = 1000
"""The most messages that wait for the broker. Further ones are lost."""


class Will(NamedTuple):
    """The message that tells whether this client is there. It is retained.

    Attributes:
        topic: its topic.
        online: what is published when the connection is made.
        offline: what the broker publishes when the connection is lost, and this client before it disconnects.
    """

    topic: str
    online: str = "online"
    offline: str = "offline"


class Publish(Protocol):
    """Publishes a message."""

    def __call__(self, topic: str, payload: str, qos: int = 1, retain: bool = False) -> bool:
        """Return whether the message was taken. One of quality 1 is sent later when the broker is away."""
        ...


class Broker(Closing):
    """A connection to a broker. ``publish`` never waits for the network."""

    def __init__(
        self,
        address: Address,
        will: Will,
        on_connect: Callable[[], None],
        on_message: Callable[[str, bytes, bool], None],
        subscriptions: tuple[str, ...],
        report: Report,
        ca: Path | None = None,
        make: Callable[..., Any] = paho.Client,
    ) -> None:
        """Prepare the client. ``start`` begins to connect.

        Args:
            address: the broker's address. ``mqtts`` checks its certificate.
            will: the message that tells whether this client is there.
            on_connect: is called in paho's thread after each connection.
            on_message: is called in paho's thread with topic, payload and whether the message was retained.
            subscriptions: the topics whose messages are wanted.
            report: takes one line for each loss and each recovery.
            ca: the certificates that are trusted for ``mqtts``. None takes those of the system.
            make: makes the client, in tests.
        """
        self._name, self._will, self._report = address.name, will, report
        self._on_connect, self._on_message, self._subscriptions = on_connect, on_message, subscriptions
        self._failures, self._up, self._closed = 0, False, False
        identity = f"edgekit-{uuid.uuid4().hex[:12]}"
        self._client = client = make(CallbackAPIVersion.VERSION2, client_id=identity, protocol=paho.MQTTv311)
        client.connect_timeout = CONNECT_SECONDS
        client.max_queued_messages_set(MOST_WAITING)
        client.reconnect_delay_set(FIRST_DELAY, LONGEST_DELAY)
        client.will_set(will.topic, will.offline, qos=1, retain=True)
        if address.user:
            client.username_pw_set(address.user, address.password or None)
        if address.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context(cafile=ca))
        client.on_connect, client.on_connect_fail = self._connected, self._not_connected
        client.on_disconnect, client.on_message = self._disconnected, self._received
        client.connect_async(address.host, address.port, KEEPALIVE_SECONDS)

    def start(self) -> None:
        """Begin to connect, in a thread that calls back at any time from now on."""
        self._client.loop_start()

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._up

    def publish(self, topic: str, payload: str, qos: int = 1, retain: bool = False) -> bool:
        """See ``Publish``."""
        content = payload.encode("utf-8", "backslashreplace").decode()  # a lone surrogate becomes JSON's escape
        sent = self._client.publish(topic, content, qos, retain)
        return bool(sent.rc == paho.MQTT_ERR_SUCCESS or (qos and sent.rc == paho.MQTT_ERR_NO_CONN))

    def close(self) -> None:
        """Say goodbye and disconnect. It waits for at most twice CLOSE_SECONDS."""
        if self._closed:
            return
        self._closed = True
        up = self._up
        if up:
            self._client.publish(self._will.topic, self._will.offline, 1, True).wait_for_publish(CLOSE_SECONDS)
        self._client.disconnect()
        # It waits for the network, or for the next attempt to connect. The latter ends by itself within a second.
        stop = threading.Thread(target=self._client.loop_stop, name="mqtt stop", daemon=True)
        stop.start()
        stop.join(CLOSE_SECONDS if up else 0.0)

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fail(f"does not let this client in: {reason}")
            return
        if self._failures:
            self._report(f"sink mqtt: connected to {self._name} after {self._failures} attempt(s)")
        self._failures, self._up = 0, True
        for topic in self._subscriptions:
            client.subscribe(topic, qos=1)
        client.publish(self._will.topic, self._will.online, 1, True)
        self._guarded(self._on_connect)

    def _not_connected(self, client: Any, data: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this where it handles the error, and does not pass it
        self._fail(f"cannot be reached: {getattr(error, 'strerror', None) or error}"[:300])

    def _disconnected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        was_up, self._up = self._up, False
        if was_up and not self._closed:
            self._fail(f"has closed the connection: {reason}")

    def _received(self, client: Any, data: Any, message: Any) -> None:
        self._guarded(lambda: self._on_message(message.topic, message.payload, message.retain))

    def _guarded(self, call: Callable[[], None]) -> None:
        """Report an exception of a callback, which would end the client's thread."""
        try:
            call()
        except Exception as error:
            self._report(f"sink mqtt: {type(error).__name__} {error}"[:300])

    def _fail(self, why: str) -> None:
        self._failures += 1
        if self._failures == 1 and not self._closed:
            self._report(f"sink mqtt: {self._name} {why}; it is tried again")
