"""Whole and cut pictures, drawn and encoded here."""

import cv2
import numpy as np
import pytest

from edge import pictures
from edge.pictures import is_whole

IMAGE = np.random.default_rng(7).integers(0, 256, (60, 80, 3), np.uint8)  # noise: every byte occurs in the file


def encoded(suffix, *options):
    return cv2.imencode(suffix, IMAGE, options)[1].tobytes()


def with_thumbnail(jpeg):
    """Put another whole JPEG into an EXIF segment, as cameras do."""
    content = b"Exif\0\0" + encoded(".jpg", cv2.IMWRITE_JPEG_QUALITY, 20)
    return jpeg[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + jpeg[2:]


FILM = b"\0\0\0\x18ftypmp42" + np.random.default_rng(8).bytes(300_000) + b"\xff\xd8\xff\xda"

FILES = {
    "baseline": encoded(".jpg"),
    "progressive": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restarts": encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "thumbnail": with_thumbnail(encoded(".jpg")),
    "png": encoded(".png"),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_picture_is_whole_only_to_its_last_byte(data):
    assert is_whole(data)
    for length in {*range(0, len(data), 97), *range(len(data) - 12, len(data))}:
        assert not is_whole(data[:length]), length


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
@pytest.mark.parametrize("trailer", [b"\0", b"\xff", bytes(5000), FILM], ids=["byte", "fill", "zeros", "film"])
def test_what_follows_the_end_does_not_matter(data, trailer):
    assert is_whole(data + trailer)


def test_fill_bytes_before_a_marker_are_allowed():
    jpeg = FILES["baseline"]
    assert is_whole(jpeg[:-2] + b"\xff\xff\xff\xd9")
    assert is_whole(jpeg[:2] + b"\xff\xff" + jpeg[2:])


def test_other_formats_must_not_be_empty():
    assert not is_whole(b"")
    assert is_whole(encoded(".bmp"))


@pytest.mark.parametrize("suffix", pictures.SUFFIXES)
def test_every_suffix_is_one_that_opencv_decodes(suffix):
    assert cv2.imdecode(np.frombuffer(encoded(suffix), np.uint8), cv2.IMREAD_COLOR).shape == IMAGE.shape
