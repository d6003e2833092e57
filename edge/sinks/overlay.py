"""A picture with its result drawn in, as the result's task draws it."""

from edge import tasks
from edge.imaging import Image
from edge.results import Result


def annotated(image: Image, result: Result) -> Image:
    """Return a copy of ``image``, (height, width, 3) uint8 BGR, with the result drawn in."""
    out = image.copy()
    tasks.load(result.task).draw(out, result)
    return out
