"""The optional folder of published models, images and data sets that some tests read.

``EDGE_SHARED`` names it; without the variable it is looked for beside the checkout. A test that needs it
is marked ``@needs_shared`` and skips, saying so, where there is none.
"""

import os
from pathlib import Path

import pytest


def _find() -> Path | None:
    named = os.environ.get("EDGE_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    return folder if (folder / "models").is_dir() else None


SHARED: Path | None = _find()

_absent = pytest.mark.skipif(SHARED is None, reason="needs the optional data folder: set EDGE_SHARED to it")


def needs_shared(test):
    """Mark a test (or a class) as reading SHARED."""
    return pytest.mark.shared(_absent(test))


def shared(*parts: str) -> Path:
    """Return a path below SHARED; only for tests marked ``needs_shared``."""
    assert SHARED is not None
    return SHARED.joinpath(*parts)
