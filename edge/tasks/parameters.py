"""A task's parameters: each is read by name with its check, and what no task or decoder knows is refused."""

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

from edge.errors import InputError, unknown_name
from edge.signature import TaskSpec


class Parameters:
    """Reads the parameters of one task. Every method raises InputError for a value that is not as it says."""

    def __init__(self, task: TaskSpec) -> None:
        self._task, self._given, self._known = task.name, dict(task.parameters), list[str]()

    def given(self, name: str) -> bool:
        """Whether somebody stated the parameter; one that is null counts as not stated."""
        return self._given.get(name) is not None

    def number(self, name: str, default: float, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number from ``low`` to ``high``."""
        value = self._value(name, default)
        if not _is_number(value) or not low <= value <= high:
            raise self._error(name, f"a number{_range(low, high)}", value)
        return float(value)

    def whole(self, name: str, default: int, low: int = 1) -> int:
        """Return a whole number of at least ``low``."""
        value = self._value(name, default)
        if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
            raise self._error(name, f"a whole number of at least {low}", value)
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self._error(name, "true or false", value)
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of ``choices``."""
        value = self._value(name, default)
        if value not in choices:
            raise self._error(name, f"one of {', '.join(choices)}", value)
        return str(value)

    def texts(self, name: str, count: int, what: str) -> tuple[str, ...] | None:
        """Return ``count`` texts, None when nobody stated any. what: that there are so many of, for the message."""
        value = self._value(name, None)
        if value is None:
            return None
        fits = isinstance(value, (list, tuple)) and all(isinstance(one, str) and one for one in value)
        if not fits or len(value) != count:
            raise self._error(name, f"a list of {count} texts, one for each {what}", value)
        return tuple(value)

    def numbers(self, name: str, default: Sequence[float], counts: Sequence[int]) -> tuple[float, ...]:
        """Return finite numbers, as many as one of ``counts``; one number alone may stand without a list."""
        value = self._value(name, default)
        row = [value] if _is_number(value) else value
        fits = isinstance(row, (list, tuple)) and all(_is_number(one) for one in row)
        if not fits or len(row) not in counts:
            sizes = " or ".join(str(count) for count in sorted(set(counts)))
            raise self._error(name, f"{sizes} numbers", value)
        return tuple(float(one) for one in row)

    def pairs(self, name: str, below: int) -> tuple[tuple[int, int], ...] | None:
        """Return pairs of indices from 0 to ``below`` - 1, None when nobody stated any."""
        value = self._value(name, None)
        if value is None:
            return None
        rows = value if isinstance(value, (list, tuple)) else [value]
        if not all(_is_pair(row, below) for row in rows):
            raise self._error(name, f"pairs of whole numbers from 0 to {below - 1}", value)
        return tuple((int(row[0]), int(row[1])) for row in rows)

    def finish(self, also: Iterable[str] = ()) -> None:
        """Raise InputError for a parameter that nobody has read. also: names that a decoder reads."""
        known = [*self._known, *also]
        for name in self._given:
            if name not in known:
                raise unknown_name(f"parameter of task {self._task}", name, known or ["none"])

    def _value(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._given[name] if self.given(name) else default

    def _error(self, name: str, expected: str, value: Any) -> InputError:
        return InputError(f"parameter {name} of task {self._task} must be {expected}, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_pair(row: Any, below: int) -> bool:
    if not isinstance(row, (list, tuple)) or len(row) != 2:
        return False
    return all(isinstance(one, Integral) and not isinstance(one, bool) and 0 <= one < below for one in row)


def _range(low: float, high: float) -> str:
    if math.isfinite(low) and math.isfinite(high):
        return f" from {low:g} to {high:g}"
    return f" of at least {low:g}" if math.isfinite(low) else f" of at most {high:g}" if math.isfinite(high) else ""
