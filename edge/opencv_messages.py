"""``hide`` keeps OpenCV and FFmpeg from printing about errors that EdgeKit reports in one line itself."""

import os

import cv2

FATAL_ONLY = 1


def hide() -> None:
    """Let OpenCV print only what ends the process, unless ``EDGE_DEBUG=1``. FFmpeg is silent unless it is told."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if os.environ.get("EDGE_DEBUG") == "1":
        return
    if hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(FATAL_ONLY)
    else:  # OpenCV 5
        cv2.utils.logging.setLogLevel(FATAL_ONLY)
