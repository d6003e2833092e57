"""10,000 mutated bundles: none crashes the reader, none is accepted with other content."""

import pytest

from tests.fuzz import bundle_mutations, folder_mutations, zip_mutations


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_every_mutated_bundle_is_refused_or_identical(tmp_path, count):
    tally = bundle_mutations.run(tmp_path, count, seed=1)
    assert tally.wrong == []
    assert tally.total == count
    mutations = [f"folder {m.__name__}" for m in folder_mutations.MUTATIONS]
    mutations += [f"zip {m.__name__}" for m in zip_mutations.MUTATIONS]
    assert set(mutations) <= {*tally.refused, *tally.identical}


HARMLESS = {
    "folder add": "a hidden file is no part of the bundle",
    "folder hard_link": "a further name of the right content changes nothing",
    "zip bomb_that_lies": "what is behind the stated size is never unpacked",
    "zip flip": "times and attributes are not content",
    "zip flip_in_directory": "times and attributes are not content",
    "zip hard_link": "a field that nobody reads",
    "zip other_method": "the same files, stored",
    "zip reorder": "the same files",
}


def test_only_what_changes_nothing_is_accepted(tmp_path):
    tally = bundle_mutations.run(tmp_path, 1000, seed=2)
    assert set(tally.identical) <= set(HARMLESS)
    assert tally.identical["zip reorder"] > 0


def test_a_reader_that_checks_too_little_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.bundle_files.check_digest", lambda *_: None)
    monkeypatch.setattr("edge.bundle_zip.check_digest", lambda *_: None)
    assert any("other content was accepted" in line for line in bundle_mutations.run(tmp_path, 200, seed=1).wrong)
