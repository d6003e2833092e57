import hashlib
import os
import stat
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge import signing, trust
from edge.bundle import open_bundle, write_bundle
from edge.deploy import signing_keys
from edge.deploy.signing_keys import PASSPHRASE, load_key, make_keys, sign_bundle
from edge.errors import FileError, InputError
from edge.manifest import DIGEST, SIGNATURE, Manifest
from edge.runnable import MANIFEST
from tests.sample_bundle import CONTENT, manifest, write_sources


@pytest.fixture(autouse=True)
def without_passphrase(monkeypatch):
    monkeypatch.delenv(PASSPHRASE, raising=False)


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """Make a pair of keys that this machine trusts."""
    made = make_keys(tmp_path / "trust" / "fleet")
    monkeypatch.setenv("EDGE_TRUST", str(tmp_path / "trust"))
    return made


@pytest.fixture(params=["pets", "pets.edge"], ids=["folder", "zip"])
def unsigned(request, tmp_path):
    path = tmp_path / request.param
    write_bundle(path, manifest(), write_sources(tmp_path / "models"))
    return path


def content(path, name):
    """Return the content of a file of a bundle, or None when it has none of this name."""
    opened = open_bundle(path)
    return (opened.root / name).read_bytes() if (opened.root / name).exists() else None


def test_the_private_key_is_for_its_owner_only(tmp_path):
    old = os.umask(0)
    try:
        made = make_keys(tmp_path / "new" / "fleet.2026")
    finally:
        os.umask(old)
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600
    assert (made.private.name, made.public.name) == ("fleet.2026.key", "fleet.2026.pub")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["fleet.2026.key", "fleet.2026.pub"]


def test_the_pair_belongs_together(tmp_path):
    made = make_keys(tmp_path / "fleet")
    public = signing.public_key(made.public.read_text())
    assert made.key == signing.key_id(public)
    assert signing.fits(signing.signed(b"x", load_key(made.private)), b"x", public)


@pytest.mark.parametrize("suffix", [".key", ".pub"])
def test_keys_are_never_replaced_unless_forced(tmp_path, suffix):
    there = tmp_path / f"fleet{suffix}"
    there.write_text("precious")
    with pytest.raises(FileError, match=rf"fleet\{suffix} exists and would be lost; .*--force"):
        make_keys(tmp_path / "fleet")
    assert [p.name for p in tmp_path.iterdir()] == [there.name]
    make_keys(tmp_path / "fleet", force=True)
    assert load_key(tmp_path / "fleet.key")
    assert stat.S_IMODE((tmp_path / "fleet.key").stat().st_mode) == 0o600


def test_a_passphrase_encrypts_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv(PASSPHRASE, "dünne Hülle")
    made = make_keys(tmp_path / "fleet")
    assert load_key(made.private)
    monkeypatch.setenv(PASSPHRASE, "another")
    with pytest.raises(InputError, match="the passphrase in EDGE_KEY_PASSPHRASE is wrong"):
        load_key(made.private)
    monkeypatch.delenv(PASSPHRASE)
    with pytest.raises(InputError, match="has a passphrase; give it in the variable EDGE_KEY_PASSPHRASE"):
        load_key(made.private)


def test_a_passphrase_does_not_disturb_a_key_without_one(tmp_path, monkeypatch):
    made = make_keys(tmp_path / "fleet")
    monkeypatch.setenv(PASSPHRASE, "unneeded")
    assert load_key(made.private)


def other_key():
    key = ec.derive_private_key(1, ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        pytest.param(b"", "no private key in PEM", id="empty"),
        pytest.param(b"\xff\x00" * 50, "no private key in PEM", id="bytes"),
        pytest.param(other_key(), "must be an Ed25519 private key", id="another kind"),
    ],
)
def test_what_is_no_key_is_one_line(tmp_path, pem, words):
    (tmp_path / "x.key").write_bytes(pem)
    with pytest.raises(InputError, match=words):
        load_key(tmp_path / "x.key")


def test_a_public_key_does_not_sign(keys, unsigned):
    with pytest.raises(InputError, match="no private key in PEM"):
        sign_bundle(unsigned, keys.public)


def test_a_bundle_is_signed_also_where_only_signed_ones_run(keys, unsigned):
    (keys.public.parent / "signed-only").touch()
    with pytest.raises(InputError, match="must be signed"):
        open_bundle(unsigned)
    sign_bundle(unsigned, keys.private, 2)
    assert trust.signed_version(open_bundle(unsigned)) == 2


