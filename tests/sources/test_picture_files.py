"""Pictures as cameras, phones and programs write them, each made by hand or by Pillow."""

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import FileError, InputError
from edge.sources import images, open_source
from edge.sources.images import Images, decode_image, load_image
from edge.sources.options import SourceOptions
from tests.loops import picture

QUARTERS = np.zeros((48, 64, 3), np.uint8)
QUARTERS[:24, 32:], QUARTERS[24:, :32], QUARTERS[24:, 32:] = (0, 255, 0), (0, 0, 255), (255, 255, 255)
"""Black, green, red and white quarters, so that each of the eight orientations looks different."""

# CIPA DC-008, table 6: where row 0 and column 0 of the stored picture belong.
UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda p: np.rot90(p, 1),
}


def exif(orientation, order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(f"{order}IHHHIHxxI", 8, 1, 0x0112, 3, 1, orientation, 0)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour, rows, *extra):
    """Write a PNG by its specification. rows: the bytes of each row."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + data + chunk(b"IEND", b"")


def oriented(suffix, orientation, order):
    data = cv2.imencode(suffix, QUARTERS)[1].tobytes()
    content = exif(orientation, order)
    if suffix == ".jpg":
        app1 = b"Exif\0\0" + content
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + data[2:]
    if suffix == ".png":
        return data[:33] + chunk(b"eXIf", content) + data[33:]
    vp8x = b"VP8X" + struct.pack("<IB3x", 10, 0x08) + (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    body = b"WEBP" + vp8x + data[12:] + b"EXIF" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_picture_is_upright_by_its_exif_data(suffix, orientation, order):
    expected = UPRIGHT[orientation](QUARTERS)
    image = decode_image(oriented(suffix, orientation, order))
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 3, "JPEG and WebP blur the edges"


@pytest.mark.parametrize("form", ["TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_tiff_and_avif_are_upright_too(form, orientation):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    tags, file = pillow.Exif(), io.BytesIO()
    tags[0x0112] = orientation
    try:
        pillow.fromarray(QUARTERS[..., ::-1]).save(file, form, exif=tags)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {form}")
    try:
        image = decode_image(file.getvalue())
    except InputError:
        pytest.skip(f"this OpenCV reads no {form}")
    assert image.shape == UPRIGHT[orientation](QUARTERS).shape
    assert np.abs(image.astype(int) - UPRIGHT[orientation](QUARTERS)).mean() < 3


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_an_orientation_that_there_is_not_turns_nothing(suffix, orientation):
    assert decode_image(oriented(suffix, orientation, "<")).shape == QUARTERS.shape


def rows_of(values, form):
    return [struct.pack(f">{len(row)}{form}", *row) for row in values]


GREY = [[0, 60, 255], [200, 129, 1]]

KINDS = {
    "grey": (png(3, 2, 8, 0, rows_of(GREY, "B")), GREY),
    "16-bit grey": (png(3, 2, 16, 0, rows_of([[v * 257 for v in row] for row in GREY], "H")), GREY),
    "grey and alpha": (png(3, 2, 8, 4, rows_of([[n for v in row for n in (v, 7)] for row in GREY], "B")), GREY),
    "16-bit grey and alpha": (
        png(3, 2, 16, 4, rows_of([[n for v in row for n in (v * 257, 9)] for row in GREY], "H")),
        GREY,
    ),
    "1 bit": (png(3, 2, 1, 0, [b"\x40", b"\xa0"]), [[0, 255, 0], [255, 0, 255]]),
}


@pytest.mark.parametrize(("data", "grey"), KINDS.values(), ids=KINDS)
def test_grey_pictures_become_three_equal_channels(data, grey):
    np.testing.assert_array_equal(decode_image(data), np.repeat(np.array(grey, np.uint8)[..., None], 3, 2))


RED_BLUE = np.array([[(0, 0, 255), (255, 0, 0)]], np.uint8)  # BGR

COLOURED = {
    "RGB": png(2, 1, 8, 2, [bytes([255, 0, 0, 0, 0, 255])]),
    "16-bit RGB": png(2, 1, 16, 2, rows_of([[65535, 0, 0, 0, 0, 65535]], "H")),
    "RGBA": png(2, 1, 8, 6, [bytes([255, 0, 0, 0, 0, 0, 255, 128])]),
    "16-bit RGBA": png(2, 1, 16, 6, rows_of([[65535, 0, 0, 1, 0, 0, 65535, 65535]], "H")),
    "palette": png(2, 1, 8, 3, [b"\x01\x00"], chunk(b"PLTE", bytes([0, 0, 255, 255, 0, 0]))),
    "palette of 1 bit": png(2, 1, 1, 3, [b"\x80"], chunk(b"PLTE", bytes([0, 0, 255, 255, 0, 0]))),
    "palette with transparency": png(
        2, 1, 8, 3, [b"\x01\x00"], chunk(b"PLTE", bytes([0, 0, 255, 255, 0, 0])), chunk(b"tRNS", b"\0\x80")
    ),
}


@pytest.mark.parametrize("data", COLOURED.values(), ids=COLOURED)
def test_coloured_pictures_lose_their_alpha_and_their_lower_bits(data):
    np.testing.assert_array_equal(decode_image(data), RED_BLUE)


@pytest.mark.parametrize("transform", [0, 2], ids=["CMYK", "YCCK"])
def test_a_print_shop_s_jpeg_has_its_colours(transform):
    """Adobe's marker says whether the four channels are CMYK or YCCK (T.872, 6.5.3); Pillow decodes it by itself."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    file = io.BytesIO()
    pillow.fromarray(QUARTERS[..., ::-1]).convert("CMYK").save(file, "JPEG", quality=98)
    data = bytearray(file.getvalue())
    data[data.index(b"Adobe") + 11] = transform
    expected = np.asarray(pillow.open(io.BytesIO(bytes(data))).convert("RGB"))[..., ::-1]
    if not transform:
        assert np.abs(expected.astype(int) - QUARTERS).mean() < 3
    assert np.abs(decode_image(bytes(data)).astype(int) - expected).mean() < 3


