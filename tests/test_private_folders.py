import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from edge import private_folders
from edge.private_folders import PrivateFolder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Let temporary files lie in a folder of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def make_old(path):
    os.utime(path, (time.time() - 1000,) * 2)


def killed(folder):
    """Let a process make a folder with a file, and kill it. Returns the folder."""
    code = (
        "import sys; from edge.private_folders import PrivateFolder\n"
        "made = PrivateFolder('test'); (made.path / 'half').touch(); print(made.path, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        made = folder / process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    return made


def test_it_is_private_and_goes_with_its_object(temporary):
    made = PrivateFolder("test")
    path = made.path
    assert (path.parent, path.stat().st_mode & 0o777) == (temporary, 0o700)
    assert path.name.startswith("edgekit-test-")
    del made
    assert not path.exists()


def test_it_goes_at_the_end_of_a_with_statement():
    with PrivateFolder("test") as path:
        (path / "inner").mkdir()
    assert not path.exists()


def test_what_a_killed_process_left_is_deleted(temporary):
    left = killed(temporary)
    assert (left / "half").exists()
    make_old(left)
    with PrivateFolder("other") as path:
        assert list(temporary.iterdir()) == [path]


def test_a_folder_that_has_just_been_made_is_left_alone(temporary):
    left = killed(temporary)
    with PrivateFolder("other"):
        assert left.exists()


def test_a_folder_in_use_is_left_alone_however_old():
    with PrivateFolder("one") as path:
        make_old(path)
        with PrivateFolder("other"):
            assert path.exists()


@pytest.mark.parametrize("name", ["edge-convert-x", "edgekit", "other"])
def test_what_others_made_is_left_alone(temporary, name):
    (temporary / name).mkdir()
    make_old(temporary / name)
    with PrivateFolder("test"):
        assert (temporary / name).exists()


def test_a_link_is_left_alone(temporary, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept")
    link = temporary / "edgekit-link"
    link.symlink_to(kept)
    os.utime(link, (0, 0), follow_symlinks=False)
    with PrivateFolder("test"):
        assert link.is_symlink()
        assert kept.exists()


def test_without_locks_nothing_is_deleted(temporary, monkeypatch):
    def refuses(descriptor, operation):
        raise OSError(37, "No locks available")

    left = killed(temporary)
    make_old(left)
    monkeypatch.setattr(private_folders.fcntl, "flock", refuses)
    with PrivateFolder("test") as path:
        assert path.exists()
    assert left.exists()
    assert not path.exists()
