"""Reading of a task's parameters, which come from a manifest or a command line: a value, or one line of what is wrong.

Parameters are JSON values. Every function takes the mapping, the parameter's name and the default for one that is not
there, and raises InputError with the name, what was expected and what came.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edge.errors import InputError

Parameters = Mapping[str, Any]


class MissingParameter(InputError):
    """A decoder fits the file's outputs and needs a parameter that nobody gave."""


def choice(parameters: Parameters, name: str, default: str, among: Sequence[str]) -> str:
    """Return one of the words ``among``."""
    value = parameters.get(name, default)
    if value not in among:
        raise InputError(f"parameter {name} must be one of {', '.join(among)}, got {value!r}")
    return str(value)


def text(parameters: Parameters, name: str, default: str) -> str:
    """Return a word of at least one letter, in one line."""
    value = parameters.get(name, default)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InputError(f"parameter {name} must be a word, got {value!r}")
    return value


def flag(parameters: Parameters, name: str, default: bool) -> bool:
    """Return true or false."""
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InputError(f"parameter {name} must be true or false, got {value!r}")
    return value


def number(parameters: Parameters, name: str, default: float, least: float, most: float) -> float:
    """Return a number from ``least`` to ``most``."""
    value = parameters.get(name, default)
    if not _is_number(value) or not least <= value <= most:
        raise InputError(f"parameter {name} must be a number from {least:g} to {most:g}, got {value!r}")
    return float(value)


def whole(parameters: Parameters, name: str, default: int, least: int = 0, most: int | None = None) -> int:
    """Return an integer from ``least`` to ``most``, which None leaves open."""
    value = parameters.get(name, default)
    if not _is_number(value) or value != int(value) or value < least or (most is not None and value > most):
        span = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"parameter {name} must be a whole number {span}, got {value!r}")
    return int(value)


def numbers(parameters: Parameters, name: str, default: Sequence[float], count: int | None = None) -> list[float]:
    """Return a list of finite numbers, ``count`` of them unless it is None."""
    value = parameters.get(name, default)
    rows = list(value) if isinstance(value, list | tuple) else [value]
    if not rows or not all(map(_is_number, rows)) or (count is not None and len(rows) != count):
        raise InputError(f"parameter {name} must be {count or 'some'} numbers in a list, got {value!r}")
    return [float(row) for row in rows]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
