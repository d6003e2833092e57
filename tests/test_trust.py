"""Who signed a bundle, and what a machine with a trust folder refuses."""

import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import edge
from edge import signing, trust
from edge.bench.plan import ModelFiles
from edge.bundle import open_bundle, write_bundle
from edge.errors import EdgeError, FileError, InputError, MissingExtra
from edge.manifest import DIGEST, SIGNATURE
from edge.runnable import MANIFEST
from tests.sample_bundle import manifest, write_sources

OURS, THEIRS = (ed25519.Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))


def identity(key):
    return signing.key_id(key.public_key().public_bytes_raw())


def signs(key):
    return lambda content: signing.signed(content, key).as_bytes()


@pytest.fixture(params=["pets", "pets.edge"], ids=["folder", "zip"])
def bundle(request, tmp_path):
    """Write bundles signed by a key, or by none, and return the path."""
    sources = write_sources(tmp_path / "models")

    def write(key=None, version=7):
        path = tmp_path / request.param
        write_bundle(path, manifest(version=version), sources, None if key is None else signs(key))
        return path

    return write


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Let the machine trust our key."""
    folder = tmp_path / "trust"
    folder.mkdir()
    pem = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "ours.pub").write_bytes(pem)
    (folder / "README").write_text("what is no key is not read")
    monkeypatch.setenv("EDGE_TRUST", str(folder))
    return folder


@pytest.fixture
def signed_only(place):
    (place / "signed-only").touch()
    return place


@pytest.fixture
def no_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGE_TRUST", raising=False)
    monkeypatch.setattr(trust, "USUAL", str(tmp_path / "none"))


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("key", "version", "found"),
    [
        pytest.param(OURS, 7, 7, id="ours"),
        pytest.param(OURS, 0, 0, id="ours, version 0"),
        pytest.param(THEIRS, 7, None, id="another key counts as none"),
        pytest.param(None, 7, None, id="a version that nobody signed"),
        pytest.param(None, None, None, id="no version"),
    ],
)
def test_the_version_that_a_trusted_key_signed(bundle, key, version, found):
    opened = open_bundle(bundle(key, version))
    assert trust.signed_version(opened) == found
    assert opened.signer == (identity(OURS) if key is OURS else None)
    assert opened.manifest.version == version


@pytest.mark.usefixtures("no_folder")
def test_without_a_trust_folder_no_signature_is_checked(bundle):
    path = bundle(OURS)
    assert trust.folder() is None
    opened = open_bundle(path)
    assert (opened.signer, trust.signed_version(opened), opened.manifest.version) == (None, None, 7)


@pytest.mark.usefixtures("signed_only")
@pytest.mark.parametrize("key", [None, THEIRS], ids=["unsigned", "another key"])
def test_signed_only_refuses_what_no_trusted_key_signed(bundle, key):
    with pytest.raises(InputError, match=r"must be signed by a key in .*trust, .*; sign it with edge-deploy sign"):
        open_bundle(bundle(key))


@pytest.mark.usefixtures("signed_only")
def test_signed_only_opens_what_a_trusted_key_signed(bundle):
    assert trust.signed_version(open_bundle(bundle(OURS))) == 7


def test_signed_only_without_any_key_refuses_everything(bundle, signed_only):
    (signed_only / "ours.pub").unlink()
    with pytest.raises(InputError, match="must be signed"):
        open_bundle(bundle(OURS))


def test_a_key_is_trusted_until_it_is_removed(bundle, place):
    path = bundle(OURS)
    (place / "ours.pub").unlink()
    assert trust.signed_version(open_bundle(path)) is None


def files_of(path):
    """Return the content of each file of a bundle."""
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir()}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put(path, content):
    """Write a bundle of the given files, whatever they hold."""
    if path.is_dir():
        shutil.rmtree(path)
        path.mkdir()
        for name, data in content.items():
            (path / name).write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)


def edited(path, change):
    """Change the manifest's JSON and write its right digest, as somebody would who wants to pass a check."""
    content = files_of(path)
    raw = json.loads(content[MANIFEST])
    change(raw)
    content[MANIFEST] = json.dumps(raw, indent=2).encode()
    content[DIGEST] = f"{hashlib.sha256(content[MANIFEST]).hexdigest()}  {MANIFEST}\n".encode()
    put(path, content)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.update(version=8), id="a higher version"),
        pytest.param(lambda raw: raw.update(version=6), id="a lower version"),
        pytest.param(lambda raw: raw.pop("version"), id="no version"),
        pytest.param(lambda raw: raw.update(name="cats"), id="another name"),
        pytest.param(lambda raw: raw["artifacts"].pop(), id="a file less"),
        pytest.param(lambda raw: None, id="other line ends"),
    ],
)
def test_an_edited_manifest_is_not_the_signed_one(bundle, change):
    path = bundle(OURS)
    edited(path, change)
    with pytest.raises(FileError, match=rf"is not the one that key {identity(OURS)} signed; get the bundle again"):
        open_bundle(path)


