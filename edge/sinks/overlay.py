"""``annotated`` draws a result into a copy of a picture."""

from edge import tasks
from edge.imaging import Image
from edge.results import Result


def annotated(image: Image, result: Result) -> Image:
    """Return a copy of ``image``, (height, width, 3) uint8 BGR, with the result drawn in, or why there is none."""
    from edge.tasks import lettering  # a loop without pictures starts without it

    out = image.copy()
    if result.fault:
        lettering.lines(out, [result.fault])
    else:
        if result.places:
            from edge.tasks import place_drawing

            place_drawing.draw(out, result.places)
            tasks.load(result.task).draw(out, result)
            place_drawing.draw_captions(out, result)
        else:
            tasks.load(result.task).draw(out, result)
    return out
