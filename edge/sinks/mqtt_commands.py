"""``parse`` reads commands that change the settings of a running loop.

``score_threshold`` takes a number from 0 to 1, ``labels`` a JSON list of labels. ``none``, ``null`` and an empty
message return to the network's own threshold, and to all labels.
"""

import json
from typing import Any

from edge.errors import InputError, unknown_name

COMMANDS = ("score_threshold", "labels")
MOST_BYTES = 4096


def parse(name: str, payload: bytes, known: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the changes that a command asks for, as ``edge.control.Control.change`` takes them.

    Args:
        name: the command's name.
        payload: its message.
        known: the network's labels. Empty accepts any.

    Raises:
        InputError: the command is unknown, or its message is not allowed.
    """
    if name not in COMMANDS:
        raise unknown_name("command", name[:100], COMMANDS)
    if len(payload) > MOST_BYTES:
        raise InputError(f"a command's message must have at most {MOST_BYTES} bytes, got {len(payload)}")
    value = _value(payload)
    if value is None:
        return {name: None}
    return {name: _threshold(value) if name == "score_threshold" else _labels(value, known)}


def _value(payload: bytes) -> Any:
    """Return the JSON value of a message, None for an empty one, and the text of any other."""
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise InputError("a command's message must be UTF-8") from None
    if text.lower() in ("", "none", "null"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _threshold(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InputError(f"score_threshold must be a number from 0 to 1, got {str(value)[:50]!r}")
    return float(value)


def _labels(value: Any, known: tuple[str, ...]) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise InputError(f'labels must be a JSON list of texts, such as ["person", "cat"], got {str(value)[:50]!r}')
    for label in value:
        if known and label not in known:
            raise InputError(str(unknown_name("label", label[:100], known))[:250])
    return frozenset(value)
