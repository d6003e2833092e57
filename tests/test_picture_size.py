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


SUFFIXES = (
    *(".bmp", ".jpg", ".png", ".tiff", ".webp", ".gif", ".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm"),
    *(".hdr", ".ras", ".sr", ".exr"),
)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_opencv_writes(suffix, size):
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this OpenCV writes no {suffix}")
    image = noise(*size)[..., 0] if suffix in (".pgm", ".pbm") else noise(*size)
    if suffix in (".pfm", ".hdr", ".exr"):
        image = image.astype(np.float32) / 255
    try:
        data = cv2.imencode(suffix, image)[1].tobytes()
    except cv2.error:
        pytest.skip(f"this OpenCV was built without {suffix}")
    assert stated_size(data) == size


SIDE = 20_000
TIFF_ENTRIES = struct.pack("<HHQQ", 256, 4, 1, SIDE) + struct.pack("<HHQQ", 257, 16, 1, SIDE)
WIDE_CODESTREAM = b"\xff\x4f\xff\x51" + struct.pack(">HHII", 41, 0, SIDE, SIDE)
BOMBS = {
    "GIF": b"GIF89a" + struct.pack("<HH", SIDE, SIDE) + b"\x80\0\0",
    "GIF 87a": b"GIF87a" + struct.pack("<HH", SIDE, SIDE) + b"\x80\0\0",
    "BigTIFF": b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2) + TIFF_ENTRIES,
    "TIFF that states its width twice": (
        b"II*\0" + struct.pack("<IH", 8, 3) + struct.pack("<HHII", 256, 4, 1, SIDE)
        + struct.pack("<HHII", 256, 4, 1, 1) + struct.pack("<HHII", 257, 4, 1, SIDE)
    ),
    "Radiance HDR": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 20000 +X 20000\n",
    "Radiance HDR with another size before": b"#?RGBE\n-Y 1 +X 1\nA=b\n\n-Y 20000 +X 20000\n",
    "Sun raster": b"\x59\xa6\x6a\x95" + struct.pack(">7i", SIDE, SIDE, 8, 0, 1, 0, 0),
    "PFM": b"PF\n20000 20000\n-1.0\n",
    "PAM": b"P7\nWIDTH 20000\nHEIGHT 20000\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n",
    "PAM, height first": b"P7\n# a comment\nHEIGHT 20000\nWIDTH 20000\nENDHDR\n",
    "JPEG 2000 codestream": WIDE_CODESTREAM,
    "JPEG 2000 whose box states less": b"\0\0\0\x0cjP  ....ihdr" + struct.pack(">II", 1, 1) + WIDE_CODESTREAM,
    "OpenEXR": b"\x76\x2f\x31\x01\x02\0\0\0dataWindow\0box2i\0\x10\0\0\0" + struct.pack("<4i", 5, 5, 20004, 20004),
    "BMP that is mirrored": b"BM" + bytes(12) + struct.pack("<Iii", 40, -SIDE, SIDE),
}  # fmt: skip


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_a_small_file_that_states_a_large_size(data):
    assert stated_size(data) == (SIDE, SIDE)


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
    assert stated_size(file.getvalue()) == (37, 21)


def test_a_big_endian_tiff_and_a_bitmap_from_the_top():
    entries = struct.pack(">HHII", 256, 4, 1, 70000) + struct.pack(">HHIH2x", 257, 3, 1, 9)
    assert stated_size(b"MM\0*" + struct.pack(">IH", 8, 2) + entries) == (70000, 9)
    assert stated_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 5, -6)) == (5, 6)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"\x89PNG", b"BM", b"II*\0", b"RIFF....WEBP", b"....ftyp", b"GIF89a", b"II+\0", b"#?"],
)
def test_what_states_no_size(data):
    assert stated_size(data) is None


@given(
    st.sampled_from(
        [
            *(b"\xff\xd8", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"RIFF....WEBPVP8 ", b"....ftyp"),
            *(b"P6 ", b"P7\n", b"#?RGBE\n", b"GIF89a", b"\xff\x4f\xff\x51", b"\x59\xa6\x6a\x95", b"\x76\x2f\x31\x01"),
            b"\x76\x2f\x31\x01dataWindow\0box2i\0",
        ]
    ),
    st.binary(),
)
def test_no_head_is_an_error(head, rest):
    size = stated_size(head + rest)
    assert size is None or len(size) == 2
