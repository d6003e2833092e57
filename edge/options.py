"""``build`` makes a dataclass of options from a mapping, as a configuration file or a command line has it.

Values are checked against the annotations: ``bool``, ``int``, ``float``, ``str``, ``Path``, ``Literal[…]``, optional
types, tuples, mappings of texts, and other dataclasses. Lists become tuples.
"""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from edge.errors import InputError, unknown_name

T = TypeVar("T")

Keys = tuple[str | int, ...]
"""The way to a value in nested mappings and lists."""

Fail = Callable[[Keys, str], InputError]
"""Makes the error for the value at some keys, for example with the line of the file."""


def build(cls: type[T], values: Mapping[str, Any], what: str = "", fail: Fail | None = None, at: Keys = ()) -> T:
    """Make a dataclass.

    Args:
        cls: the dataclass.
        values: its fields by name. A hyphen counts as an underscore.
        what: what the options are for, for messages, such as "sink mqtt".
        fail: makes the errors. None makes a plain InputError.
        at: the keys of ``values`` in the whole.

    Raises:
        InputError: a name is unknown, one is missing, or a value has another type or is not allowed.
    """
    raise_at = fail or (lambda keys, line: InputError(line))
    known = _fields(cls)  # type: ignore[arg-type]
    given: dict[str, Any] = {}
    for written, value in values.items():
        name = written.replace("-", "_")
        if name not in known:
            raise raise_at((*at, written), str(unknown_name(f"option of {what}" if what else "option", name, known)))
        given[name] = _value(known[name], value, f"{what} {name}".strip(), raise_at, (*at, written))
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise raise_at(at, f"{what or cls.__name__} must state {field.name}")
    try:
        return cls(**given)
    except InputError as error:
        raise raise_at(at, f"{what}: {error}" if what else str(error)) from None


@lru_cache(maxsize=64)
def _fields(cls: type) -> dict[str, Any]:
    """Return the annotation of each field."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def _value(hint: Any, value: Any, what: str, fail: Fail, at: Keys) -> Any:
    """Return ``value`` as the annotation wants it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, what, fail, at)
    if origin is Literal:
        if value in inner and not isinstance(value, bool):
            return value
        raise fail(at, f"{what} must be one of {', '.join(repr(one) for one in inner if one != '')}, got {value!r}")
    if origin is tuple:
        return _tuple(inner, value, what, fail, at)
    if origin is frozenset:
        return frozenset(_tuple((inner[0], ...), value, what, fail, at))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise fail(at, f"{what} must be a table of names and values, got a {type(value).__name__}")
        return {str(name): _value(inner[1], one, f"{what}.{name}", fail, (*at, name)) for name, one in value.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise fail(at, f"{what} must be a table of options, got {_said(what, value)}")
        return build(hint, value, what, fail, at)
    return _plain(hint, value, what, fail, at)


def _one_of(inner: tuple[Any, ...], value: Any, what: str, fail: Fail, at: Keys) -> Any:
    if value is None and type(None) in inner:
        return None
    kinds = [kind for kind in inner if kind is not type(None)]
    for kind in kinds[:-1]:
        try:
            return _value(kind, value, what, fail, at)
        except InputError:
            continue
    return _value(kinds[-1], value, what, fail, at)


def _tuple(inner: tuple[Any, ...], value: Any, what: str, fail: Fail, at: Keys) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise fail(at, f"{what} must be a list, got {_said(what, value)}"[:300])
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(value) != len(inner):
        raise fail(at, f"{what} must be a list of {len(inner)}, got {list(value)!r}"[:300])
    pairs = enumerate(zip(inner, value, strict=True))
    return tuple(_value(kind, one, f"{what}[{place}]", fail, (*at, place)) for place, (kind, one) in pairs)


def _said(what: str, value: Any) -> str:
    """Return a value for a message, without what may be a password."""
    from edge.secret import is_secret  # only an error needs it

    if is_secret(what) or "://" in str(value):
        return f"a value of the type {type(value).__name__}"
    return repr(value)


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


def _plain(hint: Any, value: Any, what: str, fail: Fail, at: Keys) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str) and value:
        return Path(value)
    if isinstance(value, hint) and not (hint is not bool and isinstance(value, bool)):
        return value
    raise fail(at, f"{what} must be {_WORDS.get(hint, hint)}, got {_said(what, value)}"[:300])
