from pathlib import Path

import pytest

from edge import backends
from edge.bench import plan
from edge.bench.measure import Timing
from edge.bench.plan import Job, Measurement, ModelFile
from edge.bundle import write_bundle
from edge.errors import FileError, InputError, MissingExtra
from edge.manifest import Artifact, Manifest, StoredFile
from edge.registry import Entry
from tests.backends import models
from tests.bench.bundles import SIGNATURE, small_bundle


def summary(todo):
    return [(job.file.name, job.file.precision, job.file.path.name, job.backend, job.threads) for job in todo]


def test_a_bundle_is_every_file_on_every_backend_with_every_thread_count(tmp_path):
    path = small_bundle(tmp_path / "net", tmp_path / "sources")
    todo = plan.jobs(plan.ModelFiles([path]), ["fake", "litert"], [1, 2])
    assert summary(todo) == [
        ("net", "float32", "net_cpu.tflite", "litert", 1),
        ("net", "float32", "net_cpu.tflite", "litert", 2),
        ("net", "int8", "net_cpu.fake", "fake", 1),
        ("net", "int8", "net_cpu.fake", "fake", 2),
    ]
    assert {job.file.origin for job in todo} == {path}


def test_precision_keeps_only_its_files(tmp_path):
    path = small_bundle(tmp_path / "net", tmp_path / "sources")
    assert summary(plan.jobs(plan.ModelFiles([path], "int8"), None, [1])) == [
        ("net", "int8", "net_cpu.fake", "fake", 1)
    ]
    with pytest.raises(InputError, match=r"has no int4 file; it has: float32, int8"):
        plan.ModelFiles([path], "int4")


def test_a_plain_file_is_named_by_its_stem(tmp_path):
    path = models.fake(tmp_path / "bands.fake")
    assert summary(plan.jobs(plan.ModelFiles([path]), None, [3])) == [("bands", None, "bands.fake", "fake", 3)]


def test_files_that_nothing_opens_say_why(tmp_path, monkeypatch):
    text = tmp_path / "notes.txt"
    text.touch()
    with pytest.raises(InputError, match=r"must end in \.tflite, \.onnx, \.xml, got notes\.txt"):
        plan.jobs(plan.ModelFiles([text]), None, [1])
    with pytest.raises(InputError, match=r"fake opens \.fake files, got notes\.txt"):
        plan.jobs(plan.ModelFiles([text]), ["fake"], [1])
    monkeypatch.setattr(Entry, "missing", lambda self: list(self.needs))
    with pytest.raises(MissingExtra, match=r"pip install 'edgekit\[onnx\]'"):
        plan.jobs(plan.ModelFiles([tmp_path / "notes.txt"]), ["onnxruntime"], [1])


def test_a_file_for_other_hardware_is_never_handed_to_a_backend_of_the_cpu(tmp_path):
    rows = (("tflite", "int8", "edgetpu"), ("tflite", "float32", "cpu"))
    path = small_bundle(tmp_path / "net", tmp_path / "sources", rows)
    todo = plan.jobs(plan.ModelFiles([path]), None, [1])
    cpu = [name for name in ("litert", "tflite_runtime", "openvino") if name in backends.available()]
    assert sorted(summary(todo)) == [
        *[("net", "float32", "net_cpu.tflite", name, 1) for name in sorted(cpu)],
        ("net", "int8", "net_edgetpu.tflite", "edgetpu", 1),
    ]


def test_a_bundle_for_other_hardware_only_says_so(tmp_path):
    path = small_bundle(tmp_path / "net", tmp_path / "sources", (("tflite", "int8", "edgetpu"),))
    with pytest.raises(InputError, match=r"net has net_edgetpu\.tflite for edgetpu, which .* does not drive"):
        plan.jobs(plan.ModelFiles([path]), ["litert"], [1])


def test_the_size_is_that_of_all_files_of_a_model(tmp_path):
    source, data = models.fake(tmp_path / "a.fake"), tmp_path / "a.data"
    data.write_bytes(bytes(1000))
    artifact = Artifact("fake", "float32", (StoredFile("a.fake"), StoredFile("a.data")))
    write_bundle(tmp_path / "net", Manifest("net", SIGNATURE, (), (artifact,)), {"a.fake": source, "a.data": data})
    (file,) = plan.ModelFiles([tmp_path / "net"]).files
    assert file.bytes == source.stat().st_size + 1000


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param([("image", (1, 4, 5, 3), "uint8")], id="an image"),
        pytest.param([("clip", (1, 4, 6, 6, 3), "float32")], id="a clip"),
        pytest.param([("sound", (1, 64), "int16")], id="a sound"),
        pytest.param([("one", (8,), "float32")], id="one axis"),
        pytest.param([("a", (1, 6), "float32"), ("b", (1, 3, 3), "int8")], id="two inputs of two ranks"),
    ],
)
def test_any_inputs_are_measured(tmp_path, inputs):
    path = models.fake(tmp_path / "net.fake", inputs, [("out", (1, 4), "float32")])
    (row,) = plan.run(plan.jobs(plan.ModelFiles([path]), ["fake"], [1]), 0.01, lambda *_: None)
    assert row.error is None
    assert row.timing.runs >= 20


def test_two_inputs_and_two_outputs_are_measured_on_a_real_runtime(tmp_path):
    path = models.tflite_pair(tmp_path / "pair.tflite")
    (row,) = plan.run(plan.jobs(plan.ModelFiles([path]), ["litert"], [1]), 0.01, lambda *_: None)
    assert (row.error, row.fastest) == (None, True)


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileError, match="does not exist; give a bundle or a model file"):
        plan.ModelFiles([tmp_path / "none.tflite"])
    with pytest.raises(FileError, match=r"has no manifest\.json"):
        plan.ModelFiles([tmp_path])


def test_run_measures_each_and_records_refusals(tmp_path):
    good, bad = models.fake(tmp_path / "good.fake"), tmp_path / "bad.fake"
    bad.write_text("{}")
    told = []
    todo = plan.jobs(plan.ModelFiles([good, bad]), None, [1])
    rows = plan.run(todo, 0.01, lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert rows[0].timing.runs >= 20
    assert (rows[0].fastest, rows[0].error, rows[0].job.file.bytes) == (True, None, good.stat().st_size)
    assert (rows[1].fastest, rows[1].timing) == (False, None)
    assert "not a .fake description" in rows[1].error
    assert rows[0].version.startswith("edgekit ")


def row(origin, median):
    timing = None if median is None else Timing(1, median, median, median, median, median)
    return Measurement(Job(ModelFile(Path(origin), origin, Path(origin), 1), "fake", 1), "1", timing)


def test_mark_fastest_marks_one_an_origin():
    rows = plan.mark_fastest([row("a", None), row("a", 2.0), row("b", 9.0), row("a", 1.0), row("a", 1.0)])
    assert [r.fastest for r in rows] == [False, False, True, True, False]
