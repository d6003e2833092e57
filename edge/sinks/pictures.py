"""Helpers for sinks that write pictures: ``jpeg`` and ``fitted``."""

import cv2

from edge.imaging import Image, letterbox_box

QUALITY = 85


def jpeg(image: Image, quality: int = QUALITY) -> bytes:
    """Return a picture, (height, width, 3) uint8 BGR, as a JPEG of a quality from 1 to 100."""
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(encoded.tobytes())


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """Return ``image`` scaled to fit into ``size`` (width, height), with its aspect ratio and black borders."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    left, top, width, height = letterbox_box(image.shape[1], image.shape[0], *size)
    inner = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    right, bottom = size[0] - left - width, size[1] - top - height
    out: Image = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return out
