"""``Parameters`` reads a task's parameters and refuses unknown ones. ``edge.decoders.parameters`` checks values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edge.decoders.parameters import numbers
from edge.errors import InputError, unknown_name
from edge.signature import Signature


class Parameters(Mapping[str, Any]):
    """The stated parameters of a task. It records which of them were read, by ``get`` or by index.

    Task and decoder read their parameters, and ``finish`` refuses those that remain.
    """

    def __init__(self, signature: Signature) -> None:
        self._task, self._stated, self._read = signature.task.name, signature.task.parameters, set[str]()
        self._unused_decoder = signature.task.decoder

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return self._stated[name]

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return name in self._stated

    def __iter__(self) -> Iterator[str]:
        return iter(self._stated)

    def __len__(self) -> int:
        return len(self._stated)

    def within(self, signature: Signature) -> Signature:
        """Return the signature with these parameters, so that a decoder reads them from here."""
        self._unused_decoder = None
        return replace(signature, task=replace(signature.task, parameters=self))

    def finish(self) -> None:
        """Raise InputError for a parameter that neither the task nor its decoder has read, or a decoder of no use."""
        if self._unused_decoder is not None:
            raise InputError(f"task {self._task} has no decoders, got decoder {self._unused_decoder!r}; leave it out")
        for name in self._stated:
            if name not in self._read:
                raise unknown_name(f"parameter of task {self._task}", name, self._read or ["none"])


def texts(given: Mapping[str, Any], name: str, count: int, empty: bool = False) -> tuple[str, ...] | None:
    """Return ``count`` texts, or None when the parameter is not stated.

    Args:
        given: the parameters.
        name: the name of the parameter.
        count: the number of texts.
        empty: whether a text may be empty.
    """
    value = given.get(name)
    if value is None:
        return None
    fits = isinstance(value, list | tuple) and all(isinstance(one, str) and (one or empty) for one in value)
    if not fits or len(value) != count:
        raise InputError(f"parameter {name} must be a list of {count} texts, got {value!r}")
    return tuple(value)


def one_or_each(given: Mapping[str, Any], name: str, default: Sequence[float], count: int) -> list[float]:
    """Return one number for all, or ``count`` numbers. One number need not be a list."""
    found = numbers(given, name, default)
    if len(found) not in (1, count):
        raise InputError(f"parameter {name} must be one number or {count}, got {found}")
    return found


def pairs(given: Mapping[str, Any], name: str, below: int) -> tuple[tuple[int, int], ...] | None:
    """Return pairs of integers from 0 to ``below`` - 1, or None when the parameter is not stated."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(_is_pair(row, below) for row in value):
        raise InputError(f"parameter {name} must be pairs of whole numbers from 0 to {below - 1}, got {value!r}")
    return tuple((row[0], row[1]) for row in value)


def _is_pair(row: Any, below: int) -> bool:
    if not isinstance(row, list | tuple) or len(row) != 2:
        return False
    return all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < below for one in row)
