"""Types of option values for argparse, which shows an ArgumentTypeError in one line."""

import argparse
import json
import re
from typing import Any


def count(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Parse ``WxH`` in pixels."""
    width, x, height = text.lower().partition("x")
    if not (x and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"must look like 1280x720, got {text!r}")
    return int(width), int(height)


def _fractions(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers separated by commas, got {text!r}") from None


def region(text: str) -> tuple[float, ...]:
    """Parse four fractions separated by commas."""
    found = _fractions(text)
    if len(found) != 4:
        raise argparse.ArgumentTypeError(f"must be four numbers X0,Y0,X1,Y1, got {text!r}")
    return found


def shape(text: str) -> dict[str, Any]:
    """Parse ``NAME=X0,Y0,X1,Y1…``, a line or zone."""
    name, equals, points = text.partition("=")
    numbers = _fractions(points) if name and equals else (0.0,)
    if len(numbers) % 2:
        raise argparse.ArgumentTypeError(f"must be NAME=X0,Y0,X1,Y1 and so on, got {text!r}")
    return {"name": name, "points": list(zip(numbers[::2], numbers[1::2], strict=True))}


def sink(text: str) -> tuple[str, str]:
    """Parse ``NAME=TARGET``."""
    name, _, target = text.partition("=")
    return name, target


def sink_option(text: str) -> tuple[str, str, Any]:
    """Parse ``NAME.OPTION=VALUE``. The value is JSON or a text."""
    name, value = pair(text)
    sink, dot, option = name.partition(".")
    if not dot:
        raise argparse.ArgumentTypeError(f"must be NAME.OPTION=VALUE, got {text!r}")
    return sink, option, _literal(value)


def setting(text: str) -> tuple[list[str], Any]:
    """Parse ``KEY.KEY=VALUE``, with places as in ``source[0].rotate``. The value is JSON or a text."""
    name, value = pair(text)
    return re.sub(r"\[(\d+)\]", r".\1", name).split("."), _literal(value)


def _literal(text: str) -> Any:
    """Return a number, a truth value or a list as such, and every other text as it is."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def pair(text: str) -> tuple[str, str]:
    """Parse ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, got {text!r}")
    return name, value
