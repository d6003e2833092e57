"""The tuning record beside a bundle: read when it fits, passed over when it does not."""

import json

import pytest

from edge.device import Device
from edge.tuning import Tuning, fingerprint, read_tuning, tuning_file
from tests.bench.bundles import small_bundle

PI = Device("pi-4-aarch64-4", "Raspberry Pi 4", "aarch64", 4, 3792, "Debian", "3.11.2")


@pytest.fixture(params=["net", "net.edge"], ids=["folder", "zip"])
def bundle(request, tmp_path):
    return small_bundle(tmp_path / "out" / request.param, tmp_path / "sources")


def record(bundle, **changes):
    row = {"backend": "fake", "threads": 2, "precision": "int8", "median_ms": 1.25, "manifest": fingerprint(bundle)}
    tuning_file(bundle).write_text(json.dumps({"schema": 1, "devices": {PI.id: {**row, **changes}}}))


def test_no_record_is_no_tuning(bundle):
    assert read_tuning(bundle, PI) is None


def test_a_record_is_read(bundle):
    record(bundle)
    assert tuning_file(bundle) == bundle.with_name(f"{bundle.name}.tuning.json")
    assert read_tuning(bundle, PI) == Tuning("fake", 2, "int8", 1.25)


def test_a_record_of_another_manifest_does_not_count(bundle):
    record(bundle, manifest="0" * 64)
    assert read_tuning(bundle, PI) is None


def test_a_link_is_tuned_where_it_points(tmp_path, bundle):
    record(bundle)
    link = tmp_path / f"current{bundle.suffix}"
    link.symlink_to(bundle)
    assert tuning_file(link) == tuning_file(bundle)
    assert read_tuning(link, PI) is not None


@pytest.mark.parametrize(("key", "value"), [("threads", 0), ("threads", "many"), ("threads", 1e999), ("median_ms", [])])
def test_an_impossible_entry_counts_as_none(bundle, key, value):
    record(bundle, **{key: value})
    assert read_tuning(bundle, PI) is None
