"""The Raspberry Pi's camera through libcamera's Python library, picamera2."""

from edge.errors import FileError
from edge.imaging import Image
from edge.sources.base import Device, Source
from edge.sources.geometry import parse
from edge.sources.supervised import DEFAULT, RetryPolicy, SupervisedSource

MODE = (1280, 720, 30.0)


class _PiCamera(Device):
    def __init__(self, size: tuple[int, int], fps: float) -> None:
        from picamera2 import Picamera2

        try:
            self._camera = Picamera2()
        except (IndexError, RuntimeError) as error:  # picamera2's ways of saying that no camera is connected or free
            raise FileError(f"the Pi's camera cannot be opened: {error}; see `rpicam-hello --list-cameras`") from error
        # libcamera names formats by their order in a 32-bit word: RGB888 lies in memory as blue, green, red.
        main = {"size": size, "format": "RGB888"}
        self._camera.configure(self._camera.create_video_configuration(main=main, controls={"FrameRate": fps}))
        self._camera.start()

    def read(self) -> Image:
        """See Device."""
        image: Image = self._camera.capture_array("main")
        return image

    def close(self) -> None:
        """See Device."""
        self._camera.stop()
        self._camera.close()


def open_picamera(text: str, retry: RetryPolicy = DEFAULT) -> Source:
    """text: ``WxH@FPS`` or a part of it. A camera that does not open at the first try is an error."""
    width, height, fps = parse(text, MODE)
    return SupervisedSource("picamera", lambda: _PiCamera((width, height), fps), True, retry)
