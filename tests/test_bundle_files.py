"""What a folder may hold to be a bundle: one row for each rule. tests/fuzz mutates whole ones."""

import os

import pytest

from edge.bundle import open_bundle, write_bundle
from edge.errors import FileError, InputError
from tests.sample_bundle import CONTENT, manifest, write_sources


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "pets"
    write_bundle(path, manifest(), write_sources(tmp_path / "sources"))
    return path


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("net.tflite")])
@pytest.mark.parametrize("name", ["net.onnx", "labels.txt", "manifest.json"])
def test_only_plain_files_are_read(folder, name, make):
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(FileError, match=rf"{name} must be a plain file, but is a link, a pipe or a folder"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["README", "net.onnx.data2", "more"])
def test_what_the_manifest_does_not_list_is_refused(folder, name):
    (folder / name).touch() if name != "more" else (folder / name).mkdir()
    with pytest.raises(FileError, match=rf"holds '{name}', which its manifest does not list; remove it"):
        open_bundle(folder)


def test_hidden_files_are_no_part_of_it(folder):
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".nfs0001").mkdir()
    assert open_bundle(folder).manifest.name == "pets"


def test_a_hard_link_is_a_file_whose_digest_decides(folder, tmp_path):
    outside = tmp_path / "outside"
    os.link(folder / "net.onnx", outside)
    assert open_bundle(folder).manifest.name == "pets"
    outside.write_bytes(CONTENT["net.onnx"].replace(b"o", b"0"))
    with pytest.raises(FileError, match=r"net\.onnx is damaged: its digest"):
        open_bundle(folder)


def test_another_size_is_refused_before_the_file_is_read(folder):
    os.truncate(folder / "net.onnx", 1 << 40)
    with pytest.raises(FileError, match=rf"expected {len(CONTENT['net.onnx'])} bytes, got {1 << 40}; get the bundle"):
        open_bundle(folder)


def test_a_large_manifest_is_refused_before_it_is_read(folder):
    os.truncate(folder / "manifest.json", 1 << 40)
    with pytest.raises(FileError, match=r"manifest\.json must have at most 16777216 bytes"):
        open_bundle(folder)


@pytest.mark.parametrize("size", ["12", 1.0, -1, None, True])
def test_sizes_in_the_manifest_are_whole_numbers(folder, size):
    from tests.test_bundle import rewrite

    rewrite(folder, lambda raw: raw["artifacts"][0]["files"][0].update(bytes=size))
    with pytest.raises(InputError, match="must have a whole number of bytes"):
        open_bundle(folder)


def test_the_folder_itself_may_be_reached_through_a_link(folder, tmp_path):
    (tmp_path / "current").symlink_to("pets")
    assert open_bundle(tmp_path / "current").manifest.name == "pets"
