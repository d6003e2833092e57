"""``finite`` makes values that JSON can hold of values that it cannot."""

import math
from typing import Any


def finite(content: Any) -> Any:
    """Return ``content`` with None for each number that JSON cannot represent, so that the rest can be written."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
