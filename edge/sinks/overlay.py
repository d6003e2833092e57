"""A picture with its result drawn in, as the result's task draws it."""

from edge import tasks
from edge.imaging import Image
from edge.results import Result


def annotated(image: Image, result: Result) -> Image:
    """Return a copy of ``image``, (height, width, 3) uint8 BGR, with the result, or why there is none, drawn in."""
    from edge.tasks import lettering  # a loop that shows no picture starts without it

    out = image.copy()
    if result.fault:
        lettering.lines(out, [result.fault])
    else:
        tasks.load(result.task).draw(out, result)
    return out
