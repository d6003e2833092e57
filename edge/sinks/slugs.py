"""Names of sources, labels and places become parts of file names, topics and identifiers."""

import hashlib
import re

LONGEST = 48


def slug(text: str, longest: int = LONGEST) -> str:
    """Return ``text`` with a hyphen for what is no ASCII letter, digit, point, underscore or hyphen.

    It has 1 to ``longest`` characters and does not begin with a point.
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:longest].strip("-.") or "x"


def unique_slug(text: str) -> str:
    """Return a slug that differs for different texts: one that changed the text ends in digits of its SHA-256."""
    short = slug(text)
    return (
        short if short == text else f"{short}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
    )