@pytest.mark.parametrize("suffix", [".avif", ".jp2", ".ppm", ".tiff", ".bmp", ".webp"])
def test_other_formats_are_sources(tmp_path, suffix):
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this OpenCV writes no {suffix}")
    cv2.imwrite(str(tmp_path / f"a{suffix}"), QUARTERS)
    with open_source(str(tmp_path / f"a{suffix}")) as source:
        (frame,) = source
    assert np.abs(frame.bgr.astype(int) - QUARTERS).mean() < 8


def test_the_first_picture_of_an_animation_is_read(tmp_path):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    first, second = (pillow.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (10, 200))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], lossless=True)
    (frame,) = Images(tmp_path / "a.webp")
    assert (frame.bgr == 10).all()


def blurred(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_cut_jpeg_never_shows_the_picture_before_it(tmp_path, share):
    before = np.full((120, 160, 3), (255, 0, 255), np.uint8)
    data = cv2.imencode(".jpg", blurred(0))[1].tobytes()
    cv2.imwrite(str(tmp_path / "1.png"), before)
    (tmp_path / "2.jpg").write_bytes(data[: int(share * len(data))])
    cv2.imwrite(str(tmp_path / "3.png"), blurred(1))
    lines = []
    source = Images(tmp_path, report=lines.append)
    shown = list(source)
    assert [frame.source for frame in shown] == [str(tmp_path / "1.png"), str(tmp_path / "3.png")]
    assert [frame.index for frame in shown] == [0, 1]
    assert source.lost_frames == 1
    assert lines == [f"skipped {tmp_path / '2.jpg'}: not a whole image that can be decoded (1 so far)"]


def test_a_jpeg_with_a_hole_is_grey_there_and_shows_no_older_picture(capfd):
    """Its end is there, so that only the decoder sees the damage. It fills the rest with grey."""
    data = cv2.imencode(".jpg", blurred(0))[1].tobytes()
    magenta = cv2.imencode(".jpg", np.full((120, 160, 3), (255, 0, 255), np.uint8))[1].tobytes()
    decode_image(magenta)
    image = decode_image(data[: len(data) // 2] + b"\xff\xd9")
    assert np.abs(image[-10:].astype(int) - 128).max() <= 2
    capfd.readouterr()  # libjpeg prints a warning


FORMATS = [".bmp", ".jp2", ".jpg", ".pgm", ".png", ".ppm", ".tiff", ".webp", ".avif"]


def written(suffix, image):
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this OpenCV writes no {suffix}")
    return cv2.imencode(suffix, image[..., 0] if suffix == ".pgm" else image)[1].tobytes()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_cut_file_of_any_format_is_refused_and_nothing_is_printed(capfd, suffix, share):
    data = written(suffix, blurred(0))
    with pytest.raises(InputError, match="not a whole image"):
        decode_image(data[: int(share * len(data))])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", FORMATS)
@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_with_any_damage_is_a_picture_or_refused(suffix, capfd, data):
    whole = bytearray(written(suffix, QUARTERS))
    places = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8))
    for place in places:
        whole[place] = data.draw(st.integers(0, 255))
    try:
        image = decode_image(bytes(whole))
    except InputError:
        return
    assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)
    capfd.readouterr()  # libjpeg prints warnings


