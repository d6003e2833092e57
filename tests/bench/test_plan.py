from pathlib import Path

import pytest

from edge.bench import plan
from edge.bench.measure import Timing
from edge.bench.plan import Job, Measurement
from edge.errors import FileError, InputError, MissingExtra
from edge.registry import Entry
from tests.backends import models
from tests.bench.bundles import small_bundle


def summary(todo):
    return [(job.name, job.precision, job.path.name, job.backend, job.threads) for job in todo]


def test_a_bundle_is_every_file_on_every_backend_with_every_thread_count(tmp_path):
    path = small_bundle(tmp_path / "net", tmp_path / "sources")
    todo = plan.jobs(plan.Targets([path]), ["fake", "litert"], [1, 2])
    assert summary(todo) == [
        ("net", "float32", "net.tflite", "litert", 1),
        ("net", "float32", "net.tflite", "litert", 2),
        ("net", "int8", "net.fake", "fake", 1),
        ("net", "int8", "net.fake", "fake", 2),
    ]
    assert {job.target for job in todo} == {path}


def test_precision_keeps_only_its_files(tmp_path):
    path = small_bundle(tmp_path / "net", tmp_path / "sources")
    assert summary(plan.jobs(plan.Targets([path], "int8"), None, [1])) == [("net", "int8", "net.fake", "fake", 1)]
    with pytest.raises(InputError, match=r"has no int4 file; it has: float32, int8"):
        plan.Targets([path], "int4")


def test_a_plain_file_is_named_by_its_stem(tmp_path):
    path = models.fake(tmp_path / "bands.fake")
    assert summary(plan.jobs(plan.Targets([path]), None, [3])) == [("bands", None, "bands.fake", "fake", 3)]


def test_files_that_nothing_opens_say_why(tmp_path, monkeypatch):
    text = tmp_path / "notes.txt"
    text.touch()
    with pytest.raises(InputError, match=r"must end in \.tflite, \.onnx, got notes\.txt"):
        plan.jobs(plan.Targets([text]), None, [1])
    with pytest.raises(InputError, match=r"fake opens \.fake files, got notes\.txt"):
        plan.jobs(plan.Targets([text]), ["fake"], [1])
    monkeypatch.setattr(Entry, "missing", lambda self: list(self.needs))
    with pytest.raises(MissingExtra, match=r"pip install 'edgekit\[onnx\]'"):
        plan.jobs(plan.Targets([tmp_path / "notes.txt"]), ["onnxruntime"], [1])


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileError, match="does not exist; give a bundle or a model file"):
        plan.Targets([tmp_path / "none.tflite"])
    with pytest.raises(FileError, match=r"has no manifest\.json"):
        plan.Targets([tmp_path])


def test_run_measures_each_and_records_refusals(tmp_path):
    good, bad = models.fake(tmp_path / "good.fake"), tmp_path / "bad.fake"
    bad.write_text("{}")
    told = []
    todo = plan.jobs(plan.Targets([good, bad]), None, [1])
    rows = plan.run(todo, 0.01, lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert rows[0].timing.runs >= 20
    assert (rows[0].fastest, rows[0].error, rows[0].bytes) == (True, None, good.stat().st_size)
    assert (rows[1].fastest, rows[1].timing) == (False, None)
    assert "not a .fake description" in rows[1].error
    assert rows[0].version.startswith("edgekit ")


def row(target, median):
    timing = None if median is None else Timing(1, median, median, median, median, median)
    return Measurement(Job(Path(target), target, None, Path(target), "fake", 1), "1", 1, timing)


def test_mark_fastest_marks_one_a_target():
    rows = plan.mark_fastest([row("a", None), row("a", 2.0), row("b", 9.0), row("a", 1.0), row("a", 1.0)])
    assert [r.fastest for r in rows] == [False, False, True, True, False]
