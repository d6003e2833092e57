"""``without_secrets`` makes a configuration that may be shown: each password in it is named, not written."""

import re
from typing import Any

from edge.secret import named

_SECRET = re.compile(r"pass|token|secret|authorization|api.?key", re.IGNORECASE)
"""Names of options whose values are secrets."""

_ADDRESSES = ("address", "target")
"""Names of options that may be addresses, also mistyped ones without ``://``."""


def without_secrets(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a configuration's mappings without written passwords, and the variables that stand in their place.

    Args:
        values: what ``edge.camera.config.as_mapping`` returned.
    """
    variables: list[str] = []
    return {name: _shown(name, value, variables) for name, value in values.items()}, variables


def _shown(name: str, value: Any, variables: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _shown(key, one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_shown(name, one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def new_name() -> str:
        variables.append(f"EDGE_SECRET_{len(variables) + 1}")
        return variables[-1]

    if _SECRET.search(name) and value and "${" not in value:
        return f"${{{new_name()}}}"
    return named(value, new_name) if "://" in value or name in _ADDRESSES else value
