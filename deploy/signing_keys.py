"""Keys that sign bundles, and the signing: what a workstation does. ``edge.trust`` is the device's side.

A version is the time of signing in milliseconds since 1970, so that a bundle that is made again later has a higher
version without a record of the earlier ones. It is always above the version that the bundle had.
"""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge import files, signing
from edge.bundle import open_bundle, write_bundle
from edge.errors import FileError, InputError, MissingExtra
from edge.manifest import MAX_VERSION, Manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSPHRASE = "EDGE_KEY_PASSPHRASE"
"""The variable with the passphrase of a private key. A key made while it is set is encrypted with it."""


@dataclass(frozen=True)
class KeyFiles:
    """A pair of keys on the disk.

    Attributes:
        private: the file ``NAME.key``, which only its owner may read.
        public: the file ``NAME.pub``, for devices.
        key: the id of the public key.
    """

    private: Path
    public: Path
    key: str


def make_keys(name: Path, force: bool = False) -> KeyFiles:
    """Make a pair of keys, ``NAME.key`` and ``NAME.pub``.

    Args:
        name: the path without a suffix.
        force: replace a pair that exists. Without it such a pair is refused.

    Raises:
        FileError: the files exist, or cannot be written.
        MissingExtra: the package ``cryptography`` is not installed.
    """
    private, public = (name.with_name(name.name + suffix) for suffix in (".key", ".pub"))
    if not force and (there := [file for file in (private, public) if os.path.lexists(file)]):
        raise FileError(f"{there[0]} exists and would be lost; choose another name, or say --force")
    key = _private_key_class().generate()
    raw = key.public_key().public_bytes_raw()
    with files.replaced(private) as temporary, open(temporary, "xb", opener=_for_owner_only) as file:
        file.write(_private_pem(key))
    with files.replaced(public) as temporary:
        temporary.write_text(_public_pem(raw), encoding="ascii")
    return KeyFiles(private, public, signing.key_id(raw))


def _for_owner_only(path: str, flags: int) -> int:
    """Open a new file that nobody else may read, from its first moment."""
    return os.open(path, flags, 0o600)


def load_key(path: Path) -> "Ed25519PrivateKey":
    """Return the private key of a PEM file.

    Raises:
        FileError: the file cannot be read.
        InputError: it holds something else, or the passphrase is missing or wrong.
        MissingExtra: the package ``cryptography`` is not installed.
    """
    wanted = _private_key_class()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    given = os.environ.get(PASSPHRASE)
    try:
        pem = path.read_bytes()
        encrypted = b"ENCRYPTED" in pem.split(b"\n", 1)[0]
        key = load_pem_private_key(pem, given.encode() if given and encrypted else None)
    except OSError as error:
        raise FileError(f"key {path} cannot be read: {error.strerror or error}") from error
    except TypeError as error:
        raise InputError(f"key {path} has a passphrase; give it in the variable {PASSPHRASE}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        why = f"the passphrase in {PASSPHRASE} is wrong, or it" if encrypted else "it"
        raise InputError(f"key {path} cannot be used: {why} is no private key in PEM") from error
    if not isinstance(key, wanted):
        raise InputError(f"key {path} must be an Ed25519 private key, as edge-deploy keygen makes it")
    return key


def sign_bundle(path: Path, key: Path, version: int | None = None, out: Path | None = None) -> tuple[Manifest, str]:
    """Sign a bundle with a private key.

    Args:
        path: the bundle, a folder or a zip.
        key: the file of the private key.
        version: the version that it gets, at least the one that it has. None takes the time in milliseconds since
            1970, or one more than the version that it has if that is higher.
        out: where to write the signed bundle, a zip when the name ends in ``.edge``. None replaces the bundle.

    Returns:
        The manifest as signed, and the id of the key.

    Raises:
        FileError: a file cannot be read or written.
        InputError: the bundle, the key or the version does not fit.
        MissingExtra: the package ``cryptography`` is not installed.
    """
    private = load_key(key)
    bundle = open_bundle(path, to_sign=True)
    if bundle.manifest.schema == 1:
        raise InputError(f"bundle {path} has schema 1, which has no version to sign; make it again with edge-convert")
    manifest = replace(bundle.manifest, version=_version(bundle.manifest.version, version))
    sources = {name: bundle.root / name for name in manifest.stored()}
    written = write_bundle(out or path, manifest, sources, lambda text: signing.signed(text, private).as_bytes())
    return written, signing.key_id(private.public_key().public_bytes_raw())


def _version(had: int | None, wanted: int | None) -> int:
    """Return the version to sign. The same one again is allowed: its content is the same."""
    if wanted is None:
        return max(time.time_ns() // 1_000_000, 0 if had is None else had + 1)
    if not 0 <= wanted <= MAX_VERSION:
        raise InputError(f"a version must be from 0 to {MAX_VERSION}, got {wanted}")
    if had is not None and wanted < had:
        raise InputError(
            f"a version must not be below the one that the bundle has: expected at least {had}, got {wanted}"
        )
    return wanted


def _private_key_class() -> "type[Ed25519PrivateKey]":
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise MissingExtra("signing needs cryptography, not installed here: pip install 'edgekit[deploy]'") from error
    return Ed25519PrivateKey


def _private_pem(key: "Ed25519PrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
    )

    given = os.environ.get(PASSPHRASE)
    encryption: KeySerializationEncryption = BestAvailableEncryption(given.encode()) if given else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _public_pem(key: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PublicKey.from_public_bytes(key)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