def test_a_bundle_that_was_changed_after_it_was_signed_is_not_signed_again(keys, tmp_path):
    path = tmp_path / "pets"
    write_bundle(path, manifest(), write_sources(tmp_path / "models"))
    sign_bundle(path, keys.private, 2)
    changed = (path / MANIFEST).read_bytes().replace(b"pets", b"cats")
    (path / MANIFEST).write_bytes(changed)
    (path / DIGEST).write_text(f"{hashlib.sha256(changed).hexdigest()}  {MANIFEST}\n")
    with pytest.raises(FileError, match="is not the one that key"):
        sign_bundle(path, keys.private)


def test_a_missing_key_or_bundle_is_one_line(tmp_path, keys, unsigned):
    with pytest.raises(FileError, match=r"none\.key cannot be read: No such file"):
        sign_bundle(unsigned, tmp_path / "none.key")
    with pytest.raises(FileError, match="does not exist"):
        sign_bundle(tmp_path / "none", keys.private)


def test_a_signed_bundle_is_the_same_with_a_version(keys, unsigned):
    before = open_bundle(unsigned)
    signed, key = sign_bundle(unsigned, keys.private, version=3)
    after = open_bundle(unsigned)
    assert (key, signed) == (keys.key, after.manifest)
    assert (after.signer, trust.signed_version(after)) == (keys.key, 3)
    assert {**vars(after.manifest), "version": None} == vars(before.manifest)
    for name, expected in CONTENT.items():
        assert (after.root / name).read_bytes() == expected


def test_the_bundle_is_replaced_and_nothing_else_is_left(keys, unsigned, tmp_path):
    there = sorted(p.name for p in tmp_path.iterdir())
    sign_bundle(unsigned, keys.private)
    assert sorted(p.name for p in tmp_path.iterdir()) == there


@pytest.mark.parametrize("name", ["signed", "signed.edge"])
def test_another_place_and_another_form(keys, unsigned, tmp_path, name):
    before = open_bundle(unsigned).manifest
    sign_bundle(unsigned, keys.private, 5, tmp_path / name)
    assert trust.signed_version(open_bundle(tmp_path / name)) == 5
    assert open_bundle(unsigned).manifest == before


def test_the_version_is_the_time_and_grows(keys, unsigned):
    start = time.time_ns() // 1_000_000
    first = sign_bundle(unsigned, keys.private)[0].version
    assert start <= first <= time.time_ns() // 1_000_000
    second = sign_bundle(unsigned, keys.private)[0].version
    assert second > first


def test_the_version_grows_also_when_the_clock_is_behind(keys, unsigned, monkeypatch):
    monkeypatch.setattr(signing_keys.time, "time_ns", lambda: 5_000_000)
    assert sign_bundle(unsigned, keys.private)[0].version == 5
    assert sign_bundle(unsigned, keys.private)[0].version == 6


def test_a_lower_version_is_refused_and_the_same_one_has_the_same_content(keys, unsigned):
    sign_bundle(unsigned, keys.private, 9)
    before = content(unsigned, MANIFEST)
    with pytest.raises(InputError, match="expected at least 9, got 8"):
        sign_bundle(unsigned, keys.private, 8)
    sign_bundle(unsigned, keys.private, 9)
    assert content(unsigned, MANIFEST) == before


@pytest.mark.parametrize("version", [-1, 1 << 53])
def test_a_version_out_of_range_is_refused(keys, unsigned, version):
    with pytest.raises(InputError, match="a version must be from 0 to 9007199254740991"):
        sign_bundle(unsigned, keys.private, version)
    assert content(unsigned, SIGNATURE) is None


def test_an_unsigned_manifest_has_no_version_in_its_json(unsigned):
    assert b"version" not in content(unsigned, MANIFEST)
    assert Manifest.__dataclass_fields__["version"].default is None


def test_a_bundle_of_schema_1_is_refused(keys, tmp_path):
    from tests.test_released_bundles import BUNDLES

    with pytest.raises(InputError, match="schema 1, which has no version to sign"):
        sign_bundle(BUNDLES[0], keys.private, out=tmp_path / "signed")
    assert not (tmp_path / "signed").exists()
