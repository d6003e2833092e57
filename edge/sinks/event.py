"""What sinks are given: a frame, its result, and the picture that shows both."""

from functools import partial

from edge.frames import Frame
from edge.imaging import Image
from edge.once import Once
from edge.results import Result
from edge.sinks import overlay


class Event:
    """One frame with its result; every sink of a loop gets the same object.

    Attributes:
        frame: the frame; its pixels must not be changed.
        result: what the network said of it.
    """

    def __init__(self, frame: Frame, result: Result) -> None:
        """The picture is not drawn before somebody asks for it."""
        self.frame, self.result = frame, result
        self._picture = Once(partial(_drawn, frame, result))

    @property
    def picture(self) -> Image:
        """The frame with its result drawn in, (height, width, 3) uint8 BGR, read-only.

        It is drawn once, however many sinks show it, in the thread of the first one that asks.
        """
        return self._picture()


def _drawn(frame: Frame, result: Result) -> Image:
    picture = overlay.annotated(frame.bgr, result)
    picture.flags.writeable = False
    return picture
