"""``dumps`` writes nested mappings as TOML."""

import json
import re
from collections.abc import Mapping
from typing import Any

from edge.errors import InputError


def dumps(values: Mapping[str, Any]) -> str:
    """Return nested mappings as TOML: plain values first, then tables, then arrays of tables.

    Args:
        values: texts, numbers, truth values, lists and mappings.
    """
    return "\n".join(_lines(values, ())).strip() + "\n"


def _lines(values: Mapping[str, Any], table: tuple[str, ...]) -> list[str]:
    nested = {name: value for name, value in values.items() if _is_table(value) or _is_tables(value)}
    lines = [f"{_key(name)} = {_value(value)}" for name, value in values.items() if name not in nested]
    for name, value in nested.items():
        path = (*table, _key(name))
        for one in value if isinstance(value, list) else [value]:
            header = ".".join(path)
            lines += ["", f"[[{header}]]" if isinstance(value, list) else f"[{header}]", *_lines(one, path)]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if value is None:
        raise InputError("camera.toml has no null, which an option or parameter is set to: leave that out")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(name)} = {_value(one)}' for name, one in value.items())}}}"
    return str(value)