@pytest.mark.usefixtures("place")
def test_a_signature_of_another_version_does_not_fit(bundle):
    old = files_of(bundle(OURS, 6))[SIGNATURE]
    path = bundle(OURS, 7)
    put(path, {**files_of(path), SIGNATURE: old})
    with pytest.raises(FileError, match="is not the one that key"):
        open_bundle(path)


@pytest.mark.usefixtures("place")
def test_a_signature_by_another_key_under_the_id_of_ours_does_not_fit(bundle):
    path = bundle(THEIRS)
    content = files_of(path)
    content[SIGNATURE] = content[SIGNATURE].replace(identity(THEIRS).encode(), identity(OURS).encode())
    put(path, content)
    with pytest.raises(FileError, match="is not the one that key"):
        open_bundle(path)


@pytest.mark.usefixtures("signed_only")
def test_a_removed_signature_is_no_signature(bundle):
    path = bundle(OURS)
    content = files_of(path)
    del content[SIGNATURE]
    put(path, content)
    with pytest.raises(InputError, match="must be signed"):
        open_bundle(path)


@pytest.mark.parametrize("trusting", ["no_folder", "place", "signed_only"])
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"x" * 300, b"[" * 100_000], ids=["empty", "no fields", "text", "deep"]
)
def test_a_malformed_signature_is_always_refused(bundle, request, trusting, content):
    request.getfixturevalue(trusting)
    path = bundle(OURS)
    put(path, {**files_of(path), SIGNATURE: content})
    with pytest.raises(InputError, match=r"manifest\.sig is not a signature"):
        open_bundle(path)


@pytest.mark.parametrize("trusting", ["no_folder", "place"])
def test_a_signed_manifest_states_a_version(bundle, request, trusting):
    request.getfixturevalue(trusting)
    with pytest.raises(InputError, match="must state a version"):
        open_bundle(bundle(OURS, None))


@pytest.mark.usefixtures("signed_only")
def test_a_link_is_no_signature(tmp_path):
    path = tmp_path / "pets"
    write_bundle(path, manifest(version=7), write_sources(tmp_path / "models"), signs(OURS))
    (path / SIGNATURE).rename(tmp_path / "elsewhere")
    (path / SIGNATURE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError, match=r"manifest\.sig must be a plain file"):
        open_bundle(path)


@pytest.mark.usefixtures("signed_only")
def test_signed_only_refuses_bare_files_in_every_command(tmp_path):
    file = tmp_path / "net.tflite"
    file.write_bytes(b"never read")
    for opens in (edge.load, lambda path: ModelFiles([path], None)):
        with pytest.raises(InputError, match=r"is a bare file, but .* holds signed-only"):
            opens(file)


@pytest.mark.usefixtures("place")
def test_trusted_keys_alone_leave_bare_files_alone(tmp_path):
    trust.check_file(tmp_path / "net.tflite")
    file = tmp_path / "net.tflite"
    file.write_bytes(b"no network")
    with pytest.raises(EdgeError) as caught:
        edge.load(file)
    assert "signed-only" not in str(caught.value)


@pytest.mark.usefixtures("place")
def test_without_cryptography_a_signature_of_ours_is_refused(bundle, monkeypatch):
    path = bundle(OURS)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(MissingExtra, match=r"edgekit\[signed\]"):
        open_bundle(path)


@pytest.mark.usefixtures("place")
def test_without_cryptography_a_signature_by_another_key_counts_as_none(bundle, monkeypatch):
    path = bundle(THEIRS)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert open_bundle(path).signer is None


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff" * 40], ids=["empty", "text", "bytes"])
def test_a_damaged_key_is_named(bundle, place, content):
    (place / "damaged.pub").write_bytes(content)
    with pytest.raises(InputError, match=r"trusted key .*damaged\.pub is damaged"):
        open_bundle(bundle(OURS))


def test_a_variable_that_names_no_folder_is_refused(bundle, tmp_path, monkeypatch):
    path = bundle(OURS)
    for name, words in (("none", "does not exist"), ("file", "cannot be read: Not a directory")):
        (tmp_path / "file").touch()
        monkeypatch.setenv("EDGE_TRUST", str(tmp_path / name))
        with pytest.raises(FileError, match=words):
            open_bundle(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_refused(bundle, place):
    path = bundle(OURS)
    place.chmod(0)
    with pytest.raises(FileError, match="cannot be read: Permission denied"):
        open_bundle(path)
    place.chmod(0o700)


def test_an_empty_variable_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_TRUST", "")
    monkeypatch.setattr(trust, "USUAL", str(tmp_path))
    assert trust.folder() == Path(tmp_path)
