import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge import signing
from edge.bundle import write_bundle
from edge.errors import InputError, MissingExtra
from tests.sample_bundle import manifest, write_sources

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
MANIFEST = b'{"schema": 2}\n'


def pem(key):
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_round_trip():
    signature = signing.signed(MANIFEST, KEY)
    assert signing.parse(signature.as_bytes()) == signature
    assert signature.key == signing.key_id(PUBLIC)
    assert signing.fits(signature, MANIFEST, PUBLIC)


def test_the_file_is_one_line_of_json():
    content = json.loads(signing.signed(MANIFEST, KEY).as_bytes())
    assert list(content) == ["algorithm", "key", "signature"]
    assert content["algorithm"] == "ed25519"
    assert len(base64.b64decode(content["signature"])) == 64


def test_a_key_is_read_as_openssl_writes_it():
    assert signing.public_key(pem(KEY.public_key())) == PUBLIC


@pytest.mark.parametrize("position", range(len(MANIFEST)))
def test_a_changed_byte_does_not_fit(position):
    changed = bytearray(MANIFEST)
    changed[position] ^= 1
    assert not signing.fits(signing.signed(MANIFEST, KEY), bytes(changed), PUBLIC)


def test_a_signature_of_the_manifest_without_its_prefix_does_not_fit():
    assert not signing.fits(signing.ManifestSignature("0" * 16, KEY.sign(MANIFEST)), MANIFEST, PUBLIC)


GOOD = signing.signed(MANIFEST, KEY).as_bytes()
FIELDS = json.loads(GOOD)


def changed(**fields):
    return (json.dumps({**FIELDS, **fields}) + "\n").encode()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"null\n", id="no object"),
        pytest.param(GOOD[:-1], id="truncated"),
        pytest.param(GOOD + b"\n", id="longer"),
        pytest.param(GOOD.replace(b": ", b":"), id="other spaces"),
        pytest.param(changed(algorithm="none"), id="another algorithm"),
        pytest.param(changed(key="0" * 15), id="short id"),
        pytest.param(changed(key="G" * 16), id="id of other letters"),
        pytest.param(changed(key=5), id="id is a number"),
        pytest.param(changed(signature=""), id="no signature"),
        pytest.param(changed(signature=base64.b64encode(bytes(63)).decode()), id="short signature"),
        pytest.param(changed(signature="é" * 88), id="no base64"),
        pytest.param(changed(more=1), id="another field"),
    ],
)
def test_what_is_not_a_signature_file_is_refused(content):
    with pytest.raises(InputError, match="not a signature that edge-deploy sign wrote"):
        signing.parse(content)


def test_any_flipped_bit_is_refused_or_another_signature():
    whole = signing.parse(GOOD)
    for position in range(len(GOOD) * 8):
        damaged = bytearray(GOOD)
        damaged[position // 8] ^= 1 << position % 8
        try:
            found = signing.parse(bytes(damaged))
        except InputError:
            continue
        assert found != whole
        assert found.as_bytes() == damaged


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("hello", id="text"),
        pytest.param(pem(KEY.public_key()).replace("PUBLIC", "PRIVATE"), id="private"),
        pytest.param(pem(ec.derive_private_key(1, ec.SECP256R1()).public_key()), id="another kind of key"),
        pytest.param(pem(KEY.public_key()).replace("MCow", "MCo"), id="truncated"),
    ],
)
def test_what_is_not_a_key_is_refused(text):
    with pytest.raises(InputError, match="expected an Ed25519 public key in PEM"):
        signing.public_key(text)


def test_without_cryptography_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgekit\[signed\]'"):
        signing.fits(signing.signed(MANIFEST, KEY), MANIFEST, PUBLIC)


PAGE = Path(__file__).resolve().parents[1] / "docs" / "bundle-format.md"
VERIFYING = next(block for block in PAGE.read_text().split("```")[1::2] if "openssl" in block)


def written(folder):
    """Write a signed bundle with the public key beside its files, as the page supposes."""
    signs = lambda content: signing.signed(content, KEY).as_bytes()  # noqa: E731 - the shortest form
    write_bundle(folder, manifest(version=7), write_sources(folder.with_name("sources")), signs)
    (folder / "fleet.pub").write_text(pem(KEY.public_key()))
    return folder


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
@pytest.mark.parametrize("changed", [False, True])
def test_openssl_verifies_a_signature_as_the_page_on_bundles_says(tmp_path, changed):
    folder = written(tmp_path / "pets")
    if changed:
        (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes().replace(b"7", b"8", 1))
    done = subprocess.run(["sh", "-ec", VERIFYING], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) is not changed, done.stderr
    assert ("Signature Verified Successfully" in done.stdout) is not changed


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs the sha256sum command")
def test_sha256sum_verifies_the_manifest_as_the_page_on_bundles_says(tmp_path):
    command = "sha256sum --check manifest.sha256"
    assert f"`{command}`" in PAGE.read_text()
    done = subprocess.run(command.split(), cwd=written(tmp_path / "pets"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "manifest.json: OK\n")
