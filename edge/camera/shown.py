"""``without_secrets`` makes a configuration that may be shown: each password in it is named, not written."""

from typing import Any

from edge.secret import is_secret, named

_HEADERS = "headers"
"""The table whose values may all be secrets."""

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
        return {key: _shown(name if name == _HEADERS else key, one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_shown(name, one, variables) for one in value]

    def new_name() -> str:
        variables.append(f"EDGE_SECRET_{len(variables) + 1}")
        return variables[-1]

    hides = name == _HEADERS or is_secret(name)
    if hides and value not in (None, "", True, False) and "${" not in str(value):
        return f"${{{new_name()}}}"
    is_address = isinstance(value, str) and ("://" in value or name in _ADDRESSES)
    return named(value, new_name) if is_address else value
