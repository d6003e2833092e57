"""The size that a picture file states, against the picture that is in it."""

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.picture_size import stated_size

SIZES = [(1, 1), (37, 21), (300, 7)]


def noise(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("suffix", [".bmp", ".jpg", ".png", ".tiff", ".webp", ".ppm", ".pgm", ".avif"])
def test_what_opencv_writes(suffix, size):
    if suffix == ".avif" and not cv2.haveImageWriter("a.avif"):
        pytest.skip("this OpenCV writes no AVIF")
    image = noise(*size)[..., 0] if suffix == ".pgm" else noise(*size)
    assert stated_size(cv2.imencode(suffix, image)[1].tobytes()) == size


def test_jpeg_2000_states_the_height_first():
    assert stated_size(cv2.imencode(".jp2", noise(64, 48))[1].tobytes()) == (64, 48)


@pytest.mark.parametrize(
    ("form", "how"),
    [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": True, "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
        ("WEBP", {"quality": 50}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {"big_tiff": False, "compression": "tiff_lzw"}),
        ("GIF", {}),
    ],
)
def test_what_pillow_writes(form, how):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    file = io.BytesIO()
    pillow.fromarray(noise(37, 21)).save(file, form, **how)
    assert stated_size(file.getvalue()) == (None if form == "GIF" else (37, 21))


def test_a_big_endian_tiff_and_a_bitmap_from_the_top():
    entries = struct.pack(">HHII", 256, 4, 1, 70000) + struct.pack(">HHIH2x", 257, 3, 1, 9)
    assert stated_size(b"MM\0*" + struct.pack(">IH", 8, 2) + entries) == (70000, 9)
    assert stated_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 5, -6)) == (5, 6)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG", b"BM", b"II*\0", b"RIFF....WEBP", b"....ftyp", b"GIF89a"]
)
def test_what_states_no_size(data):
    assert stated_size(data) is None


@given(
    st.sampled_from([b"\xff\xd8", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF....WEBPVP8 ", b"....ftyp", b"P6 "]),
    st.binary(),
)
def test_no_head_is_an_error(head, rest):
    size = stated_size(head + rest)
    assert size is None or len(size) == 2
