"""The source ``picamera`` reads the Raspberry Pi's camera through picamera2, the Python library of libcamera."""

from edge.errors import FileError
from edge.imaging import Image
from edge.sources.base import Device, Source
from edge.sources.geometry import parse
from edge.sources.options import DEFAULT as NO_OPTIONS
from edge.sources.options import SourceOptions
from edge.sources.supervised import DEFAULT, RetryPolicy, SupervisedSource

MODE = (1280, 720, 30.0)
"""Default width and height in pixels, and frames per second."""


class _PiCamera(Device):
    def __init__(self, size: tuple[int, int], fps: float) -> None:
        from picamera2 import Picamera2

        try:
            self._camera = Picamera2()
        except (IndexError, RuntimeError) as error:  # picamera2 raises these when no camera is free
            raise FileError(f"the Pi's camera cannot be opened: {error}; see `rpicam-hello --list-cameras`") from error
        # libcamera names a format by the order in a 32-bit word, so that RGB888 is blue, green, red in memory.
        main = {"size": size, "format": "RGB888"}
        self._camera.configure(self._camera.create_video_configuration(main=main, controls={"FrameRate": fps}))
        self._camera.start()

    def read(self) -> Image:
        """Return the next picture. See ``Device``."""
        image: Image = self._camera.capture_array("main")
        return image

    def close(self) -> None:
        """Stop and release the camera. See ``Device``."""
        self._camera.stop()
        self._camera.close()


def open_picamera(text: str, options: SourceOptions = NO_OPTIONS, retry: RetryPolicy = DEFAULT) -> Source:
    """Return the source of the Pi's camera.

    Iterating it raises FileError when the camera does not open at the first attempt.

    Args:
        text: ``WxH@FPS``, ``WxH``, ``@FPS`` or nothing; what is left out is taken from the options, then from MODE.
        options: what is asked of it.
        retry: how long to wait for frames, and before the camera is opened again.

    Raises:
        InputError: ``text`` has another form, or the camera does not have one of the options.
    """
    options.refuse_all_but("the Pi's camera", "size", "rate")
    width, height, fps = parse(text, (*(options.size or MODE[:2]), options.rate or MODE[2]))
    return SupervisedSource(options.name or "picamera", lambda: _PiCamera((width, height), fps), True, retry)