BOMBS = {
    "png": png(60000, 60000, 8, 0, []),
    "jpg": b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 8, 8, 65000, 65000, 1) + b"\xff\xd9",
    "bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 2**30, 2**30),
    "ppm": b"P6 100000 100000 255\n",
}


@pytest.mark.parametrize(("suffix", "data"), BOMBS.items())
def test_a_small_file_that_would_fill_the_memory_is_left_out(tmp_path, suffix, data):
    (tmp_path / f"bomb.{suffix}").write_bytes(data)
    with pytest.raises(
        FileError, match=r"a picture must have at most 268 million pixels, got \d+x\d+; make it smaller"
    ):
        load_image(tmp_path / f"bomb.{suffix}")


def test_a_file_that_would_fill_the_memory_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_BYTES", 1 << 20)
    with (tmp_path / "a.png").open("wb") as file:
        os.truncate(file.fileno(), 3 << 20)
    with pytest.raises(FileError, match="a picture file must have at most 1 MiB, got 3 MiB"):
        load_image(tmp_path / "a.png")


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(FileError, match=r"none\.png: it cannot be read: No such file"):
        load_image(tmp_path / "none.png")


NAMES = ["IMG_2.jpg", "img_10.JPG", "img_1.png", "b/img_3.jpg", "B2/img_3.jpg", "b10/img_3.jpg", "x/deep/1.webp"]


@pytest.fixture
def album(tmp_path):
    for name in [*NAMES, "._img_1.png", ".hidden/a.png"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / name), picture())
    (tmp_path / "b" / "notes.txt").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["img_1.png", "IMG_2.jpg", "img_10.JPG"]),
        ("*.jpg", ["IMG_2.jpg"]),
        ("b*/*", ["b/img_3.jpg", "b10/img_3.jpg"]),
        ("**/*.jpg", ["b/img_3.jpg", "B2/img_3.jpg", "b10/img_3.jpg", "IMG_2.jpg"]),
        (
            "**/*",
            ["b/img_3.jpg", "B2/img_3.jpg", "b10/img_3.jpg", "img_1.png", "IMG_2.jpg", "img_10.JPG", "x/deep/1.webp"],
        ),
        ("[bx]/**/*", ["b/img_3.jpg", "x/deep/1.webp"]),
        ("img_?.png", ["img_1.png"]),
    ],
)
def test_a_folder_or_a_pattern_in_natural_order(album, text, expected):
    with open_source(str(album / text)) as source:
        found = [os.path.relpath(frame.source, album) for frame in source]
    assert found == expected


@pytest.mark.parametrize(("text", "line"), [("*.gif", "found none"), ("b/*.txt", r"found 1 other file\(s\)")])
def test_a_pattern_that_matches_no_image_is_one_line(album, text, line):
    with pytest.raises(FileError, match=f"pattern .* must match images .*, {line}"):
        open_source(str(album / text))


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path):
    cv2.imwrite(str(tmp_path / "a[1].png"), picture())
    assert len(list(open_source(str(tmp_path / "a[1].png")))) == 1


def test_pictures_of_phones_that_opencv_cannot_read_are_named(tmp_path, capsys):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"heic")
    with pytest.raises(
        FileError, match=r"holds only HEIC pictures\. OpenCV cannot read HEIC: convert with heif-convert"
    ):
        open_source(str(tmp_path))
    with pytest.raises(FileError, match="is HEIC, which OpenCV cannot read"):
        open_source(str(tmp_path / "IMG_1.HEIC"))
    cv2.imwrite(str(tmp_path / "a.png"), picture())
    assert len(list(open_source(str(tmp_path)))) == 1
    assert "left out 1 HEIC file(s), such as" in capsys.readouterr().err


def test_pictures_in_real_time_come_at_the_rate(album):
    with open_source(str(album), SourceOptions(realtime=True, rate=100.0)) as source:
        assert source.live
        frames = list(source)
    assert frames[-1].index == 2


@pytest.mark.parametrize("data", [b"GIF89a\x20\x4e\x20\x4e\x80\0\0", b"#?RADIANCE\n\n-Y 20000 +X 20000\n"])
def test_a_bomb_is_refused_before_it_is_decoded(data):
    with pytest.raises(InputError, match="at most 268 million pixels, got 20000x20000"):
        decode_image(data + bytes(22))


def test_what_states_no_size_is_not_decoded(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match="not a whole image"):
        decode_image(b"a format that is not known")
