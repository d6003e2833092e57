from dataclasses import replace

import pytest

from edge.bench import plan
from edge.bench.autotune import write_tuning
from edge.bench.measure import Timing
from edge.bundle import open_bundle, write_bundle
from edge.device import Device
from edge.errors import FileError
from edge.tuning import Tuning, read_tuning, tuning_file
from tests.backends import models
from tests.bench.bundles import small_bundle

PI4 = Device("pi-4-aarch64-4", "Raspberry Pi 4", "aarch64", 4, 3792, "Debian", "3.11.2")
PI5 = PI4._replace(id="pi-5-aarch64-4", model="Raspberry Pi 5")


@pytest.fixture(params=["net", "net.edge"], ids=["folder", "zip"])
def measured(request, tmp_path):
    """Return a bundle and rows for it in which the second is fastest, with invented timings."""
    path = small_bundle(tmp_path / "out" / request.param, tmp_path / "sources")
    todo = plan.jobs(plan.ModelFiles([path]), ["fake"], [1, 2])
    rows = [
        plan.Measurement(job, "edgekit 1", Timing(1, *[median] * 5))
        for job, median in zip(todo, (2.0, 1.25), strict=True)
    ]
    return path, plan.mark_fastest(rows)


def test_round_trip_beside_the_bundle(measured):
    path, rows = measured
    before = sorted(p.name for p in path.parent.iterdir())
    assert read_tuning(path, PI4) is None
    assert write_tuning(rows, PI4) == [path.with_name(f"{path.name}.tuning.json")]
    assert read_tuning(path, PI4) == Tuning("fake", 2, "int8", 1.25)
    assert sorted(p.name for p in path.parent.iterdir()) == [*before, f"{path.name}.tuning.json"]
    open_bundle(path)


def test_each_kind_of_device_has_its_own_entry(measured):
    path, rows = measured
    write_tuning(rows, PI4)
    assert read_tuning(path, PI5) is None
    write_tuning(plan.mark_fastest(rows[:1]), PI5)
    assert read_tuning(path, PI4).threads == 2
    assert read_tuning(path, PI5).threads == 1


def test_an_updated_bundle_is_not_tuned(measured, tmp_path):
    path, rows = measured
    write_tuning(rows, PI4)
    opened = open_bundle(path)
    manifest = replace(opened.manifest, provenance={"version": 2})
    write_bundle(path, manifest, {a.file: opened.path(a) for a in opened.manifest.artifacts})
    assert read_tuning(path, PI4) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\x00", id="not text"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"schema": 9, "devices": {}}', id="a later schema"),
        pytest.param(b'{"schema": 1, "devices": {"pi-4-aarch64-4": 5}}', id="no entry"),
        pytest.param(b'{"schema": 1, "devices": {"pi-4-aarch64-4": {"manifest": 1}}}', id="half an entry"),
    ],
)
def test_a_damaged_file_counts_as_none_and_is_replaced(measured, text):
    path, rows = measured
    tuning_file(path).write_bytes(text)
    assert read_tuning(path, PI4) is None
    write_tuning(rows, PI4)
    assert read_tuning(path, PI4) is not None


def test_plain_files_and_refusals_are_not_recorded(tmp_path):
    path = models.fake(tmp_path / "x.fake")
    (job,) = plan.jobs(plan.ModelFiles([path]), None, [1])
    rows = plan.mark_fastest([plan.Measurement(job, "1", Timing(1, *[1.0] * 5))])
    assert write_tuning(rows, PI4) == []


def test_a_folder_that_cannot_be_written_is_one_line(measured, monkeypatch):
    path, rows = measured

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(FileError, match=r"cannot write .*tuning\.json: Permission denied"):
        write_tuning(rows, PI4)
    assert not tuning_file(path).exists()


def test_a_bundle_that_vanished_is_one_line(measured):
    path, rows = measured
    path.rename(path.with_name("gone"))
    with pytest.raises(FileError, match="cannot be read any more"):
        write_tuning(rows, PI4)
