"""The keys that a device trusts: changed as a whole, and never so that what runs would no longer start."""

import os

import pytest

from edge import signing, trust
from edge.bundle import open_bundle
from edge.deploy import signing_keys
from edge.errors import InputError
from edge.slots import health, keys, state
from tests.slots import device


@pytest.fixture
def trusting(app, monkeypatch):
    """Let this process be the agent of the device."""
    monkeypatch.setenv("EDGE_TRUST", str(app.root / "trust"))
    monkeypatch.setattr(health, "check", lambda *_: {"median_ms": 1.0, "backend": "none"})
    return app


@pytest.fixture
def pair(tmp_path):
    return signing_keys.make_keys(tmp_path / "fleet")


def names(app):
    return sorted(path.name for path in (app.root / "trust").iterdir())


def test_a_key_is_added_under_its_id_and_removed_by_it(trusting, pair):
    answer = keys.change(trusting.root, [pair.public.read_text()], [], None)
    assert answer == {"keys": [pair.key], "signed_only": False}
    assert names(trusting) == [f"{pair.key}.pub"]
    assert keys.change(trusting.root, [], [pair.key], None) == {"keys": [], "signed_only": False}
    assert names(trusting) == []


def test_a_key_in_a_file_of_another_name_is_removed_too(trusting, pair):
    (trusting.root / "trust" / "of-the-fleet.pub").write_text(pair.public.read_text())
    assert keys.change(trusting.root, [], [pair.key], None)["keys"] == []


def test_signed_only_is_turned_on_and_off(trusting, pair):
    assert keys.change(trusting.root, [pair.public.read_text()], [], True)["signed_only"]
    assert keys.change(trusting.root, [], [], None)["signed_only"], "it stays as it is"
    assert not keys.change(trusting.root, [], [], False)["signed_only"]


def test_a_device_that_runs_an_unsigned_bundle_is_not_shut_out(trusting, mobilenet, pair):
    device.deploy(trusting, mobilenet)
    with pytest.raises(InputError, match="camera would no longer start"):
        keys.change(trusting.root, [pair.public.read_text()], [], True)
    assert names(trusting) == [], "nothing of it was kept"


def test_the_key_of_what_runs_stays_while_only_signed_bundles_run(trusting, mobilenet, pair, tmp_path):
    signing_keys.sign_bundle(mobilenet.root, pair.private, 1, tmp_path / "signed")
    keys.change(trusting.root, [pair.public.read_text()], [], True)
    signed = open_bundle(tmp_path / "signed")
    device.deploy(trusting, signed)
    with pytest.raises(InputError, match="would no longer start"):
        keys.change(trusting.root, [], [pair.key], None)
    assert names(trusting) == [f"{pair.key}.pub", "signed-only"]


@pytest.mark.parametrize("removed", ["0" * 16, "", "../x"])
def test_a_key_that_is_not_there_cannot_be_removed(trusting, pair, removed):
    keys.change(trusting.root, [pair.public.read_text()], [], None)
    with pytest.raises(InputError, match=f"is not trusted here; trusted: {pair.key}"):
        keys.change(trusting.root, [], [removed], None)


@pytest.mark.parametrize(
    "content", ["", "ssh-ed25519 AAAA me@here", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_public_key_is_refused(trusting, pair, content):
    with pytest.raises(InputError, match="public key"):
        keys.change(trusting.root, [pair.public.read_text(), content], [], None)
    assert names(trusting) == []
    assert signing.key_id(signing.public_key(pair.public.read_text())) == pair.key


def test_the_version_of_what_runs_counts_from_the_moment_its_key_is_trusted(
    trusting, mobilenet, shufflenet, pair, tmp_path
):
    """Or an older bundle could take the place of one that was deployed before the key."""
    for version, bundle in ((7, mobilenet), (6, shufflenet)):
        signing_keys.sign_bundle(bundle.root, pair.private, version, tmp_path / f"v{version}")
    device.deploy(trusting, open_bundle(tmp_path / "v7"))
    assert state.read(trusting).highest_version is None
    keys.change(trusting.root, [pair.public.read_text()], [], True)
    assert state.read(trusting).highest_version == 7
    with pytest.raises(InputError, match="at least version 7"):
        device.deploy(trusting, open_bundle(tmp_path / "v6"))


def test_a_pipe_in_the_trust_folder_is_refused_at_once(trusting, pair):
    os.mkfifo(trusting.root / "trust" / "wait.pub")
    with pytest.raises(InputError, match=r"wait.pub must be a file"):
        trust.keys(trusting.root / "trust")
