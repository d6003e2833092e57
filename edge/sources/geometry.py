"""``parse`` reads ``WxH@FPS``, the size and rate of a camera."""

import re

from edge.errors import InputError

_FORM = re.compile(r"(?:(\d{1,5})x(\d{1,5}))?(?:@(\d{1,4}(?:\.\d+)?))?")
MIN_SIDE, MAX_SIDE = 16, 8192


def parse(text: str, default: tuple[int, int, float]) -> tuple[int, int, float]:
    """Return width and height in pixels, and frames per second. ``default`` supplies what ``text`` leaves out."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise InputError(f"a size and rate must look like 640x480@30, 640x480 or @30, got {text!r}")
    width, height = (int(v) if v else d for v, d in zip(match.groups()[:2], default[:2], strict=True))
    fps = float(match[3]) if match[3] else default[2]
    if not (min(width, height) >= MIN_SIDE and max(width, height) <= MAX_SIDE and fps > 0):
        raise InputError(f"a size must be {MIN_SIDE} to {MAX_SIDE} pixels a side and a rate above 0, got {text!r}")
    return width, height, fps
