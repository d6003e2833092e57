"""What a zip may hold to be a bundle: one row for each rule. tests/fuzz mutates whole ones."""

import os
import struct
import sys
import zipfile
import zlib

import pytest

from edge.bundle import open_bundle, write_bundle
from edge.errors import EdgeError, FileError, InputError
from tests.fuzz.zip_mutations import BOMB, FOLDER, PIPE, SYMLINK, packed
from tests.sample_bundle import CONTENT, manifest, write_sources


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Return the files of a bundle by name."""
    base = tmp_path_factory.mktemp("zip")
    write_bundle(base / "pets", manifest(), write_sources(base / "sources"))
    return {file.name: file.read_bytes() for file in sorted((base / "pets").iterdir())}


@pytest.fixture
def opened(tmp_path):
    """Write bytes as a bundle, open it, and return the unpacked content of each file."""

    def open_(whole):
        path = tmp_path / "pets.edge"
        path.write_bytes(whole)
        found = open_bundle(path)
        return {file.name: file.read_bytes() for file in found.root.iterdir()}

    return open_


def test_a_zip_of_another_tool_is_one_too(content, opened):
    assert opened(packed(content)) == content
    assert opened(packed(content, lambda info: setattr(info, "compress_type", zipfile.ZIP_STORED))) == content
    assert opened(packed(content, lambda info: setattr(info, "date_time", (2026, 1, 2, 3, 4, 6)))) == content
    assert opened(packed(content, lambda info: setattr(info, "external_attr", 0o100755 << 16))) == content


@pytest.mark.parametrize("kind", [SYMLINK, FOLDER, PIPE], ids=["link", "folder", "pipe"])
def test_members_that_are_no_files_are_refused(content, opened, kind):
    def change(info):
        info.external_attr = kind << 16 if info.filename == "net.onnx" else 0

    with pytest.raises(InputError, match=r"must hold plain files, but 'net\.onnx' is a link, a folder or encrypted"):
        opened(packed(content, change))


@pytest.mark.parametrize("name", ["more/", "../net", "/net", "a/b", "a\\b", ".net"])
def test_names_that_are_not_plain_are_refused(content, opened, name):
    with pytest.raises(InputError, match=r"plain names inside it|must hold plain files"):
        opened(packed({**content, name: b"x"}))


def test_a_file_that_the_manifest_does_not_list_is_refused(content, opened):
    with pytest.raises(FileError, match=r"holds 'net2\.onnx', which its manifest does not list; remove it"):
        opened(packed({**content, "net2.onnx": b"x"}))


def test_a_name_that_comes_twice_is_refused(content, opened):
    made = packed({**content, "net.onny": b"other"}).replace(b"net.onny", b"net.onnx")
    with pytest.raises(InputError, match=r"each name once, .* got 'net\.onnx' again"):
        opened(made)


def test_a_second_name_in_an_extra_field_is_refused(content, opened):
    """The field 0x7075 gives a member another name, which some readers take and others do not."""
    name = b"net.onnx"
    field = struct.pack("<2HBL", 0x7075, 5 + 7, 1, zlib.crc32(name)) + b"../evil"

    def change(info):
        info.extra = field if info.filename == "net.onnx" else b""

    made = packed(content, change)
    if sys.version_info < (3, 12):  # zipfile does not read the field
        assert opened(made) == content
    else:
        with pytest.raises(InputError, match="each file once"):
            opened(made)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda whole: b"#!/bin/sh\n" + whole, "does not begin where the file before it ends", id="before"),
        pytest.param(lambda whole: whole + b"more", "does not end as a zip does", id="behind"),
        pytest.param(lambda whole: whole[:-2] + b"\4\0more", "something stands after its end", id="comment"),
        pytest.param(lambda whole: whole[: len(whole) // 2], "does not end as a zip does", id="half"),
        pytest.param(lambda whole: b"", "does not end as a zip does", id="empty"),
        pytest.param(lambda whole: whole[:-12] + b"\xff\xff" + whole[-10:], "at most 1000 files, got 65535", id="many"),
    ],
)
def test_a_file_that_is_not_exactly_one_zip_is_refused(content, opened, change, words):
    with pytest.raises(FileError, match=words):
        opened(change(packed(content)))


def test_overlapping_members_are_refused(content, opened):
    made = bytearray(packed(content))
    first = made.index(b"PK\x01\x02")
    second = made.index(b"PK\x01\x02", first + 4)
    made[second + 42 : second + 46] = made[first + 42 : first + 46]
    with pytest.raises(FileError, match="does not begin where the file before it ends"):
        opened(bytes(made))


@pytest.mark.parametrize("flag", [0x01, 0x08, 0x20, 0x40], ids=["encrypted", "stream", "patch", "strong"])
def test_encryption_and_streams_are_refused(content, opened, flag):
    made = bytearray(packed(content))
    made[6] |= flag  # in the header of the first member
    made[made.index(b"PK\x01\x02") + 8] |= flag
    with pytest.raises(EdgeError, match=r"must hold plain files|cannot be unpacked"):  # zipfile itself refuses some
        opened(bytes(made))


def test_other_methods_are_refused(content, opened):
    with pytest.raises(InputError, match="must hold plain files"):
        opened(packed(content, lambda info: setattr(info, "compress_type", zipfile.ZIP_LZMA)))


def test_a_bomb_is_refused_by_its_stated_size(content, opened):
    with pytest.raises(
        FileError, match=rf"net\.onnx is damaged: expected {len(CONTENT['net.onnx'])} bytes, got {BOMB}"
    ):
        opened(packed({**content, "net.onnx": bytes(BOMB)}))


def test_a_large_manifest_is_refused_before_it_is_read(content, opened, monkeypatch):
    monkeypatch.setattr("edge.bundle_files.MAX_OWN_BYTES", 1000)
    with pytest.raises(FileError, match=r"manifest\.json must have at most 1000 bytes, got \d+"):
        opened(packed(content))


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pets.edge")
    with pytest.raises(FileError, match="must be a folder or a file, but is a pipe or a device"):
        open_bundle(tmp_path / "pets.edge")
