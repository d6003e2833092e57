import json
import os

import pytest

from edge.errors import FileProblem, InvalidInput
from edge.models.training.outdir import claim

CHOICES = {"model": "net", "size": (32, 32, 3)}


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
    with pytest.raises(InvalidInput, match="already holds a run; add --resume"), claim(tmp_path, CHOICES, False):
        pass
    with claim(tmp_path, CHOICES, resume=True):
        pass
    with (
        pytest.raises(InvalidInput, match=r"--resume needs the options of the run in .*: model was net, got other"),
        claim(tmp_path, {**CHOICES, "model": "other"}, resume=True),
    ):
        pass


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidInput, match="not empty and holds no run"), claim(tmp_path, CHOICES, resume=True):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_bad_input_leaves_no_new_folder_behind(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InvalidInput, match="bad"), claim(out, CHOICES, resume=False):
        raise InvalidInput("bad")
    assert not out.exists()


def test_bad_input_leaves_an_empty_folder_empty(tmp_path):
    with pytest.raises(InvalidInput, match="bad"), claim(tmp_path, CHOICES, resume=False):
        raise InvalidInput("bad")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, InvalidInput])
def test_an_interrupted_run_can_be_resumed(tmp_path, error):
    out = tmp_path / "run"

    def begin():
        with claim(out, CHOICES, resume=False):
            (out / "checkpoint").mkdir()
            raise error

    with pytest.raises(error):
        begin()
    with claim(out, CHOICES, resume=True):
        assert (out / "checkpoint").is_dir()


def test_a_run_with_a_checkpoint_is_kept_whatever_ends_it(tmp_path):
    out = tmp_path / "run"

    def begin():
        with claim(out, CHOICES, resume=False):
            (out / "qat" / "checkpoint").mkdir(parents=True)
            raise FileProblem("the disk is full")

    with pytest.raises(FileProblem):
        begin()
    assert (out / "qat" / "checkpoint").is_dir()
    assert (out / "run.json").is_file()


def test_bad_input_on_resume_keeps_what_is_there(tmp_path):
    out = tmp_path / "run"
    with claim(out, CHOICES, resume=False):
        (out / "model").touch()
    with pytest.raises(InvalidInput, match="bad"), claim(out, CHOICES, resume=True):
        raise InvalidInput("bad")
    assert (out / "model").is_file()


def test_a_damaged_mark_is_a_file_problem(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(FileProblem, match=r"run\.json is damaged"), claim(tmp_path, CHOICES, resume=True):
        pass


def test_a_file_in_the_way_is_a_file_problem(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(FileProblem, match="cannot write to"), claim(out, CHOICES, resume=False):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_parent_is_a_file_problem(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileProblem, match="cannot write to"), claim(tmp_path / "run", CHOICES, resume=False):
        pass
