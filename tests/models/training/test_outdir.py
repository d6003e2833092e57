import errno
import json
import os
from pathlib import Path

import pytest

from edge.errors import FileError, GateFailed, InputError, MissingExtra
from edge.models.training.outdir import claim

CHOICES = {"model": "net", "size": (32, 32, 3)}


def write_checkpoint(folder):
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint" / "checkpoint").touch()


CLUSTER = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    ("config", "chief"),
    [
        pytest.param(None, True, id="no cluster"),
        pytest.param({"cluster": CLUSTER, "task": {"type": "worker", "index": 0}}, True, id="first worker"),
        pytest.param({"cluster": CLUSTER, "task": {"type": "worker", "index": 1}}, False, id="second worker"),
        pytest.param(
            {"cluster": {**CLUSTER, "chief": ["c:1"]}, "task": {"type": "worker", "index": 0}},
            False,
            id="beside a chief",
        ),
        pytest.param({"cluster": {"chief": ["c:1"]}, "task": {"type": "chief", "index": 0}}, True, id="a chief"),
    ],
)
def test_one_worker_has_the_folder(tmp_path, monkeypatch, config, chief):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config) if config else "")
    with claim(tmp_path / "run", CHOICES, resume=False, shared=True) as out:
        (out / "model").touch()
        assert (out == tmp_path / "run") == chief
    assert (tmp_path / "run" / "model").exists() == chief
    assert out.exists() == chief


def test_other_workers_resume_from_a_copy(tmp_path, monkeypatch):
    write_checkpoint(tmp_path / "run")
    (tmp_path / "run" / "cache").mkdir()
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 1}}))
    with claim(tmp_path / "run", CHOICES, resume=True, shared=True) as out:
        assert (out / "checkpoint" / "checkpoint").is_file()
        assert not (out / "cache").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"task": {"type": "worker"}}'])
def test_a_cluster_that_cannot_be_read_is_bad_input(tmp_path, monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG must be"), claim(tmp_path / "run", CHOICES, False, shared=True):
        pass
    assert not (tmp_path / "run").exists()


def test_a_new_folder_is_marked_and_its_cache_goes(tmp_path):
    out = tmp_path / "a" / "run"
    with claim(out, CHOICES, resume=False):
        (out / "cache").mkdir()
        (out / "model").touch()
    assert json.loads((out / "run.json").read_text()) == {"model": "net", "size": [32, 32, 3]}
    assert sorted(p.name for p in out.iterdir()) == ["model", "run.json"]


def test_an_empty_folder_may_be_used(tmp_path):
    with claim(tmp_path, CHOICES, resume=False):
        pass
    assert (tmp_path / "run.json").is_file()


def test_a_second_run_needs_resume_and_the_same_choices(tmp_path):
    with claim(tmp_path, CHOICES, resume=False):
        pass
    with (
        pytest.raises(InputError, match="already holds a run that has finished no epoch yet; add"),
        claim(tmp_path, CHOICES, False),
    ):
        pass
    with claim(tmp_path, CHOICES, resume=True):
        pass
    with (
        pytest.raises(InputError, match=r"--resume needs the options of the run in .*: model was net, got other"),
        claim(tmp_path, {**CHOICES, "model": "other"}, resume=True),
    ):
        pass


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="not empty and holds no run"), claim(tmp_path, CHOICES, resume=True):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_bad_input_leaves_no_new_folder_behind(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="bad"), claim(out, CHOICES, resume=False):
        raise InputError("bad")
    assert not out.exists()


def test_bad_input_leaves_an_empty_folder_empty(tmp_path):
    with pytest.raises(InputError, match="bad"), claim(tmp_path, CHOICES, resume=False):
        raise InputError("bad")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, InputError])
def test_an_interrupted_run_can_be_resumed(tmp_path, error):
    out = tmp_path / "run"

    def begin():
        with claim(out, CHOICES, resume=False):
            write_checkpoint(out)
            raise error

    with pytest.raises(error):
        begin()
    with claim(out, CHOICES, resume=True):
        assert (out / "checkpoint").is_dir()


def test_a_resumption_of_nothing_says_that_it_begins(tmp_path, capsys):
    out = tmp_path / "run"
    with claim(out, CHOICES, resume=True):
        write_checkpoint(out)
    assert capsys.readouterr().err == f"{out} holds no run to continue: it begins here\n"
    with claim(out, CHOICES, resume=True):
        pass
    assert not capsys.readouterr().err


def test_a_run_with_a_checkpoint_is_kept_whatever_ends_it(tmp_path):
    out = tmp_path / "run"

    def begin():
        with claim(out, CHOICES, resume=False):
            write_checkpoint(out / "qat")
            raise FileError("the disk is full")

    with pytest.raises(FileError):
        begin()
    assert (out / "qat" / "checkpoint").is_dir()
    assert (out / "run.json").is_file()


@pytest.mark.parametrize(
    "error", [InputError("bad"), MissingExtra("pip install"), FileError("full"), OSError("full"), GateFailed("low")]
)
def test_what_ends_before_a_checkpoint_can_be_tried_again(tmp_path, error):
    out = tmp_path / "run"

    def begin():
        with claim(out, CHOICES, resume=False):
            (out / "checkpoint").mkdir()  # TensorFlow makes the folder before what goes into it
            raise error

    with pytest.raises(type(error)):
        begin()
    assert not out.exists()


def test_a_finished_step_is_kept(tmp_path):
    out = tmp_path / "run"

    def begin():
        with claim(out, CHOICES, resume=False):
            (out / "prune").mkdir()
            (out / "prune" / "train.json").touch()
            raise MissingExtra("pip install")

    with pytest.raises(MissingExtra):
        begin()
    assert (out / "prune" / "train.json").exists()


def test_a_mark_that_does_not_fit_the_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(path, text, encoding):
        path.write_bytes(b"{")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(FileError, match="No space left on device"), claim(tmp_path / "run", CHOICES, False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_bad_input_on_resume_keeps_what_is_there(tmp_path):
    out = tmp_path / "run"
    with claim(out, CHOICES, resume=False):
        (out / "model").touch()
    with pytest.raises(InputError, match="bad"), claim(out, CHOICES, resume=True):
        raise InputError("bad")
    assert (out / "model").is_file()


def test_a_damaged_mark_is_a_file_error(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(FileError, match=r"run\.json is damaged"), claim(tmp_path, CHOICES, resume=True):
        pass


def test_a_file_in_the_way_is_a_file_error(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(FileError, match="cannot write to"), claim(out, CHOICES, resume=False):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_parent_is_a_file_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="cannot write to"), claim(tmp_path / "run", CHOICES, resume=False):
        pass
