"""The messages by which Home Assistant finds the entities of a camera by itself.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery

Each source is a device, and so is the machine they run on. Identifiers are made of the topics' parts alone, so that
they stay the same when a model or a version changes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge import __version__
from edge.results import Place
from edge.sinks import topics
from edge.sinks.slugs import slug, unique_slug

EXPIRE_SECONDS = 60
"""A source's rate and age become unavailable when they are not published for so long."""

Message = tuple[str, dict[str, Any]]
"""A topic and the object that is published there."""


@dataclass(frozen=True)
class Discovery:
    """What all messages of one machine share.

    Attributes:
        root: the topic under which Home Assistant looks, usually ``homeassistant``.
        prefix: the topic under which everything of this machine is.
        model: the name of the network.
    """

    root: str
    prefix: str
    model: str

    def host(self, measures_heat: bool, reports_throttling: bool) -> Iterator[Message]:
        """Yield the entities of the machine.

        Args:
            measures_heat: whether its temperature is known.
            reports_throttling: whether it is known that the processor is slowed down.
        """
        value: dict[str, Any]
        if measures_heat:
            heat = {"device_class": "temperature", "unit_of_measurement": "°C", "state_class": "measurement"}
            value = {"value_template": "{{ value_json.degrees }}", **heat}
            yield self._entity("sensor", "", "temperature", "Temperature", f"{self.prefix}/host", value)
        if reports_throttling:
            value = {"value_template": _on("value_json.throttled"), "device_class": "problem"}
            yield self._entity("binary_sensor", "", "throttled", "Throttled", f"{self.prefix}/host", value)
        value = {
            "value_template": "{{ value_json.score_threshold }}",
            "command_topic": f"{self.prefix}/set/score_threshold",
            **{"min": 0, "max": 1, "step": 0.01, "mode": "slider", "entity_category": "config"},
        }
        yield self._entity("number", "", "score_threshold", "Score threshold", f"{self.prefix}/settings", value)

    def source(self, source: str, labels: tuple[str, ...]) -> Iterator[Message]:
        """Yield the entities of a source.

        Args:
            source: its name.
            labels: the labels that have a counter of their own.
        """
        topic = topics.of_source(self.prefix, source)
        counts = f"{topic}/counts"
        usual, expires = {"state_class": "measurement"}, {"expire_after": EXPIRE_SECONDS}
        objects = {"value_template": "{{ value_json.objects }}", **usual}
        yield self._entity("sensor", source, "objects", "Objects", counts, objects)
        best = {"value_template": "{{ (value_json.best or '')[:255] }}"}
        yield self._entity("sensor", source, "best", "Best label", counts, best)
        for label in labels:
            value = {"value_template": f"{{{{ value_json.labels.get({json.dumps(label)}, 0) }}}}", **usual}
            yield self._entity("sensor", source, f"label-{unique_slug(label)}", f"Count of {label}", counts, value)
        for key, name, unit in (("fps", "Results per second", "1/s"), ("age_ms", "Age of results", "ms")):
            shown = {"value_template": f"{{{{ value_json.{key} }}}}", "unit_of_measurement": unit, **usual}
            shown |= {"entity_category": "diagnostic"}
            yield self._entity("sensor", source, key, name, f"{topic}/health", {**shown, **expires})

    def place(self, source: str, place: Place) -> Iterator[Message]:
        """Yield the entities of a line or zone."""
        topic = topics.of_place(self.prefix, source, place)
        key = f"{place.kind}-{unique_slug(place.name)}"
        if place.kind == "zone":
            value = {"value_template": _on("value_json.now > 0"), "device_class": "occupancy"}
            yield self._entity("binary_sensor", source, key, place.name, topic, value)
            value = {"value_template": "{{ value_json.now }}", "state_class": "measurement"}
            yield self._entity("sensor", source, f"{key}-now", f"Objects in {place.name}", topic, value)
            return
        for direction in ("in", "out"):
            value = {"value_template": f"{{{{ value_json['{direction}'] }}}}", "state_class": "total_increasing"}
            yield self._entity("sensor", source, f"{key}-{direction}", f"{place.name} {direction}", topic, value)

    def _entity(self, kind: str, source: str, key: str, name: str, topic: str, value: dict[str, Any]) -> Message:
        device = f"edgekit-{unique_slug(self.prefix)}"
        node = f"{device}-{unique_slug(source)}" if source else device
        own = {
            "identifiers": [node],
            "name": source or f"edgekit {self.prefix.rpartition('/')[2]}",
            "manufacturer": "EdgeKit",
            "model": self.model,
            "sw_version": __version__,
            **({"via_device": device} if source else {}),
        }
        content = {
            "name": name,
            "unique_id": f"{node}-{key}",
            "state_topic": topic,
            "availability_topic": f"{self.prefix}/status",
            "device": own,
            "origin": {"name": "edgekit", "sw_version": __version__},
            **value,
        }
        return f"{self.root}/{kind}/{_identifier(node)}/{_identifier(key)}/config", content


def _identifier(text: str) -> str:
    """Return an identifier for a topic of Home Assistant, which takes no points."""
    return slug(text, 200).replace(".", "_")


def _on(condition: str) -> str:
    return f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
