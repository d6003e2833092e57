import errno
import hashlib
import os
import stat
import subprocess
import sys
from contextlib import ExitStack

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


@pytest.fixture
def without_exchange(monkeypatch):
    """Let every file system be one that cannot exchange two folders."""
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)


@pytest.mark.usefixtures("without_exchange")
def test_a_folder_that_cannot_be_swapped_in_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old.txt").touch()
    real = os.replace

    def refuse_the_new(source, destination):
        if source.parent.suffix == ".partial" and source.suffix != files.OLD_SUFFIX:
            raise OSError(28, "No space left on device")
        real(source, destination)

    monkeypatch.setattr(os, "replace", refuse_the_new)
    with pytest.raises(FileError, match="No space left"), files.replaced(target) as temporary:
        temporary.mkdir()
    assert everything(tmp_path) == ["bundle", "bundle/old.txt"]


@pytest.mark.usefixtures("without_exchange")
def test_an_interruption_between_the_two_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old.txt").touch()
    real = os.replace

    def interrupted(source, destination):
        if source.parent.suffix == ".partial" and source.suffix != files.OLD_SUFFIX:
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


def write_folder(target):
    with files.replaced(target) as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "a").touch()
        (temporary / "inner" / "b").touch()


def test_all_of_a_folder_is_on_the_disk_before_its_name_is(tmp_path, order, monkeypatch):
    target, exchange = tmp_path / "bundle", files._exchange
    monkeypatch.setattr(files, "_exchange", lambda a, b: (order.append(f"<-> {b.name}"), exchange(a, b))[1])
    write_folder(target)
    assert order == ["b", "inner", "a", "bundle", "-> bundle", tmp_path.name]
    order.clear()
    write_folder(target)
    assert order == ["b", "inner", "a", "bundle", "<-> bundle", tmp_path.name]


@pytest.mark.usefixtures("without_exchange")
def test_without_exchange_a_folder_takes_two_renames(tmp_path, order):
    target = tmp_path / "bundle"
    write_folder(target)
    order.clear()
    write_folder(target)
    assert order == ["b", "inner", "a", "bundle", "-> bundle.old", "-> bundle", tmp_path.name]
    assert everything(tmp_path) == ["bundle", "bundle/a", "bundle/inner", "bundle/inner/b"]


def left_by_a_killed_writer(target, number=0, name=None):
    place = target.with_name(f".{target.name}.{number}.partial")
    (place / (name or target.name)).mkdir(parents=True)
    (place / (name or target.name) / "old.txt").touch()
    return place


def test_what_killed_writers_left_is_deleted(tmp_path):
    target = tmp_path / "out.txt"
    for number in (0, 1, 5):
        left_by_a_killed_writer(target, number)
    write(target)
    assert everything(tmp_path) == ["out.txt"]


def write(target, content="new"):
    with files.replaced(target) as temporary:
        temporary.write_text(content)


def test_what_belongs_to_another_path_stays(tmp_path):
    left = left_by_a_killed_writer(tmp_path / "other.txt")
    write(tmp_path / "out.txt")
    assert left.exists()


def test_writers_at_the_same_time_do_not_disturb_each_other(tmp_path):
    target = tmp_path / "out.txt"
    with ExitStack() as stack:
        places = [stack.enter_context(files.replaced(target)) for _ in range(files.WRITERS + 2)]
        for number, place in enumerate(places):
            place.write_text(str(number))
        assert len(set(places)) == files.WRITERS + 2
    assert target.read_text() == "0"  # the stack ends the first one last
    assert everything(tmp_path) == ["out.txt"]


def test_a_writer_in_another_process_is_left_alone(tmp_path):
    target = tmp_path / "out.txt"
    code = (
        "import sys; from pathlib import Path; from edge.files import replaced\n"
        "with replaced(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('of the other process'); print('writing', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "writing\n"
        write(target)
        other.communicate("\n", timeout=60)
    assert other.returncode == 0
    assert target.read_text() == "of the other process"
    assert everything(tmp_path) == ["out.txt"]


def test_a_folder_between_two_renames_comes_back(tmp_path):
    target = tmp_path / "bundle"
    left_by_a_killed_writer(target, name="bundle.old")
    with pytest.raises(KeyboardInterrupt):
        write_and_raise(target, KeyboardInterrupt())
    assert everything(tmp_path) == ["bundle", "bundle/old.txt"]


def test_without_locks_what_another_writer_may_have_is_left_alone(tmp_path, monkeypatch):
    def refuses(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", refuses)
    target = tmp_path / "out.txt"
    left = left_by_a_killed_writer(target)
    write(target)
    assert target.read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == [left.name, "out.txt"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current"
    for name in ("one", "two"):
        with files.replaced(link) as temporary:
            temporary.symlink_to(name)
        assert os.readlink(link) == name
    write_folder(link)
    assert not link.is_symlink()
    assert everything(tmp_path) == ["current", "current/a", "current/inner", "current/inner/b", "one", "two"]


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
