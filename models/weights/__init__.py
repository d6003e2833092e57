"""Released weights: ``.keras`` files that ``edge-train`` wrote, each with a card that has its record and digest."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from edge.errors import FileError, unknown_name

FOLDER = Path(__file__).parent


@cache
def released() -> dict[str, dict[str, Any]]:
    """Return the cards of all released weights by name."""
    cards = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json")))
    return {card["name"]: card for card in cards}


def path_of(name: str) -> Path:
    """Return the file of released weights after its SHA-256 was compared with the card.

    Raises:
        InputError: there are no weights of this name.
        FileError: the file is missing or damaged.
    """
    if name not in released():
        raise unknown_name("released weights", name, released())
    card = released()[name]
    path = FOLDER / str(card["file"])
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != card["sha256"]:
        raise FileError(f"released weights {name} are damaged; install edgekit again")
    return path
