"""The sink ``mqtt`` publishes results, counters and the machine's state, and takes commands.

``docs/fleet.md`` has the table of topics. All of them lie under the path of the address:
``mqtt://me:${MQTT_PASSWORD}@broker:1883/cameras/door``.
"""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge import __version__
from edge.errors import InputError
from edge.reports import Report, to_stderr
from edge.results import Place, Result, rounded
from edge.sinks import address, mqtt_commands, topics
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.home_assistant import Discovery
from edge.sinks.host import Host
from edge.sinks.mqtt_client import Broker, Will
from edge.sinks.slugs import slug, unique_slug

EXAMPLE = "mqtt://host, mqtt://user:${PASSWORD}@host:1883/prefix or mqtts://host:8883/prefix"
HEALTH_SECONDS = 10.0
"""The interval at which rates, ages and the machine's state are published."""


@dataclass(frozen=True)
class MqttOptions:
    """What is published, and how often.

    Attributes:
        results: whether results are published.
        interval: the least time in seconds between two results of a source, and between two messages of its counters.
            0 publishes each.
        discovery: the topic under which Home Assistant looks for devices. Empty publishes none.
        labels: the labels that have a counter of their own in Home Assistant.
        commands: whether messages to ``PREFIX/set/…`` change settings.
        ca: a file with the certificates that are trusted for ``mqtts``. None takes those of the system.
    """

    results: bool = True
    interval: float = 1.0
    discovery: str = "homeassistant"
    labels: tuple[str, ...] = ()
    commands: bool = True
    ca: Path | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if not 0 <= self.interval <= 86400:
            raise InputError(f"interval must be from 0 to 86400 seconds, got {self.interval}")
        if self.discovery:
            topics.check("discovery", self.discovery)
        if self.ca is not None and not self.ca.is_file():
            raise InputError(f"ca must be a file with certificates, and {self.ca} is none")


@dataclass
class _SourceState:
    """What was published of a source, and what is to be.

    Attributes:
        results: the number of results since ``since``.
        since: when the last health was published.
        due: when the next result and counters may be published.
        age_ms: the age of the last result.
        counts: the counters of the last result.
        places: its lines and zones, by their topics.
        sent: the payloads that were published, by topic.
    """

    since: float
    results: int = 0
    due: float = 0.0
    age_ms: float = 0.0
    counts: str = ""
    places: dict[str, Place] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)


