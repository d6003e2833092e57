"""What Ultralytics' exports state in their properties, as Python prints it: class names and the form of keypoints."""

import re
from collections.abc import Mapping

MOST_LETTERS = 1 << 20
"""Of the property. The names of ImageNet's thousand classes have some 30,000."""

_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_PAIR = re.compile(rf"\s*(\d+)\s*:\s*({_TEXT})\s*(?:,|$)")


def labels(properties: Mapping[str, str]) -> tuple[str, ...]:
    """Return the class names of the property ``names``, such as ``{0: 'person', 1: 'bicycle'}``.

    They are empty when there is no such property, or another form, or when the numbers are not 0, 1, 2 and so on.
    """
    text = properties.get("names", "").strip()
    if len(text) > MOST_LETTERS or text[:1] != "{" or text[-1:] != "}":
        return ()
    found: list[str] = []
    text, place = text[1:-1].rstrip(), 0
    while place < len(text):
        pair = _PAIR.match(text, place)
        if pair is None or pair[1] != str(len(found)):
            return ()
        found.append(re.sub(r"\\(.)", r"\1", pair[2][1:-1]))
        place = pair.end()
    return tuple(found)


def keypoint_numbers(properties: Mapping[str, str]) -> int:
    """Return how many numbers a keypoint has, by the property ``kpt_shape`` such as ``[17, 3]``; 3 without it."""
    found = re.fullmatch(r"[\[(]\d+, *([23])[\])]", properties.get("kpt_shape", "").strip())
    return int(found[1]) if found else 3
