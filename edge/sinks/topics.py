"""The MQTT topics of sources, lines and zones. ``docs/fleet.md`` lists all topics."""

from edge.errors import InputError
from edge.labels import has_control
from edge.results import Place
from edge.sinks.slugs import unique_slug

LONGEST = 200


def check(what: str, topic: str) -> str:
    """Return a topic under which messages can be published.

    Args:
        what: what the topic is for, for the message of an error.
        topic: the topic.

    Raises:
        InputError: it is empty or too long, or has wildcards, percent signs or empty names.
    """
    if any(sign in topic for sign in "+#$%") or has_control(topic) or "" in topic.split("/") or len(topic) > LONGEST:
        raise InputError(
            f"{what} must be a topic of names between single slashes, without + # $ and %, got {topic!r}"[:400]
        )
    return topic


def of_source(prefix: str, source: str) -> str:
    """Return the topic under which everything of a source is."""
    return f"{prefix}/{unique_slug(source)}"


def of_place(prefix: str, source: str, place: Place) -> str:
    """Return the topic of a line or zone."""
    return f"{of_source(prefix, source)}/{place.kind}/{unique_slug(place.name)}"