class Mqtt(Sink):
    """Publishes in the thread of the client library, so that a slow broker holds nothing up.

    Results are sent once at most (quality of service 0), everything else at least once (1). Occurrences wait for a
    broker that is away, up to a thousand; results do not. Retained messages are published again after each connection.
    """

    name = "mqtt"
    lossless = True
    on_error: OnError = "retry"
    Options = MqttOptions

    def __init__(
        self,
        target: str,
        context: Context,
        options: MqttOptions = MqttOptions(),
        clock: Callable[[], float] = time.monotonic,
        report: Report = to_stderr,
        host: Host | None = None,
        **client: Any,
    ) -> None:
        """Begin to connect. A broker that is away is no error.

        Args:
            target: the broker's address, with the prefix of all topics as its path.
            context: the loop.
            options: what is published.
            clock: returns monotonic time in seconds.
            report: takes lines for the user.
            host: the machine. None takes this one.
            client: further arguments of ``Broker``, in tests.

        Raises:
            InputError: the address, the prefix or the name of a source is invalid, or a variable is not set.
            FileError: a secret's file cannot be read.
        """
        where = address.parse(target, {"mqtt": 1883, "mqtts": 8883}, EXAMPLE)
        self._prefix = where.path.strip("/") or _own_prefix(context)
        topics.check("the path of the address", self._prefix)
        if any(source.name == "set" for source in context.sources):
            raise InputError("with mqtt no source may have the name 'set': commands come under that topic; rename it")
        self._context, self._options, self._clock, self._report = context, options, clock, report
        self._discovery = Discovery(options.discovery, self._prefix, context.model)
        self._host, self._host_due = host or Host(), 0.0
        self._lock = threading.Lock()
        self._of = {source.name: _SourceState(clock()) for source in context.sources}
        self._sent: dict[str, str] = {}
        self._broker = Broker(
            where,
            Will(f"{self._prefix}/status"),
            self._publish_all,
            self._command,
            (f"{self._prefix}/set/+",) if options.commands else (),
            report,
            options.ca,
            **client,
        )
        self._broker.start()

    def emit(self, event: Event) -> None:
        """See Sink."""
        source, result = self._context.source_of(event.frame).name, event.result
        with self._lock:
            state, now = self._of[source], self._clock()
            state.results += 1
            state.age_ms = result.age_ms
            self._publish_occurrences(source, result)
            self._update(source, state, result)
            if now >= state.due:
                state.due = now + self._options.interval
                self._publish_result(source, result)
                self._publish_state(source, state)
            if now - state.since >= HEALTH_SECONDS:
                self._publish_health(source, state, now)
            if now >= self._host_due:
                self._host_due = now + HEALTH_SECONDS
                self._publish_host()
            self._publish_settings()

    def close(self) -> None:
        """Publish the last counters, say that this client is offline, and disconnect."""
        with self._lock:
            for source, state in self._of.items():
                self._publish_state(source, state)
        self._broker.close()

    def _publish_all(self) -> None:
        """Publish everything that is retained, after a connection."""
        with self._lock:
            self._sent.clear()
            if self._options.discovery:
                machine = self._host.state()
                self._announce(self._discovery.host(machine.degrees is not None, machine.throttled is not None))
            self._publish_host()
            self._publish_settings()
            for source, state in self._of.items():
                state.sent.clear()
                if self._options.discovery:
                    self._announce(self._discovery.source(source, self._options.labels))
                self._publish_state(source, state)

    def _announce(self, messages: Any) -> None:
        for topic, content in messages:
            self._retain(topic, json.dumps(content, ensure_ascii=False))

    def _publish_result(self, source: str, result: Result) -> None:
        if not self._options.results:
            return
        payload = json.dumps(result.as_json(), ensure_ascii=False, allow_nan=False)
        topic = f"{topics.of_source(self._prefix, source)}/result"
        if not (self._broker.up and self._broker.publish(topic, payload, qos=0)):
            self._context.stats.count_lost(self.name)

    def _publish_occurrences(self, source: str, result: Result) -> None:
        for one in result.occurrences:
            content = {"source": result.source, "frame": result.frame, "captured_ns": result.captured_ns}
            payload = json.dumps({**content, **one.as_json()}, ensure_ascii=False)
            if not self._broker.publish(f"{topics.of_source(self._prefix, source)}/occurrence", payload):
                self._context.stats.count_lost(self.name)

    def _update(self, source: str, state: _SourceState, result: Result) -> None:
        """Take the counters of a result. They are published later."""
        if result.fault:
            return
        boxes = [one for one in result.predictions if one.box is not None]
        labels = Counter(one.label for one in boxes)
        best = result.predictions[0].label if result.predictions else None
        counts = {"objects": len(boxes) or len(result.poses), "labels": dict(sorted(labels.items())), "best": best}
        state.counts = json.dumps(counts, ensure_ascii=False)
        state.places = {topics.of_place(self._prefix, source, place): place for place in result.places}

    def _publish_state(self, source: str, state: _SourceState) -> None:
        """Publish the counters that have changed, and remove those of lines and zones that are gone."""
        if not self._broker.up:
            return
        wanted = {f"{topics.of_source(self._prefix, source)}/counts": state.counts} if state.counts else {}
        for topic, place in state.places.items():
            wanted[topic] = json.dumps({"name": place.name, "kind": place.kind, **place.counts}, ensure_ascii=False)
            if self._options.discovery:
                for entity, content in self._discovery.place(source, place):
                    wanted[entity] = json.dumps(content, ensure_ascii=False)
        gone = {topic: "" for topic in state.sent if topic not in wanted}  # an empty message ends a retained one
        for topic, payload in {**wanted, **gone}.items():
            if state.sent.get(topic) != payload and self._broker.publish(topic, payload, retain=True):
                state.sent[topic] = payload
        for topic in gone:
            state.sent.pop(topic, None)

    def _publish_health(self, source: str, state: _SourceState, now: float) -> None:
        fps = state.results / (now - state.since)
        state.results, state.since = 0, now
        counts = self._context.stats.snapshot().by_source.get(source)
        content = {
            "fps": rounded(fps, 2),
            "age_ms": rounded(state.age_ms, 1),
            **(counts._asdict() if counts is not None else {}),
        }
        if self._broker.up:
            self._broker.publish(f"{topics.of_source(self._prefix, source)}/health", json.dumps(content), retain=True)

    def _publish_host(self) -> None:
        machine, context = self._host.state(), self._context
        content = {
            "version": __version__,
            "model": context.model,
            "backend": context.backend,
            "degrees": machine.degrees,
            "throttled": machine.throttled,
        }
        self._retain(f"{self._prefix}/host", json.dumps(content, ensure_ascii=False))

    def _publish_settings(self) -> None:
        settings = self._context.control.settings
        labels = None if settings.labels is None else sorted(settings.labels)
        content = {"score_threshold": settings.score_threshold, "labels": labels}
        self._retain(f"{self._prefix}/settings", json.dumps(content, ensure_ascii=False))

    def _retain(self, topic: str, payload: str) -> None:
        """Publish a retained message, unless the same was published on this connection."""
        if self._broker.up and self._sent.get(topic) != payload and self._broker.publish(topic, payload, retain=True):
            self._sent[topic] = payload

    def _command(self, topic: str, payload: bytes, retained: bool) -> None:
        name = topic.rpartition("/")[2]
        try:
            if retained:
                raise InputError("a retained command is not followed: publish it without retain")
            changes = mqtt_commands.parse(name, payload, self._context.labels)
            self._context.control.change(**changes)
        except InputError as error:
            self._report(f"sink mqtt: command {slug(name)}: {error}"[:300])
        else:
            with self._lock:
                self._publish_settings()


def _own_prefix(context: Context) -> str:
    """Return the prefix of an address without a path: this machine and its sources.

    Two programs on one machine have different sources. Under one prefix, the first that ends would say ``offline`` for
    both.
    """
    sources = unique_slug("-".join(source.name for source in context.sources))
    return f"edgekit/{slug(socket.gethostname())}-{sources}"
