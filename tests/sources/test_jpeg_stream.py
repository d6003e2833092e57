"""The scanner finds the pictures of any stream of bytes, however it is cut, against pictures that OpenCV made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.sources.jpeg_stream import MAX_GAP_BYTES, JpegScanner
from tests.sources.http_camera import jpeg, part

PICTURES = [jpeg(band, size) for band, size in ((0, (16, 16)), (1, (64, 48)), (2, (24, 8)))]

junk = st.binary(max_size=200).map(lambda data: data.replace(b"\xff", b"\xfe"))


def feed(scanner, stream, cuts):
    found, last = [], 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        found += scanner.feed(stream[last:cut])
        last = cut
    return found


@given(st.lists(st.tuples(junk, st.sampled_from(PICTURES))), st.lists(st.integers(0, 10**5), max_size=30))
def test_every_picture_is_found_between_any_bytes_in_any_pieces(items, cuts):
    scanner = JpegScanner()
    stream = b"".join(before + picture for before, picture in items)
    assert feed(scanner, stream, cuts) == [picture for _, picture in items]
    assert scanner.damaged == 0


def scan_begin(picture):
    return picture.index(b"\xff\xda") + 20


@given(
    st.lists(st.tuples(st.sampled_from(PICTURES), st.one_of(st.none(), st.floats(0, 0.999))), max_size=6),
    st.lists(st.integers(0, 10**5), max_size=10),
)
def test_a_picture_that_is_cut_in_its_scan_costs_no_other(items, cuts):
    stream, whole = b"", []
    for picture, share in items:
        begin = scan_begin(picture)
        end = len(picture) if share is None else begin + int(share * (len(picture) - 2 - begin))
        stream += part(picture[:end].removesuffix(b"\xff"))
        whole += [picture] if share is None else []
    scanner = JpegScanner()
    assert feed(scanner, stream + part(PICTURES[0]), cuts) == [*whole, PICTURES[0]]
    assert scanner.damaged == len(items) - len(whole)


@given(st.lists(st.binary(max_size=500), max_size=20))
def test_any_bytes_give_pictures_with_both_ends_or_one_line(pieces):
    scanner = JpegScanner()
    for piece in pieces:
        for picture in scanner.feed(piece):
            assert picture[:3] == b"\xff\xd8\xff"
            assert picture[-2:] == b"\xff\xd9"


def test_a_thumbnail_inside_a_segment_is_no_end():
    thumbnail, picture = PICTURES[0], PICTURES[1]
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert JpegScanner().feed(picture[:2] + segment + picture[2:]) == [picture[:2] + segment + picture[2:]]


def test_a_stream_without_pictures_is_an_error_and_keeps_nothing():
    scanner = JpegScanner()
    scanner.feed(bytes(MAX_GAP_BYTES))
    with pytest.raises(InputError, match="must have one every 64 KiB, found none"):
        scanner.feed(bytes(10))
    assert len(scanner._bytes) < 3


def test_a_picture_without_an_end_is_an_error(monkeypatch):
    monkeypatch.setattr("edge.sources.jpeg_stream.MAX_PICTURE_BYTES", 1 << 20)
    scanner = JpegScanner()
    scanner.feed(PICTURES[0][:-2] + bytes(1 << 20)[: -len(PICTURES[0])])
    with pytest.raises(InputError, match="must have at most 1 MiB"):
        scanner.feed(bytes(1000))
