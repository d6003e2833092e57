"""An event is what sinks get: a frame, its result, and a picture that shows both."""

from functools import partial

from edge.frames import Frame
from edge.imaging import Image
from edge.once import Once
from edge.results import Result
from edge.sinks import overlay


class Event:
    """One frame with its result. All sinks of a loop get the same object.

    Attributes:
        frame: the frame, whose pixels must not be changed.
        result: the network's result for the frame.
    """

    def __init__(self, frame: Frame, result: Result) -> None:
        """Store frame and result. The picture is drawn at its first use."""
        self.frame, self.result = frame, result
        self._picture = Once(partial(_drawn, frame, result))

    @property
    def picture(self) -> Image:
        """The frame with its result drawn in, (height, width, 3) uint8 BGR, read-only.

        It is drawn once, in the thread of the first sink that uses it.
        """
        return self._picture()


def _drawn(frame: Frame, result: Result) -> Image:
    picture = overlay.annotated(frame.bgr, result)
    picture.flags.writeable = False
    return picture
