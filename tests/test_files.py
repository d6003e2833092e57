import hashlib
import os
import stat

import pytest

from edge import files
from edge.errors import FileError


def everything(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def write_and_raise(target, failure):
    with files.replaced(target) as temporary:
        temporary.write_text("half")
        raise failure


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "out.txt"
    with files.replaced(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
        assert temporary.suffix == target.suffix
    assert target.read_text() == "new"
    assert everything(tmp_path) == ["deep", "deep/out.txt"]


def test_an_existing_file_is_replaced_whole(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with files.replaced(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with pytest.raises(failure):
        write_and_raise(target, failure())
    assert target.read_text() == "old"
    assert everything(tmp_path) == ["out.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with named pipes")
def test_a_pipe_or_a_device_stays_what_it_is(tmp_path):
    target = tmp_path / "pipe"
    os.mkfifo(target)
    with pytest.raises(FileError, match="it is a device or a pipe; give the name of a file"), files.replaced(target):
        pytest.fail("nothing may be written")
    assert stat.S_ISFIFO(target.stat().st_mode)
    assert everything(tmp_path) == ["pipe"]


def test_a_folder_replaces_a_folder(tmp_path):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old.txt").touch()
    with files.replaced(target) as temporary:
        temporary.mkdir()
        (temporary / "new.txt").touch()
    assert everything(tmp_path) == ["bundle", "bundle/new.txt"]


def test_a_folder_that_cannot_be_swapped_in_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old.txt").touch()
    real = os.replace

    def refuse_the_new(source, destination):
        if ".partial" in str(source):
            raise OSError(28, "No space left on device")
        real(source, destination)

    monkeypatch.setattr(os, "replace", refuse_the_new)
    with pytest.raises(FileError, match="No space left"), files.replaced(target) as temporary:
        temporary.mkdir()
    assert everything(tmp_path) == ["bundle", "bundle/old.txt"]


def test_an_interruption_between_the_two_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old.txt").touch()
    real = os.replace

    def interrupted(source, destination):
        if ".partial" in str(source):
            raise KeyboardInterrupt
        real(source, destination)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), files.replaced(target) as temporary:
        temporary.mkdir()
    assert everything(tmp_path) == ["bundle", "bundle/old.txt"]


@pytest.fixture
def order(monkeypatch):
    """Record what is flushed and renamed: the flushed path's name, or ``->`` and the new name."""
    done, replace = [], os.replace
    monkeypatch.setattr(files, "_sync", lambda path: done.append(path.name))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append(f"-> {b.name}"), replace(a, b)))
    return done


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path, order):
    with files.replaced(tmp_path / "out.txt") as temporary:
        temporary.write_text("new")
    assert order == [temporary.name, "-> out.txt", tmp_path.name]


def test_all_of_a_folder_is_on_the_disk_before_its_name_is(tmp_path, order):
    target = tmp_path / "bundle"
    for _ in range(2):
        order.clear()
        with files.replaced(target) as temporary:
            (temporary / "inner").mkdir(parents=True)
            (temporary / "a").touch()
            (temporary / "inner" / "b").touch()
    assert order[:4] == ["b", "inner", "a", temporary.name]
    assert order[4].endswith(".old")
    assert order[5:] == ["-> bundle", tmp_path.name]


def test_a_disk_that_fails_while_flushing_is_one_line(tmp_path, monkeypatch):
    def fails(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(FileError, match="Input/output error"):  # noqa: SIM117 - two steps
        with files.replaced(tmp_path / "out.txt") as temporary:
            temporary.write_text("new")
    assert everything(tmp_path) == []


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    real = os.fsync

    def refuses_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuses_folders)
    with files.replaced(tmp_path / "out.txt") as temporary:
        temporary.write_text("new")
    assert everything(tmp_path) == ["out.txt"]


def test_a_full_disk_is_one_line(tmp_path):
    target = tmp_path / "out.txt"
    with pytest.raises(FileError, match=r"cannot write .*out\.txt: No space left"):
        write_and_raise(target, OSError(28, "No space left on device"))
    assert everything(tmp_path) == []


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot write"), files.replaced(tmp_path / "file" / "out.txt"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="Permission denied"), files.replaced(tmp_path / "out.txt") as temporary:
        temporary.write_text("x")


def test_an_error_that_already_says_it_passes_unchanged(tmp_path):
    error = FileError("the rule")
    with pytest.raises(FileError) as caught:
        write_and_raise(tmp_path / "out.txt", error)
    assert caught.value is error


def test_remove_takes_files_folders_links_and_nothing(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "inside").touch()
    link, folder = tmp_path / "link", tmp_path / "folder"
    link.symlink_to(kept)
    folder.mkdir()
    for path in (link, folder, tmp_path / "none"):
        files.remove(path)
    assert everything(tmp_path) == ["kept", "kept/inside"]


def test_sha256(tmp_path):
    path = tmp_path / "x"
    content = bytes(range(256)) * 5000
    path.write_bytes(content)
    assert files.sha256(path) == hashlib.sha256(content).hexdigest()
    path.write_bytes(b"abc")  # FIPS 180-4, example B.1
    assert files.sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
