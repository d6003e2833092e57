"""The signature of a bundle: ``manifest.sig`` holds an Ed25519 signature (RFC 8032) over ``manifest.json``.

The manifest has the digest of every other file and the bundle's version, so one signature covers all of them.
A public key is a PEM file, as OpenSSL writes it. Its id is the first 16 hexadecimal digits of the SHA-256 digest of
its 32 bytes. Only ``fits`` needs the package ``cryptography``, which the extra ``signed`` installs.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

ALGORITHM = "ed25519"
PREFIX = b"edgekit bundle manifest v1\n"
"""Stands before the manifest in what is signed, so that no signature of something else counts for a manifest."""

SIGNATURE_BYTES = 64
ID_DIGITS = 16
DER_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 key in the DER form (RFC 8410, section 4)."""


@dataclass(frozen=True)
class ManifestSignature:
    """The content of ``manifest.sig``.

    Attributes:
        key: the id of the key.
        signature: the 64 bytes of the signature.
    """

    key: str
    signature: bytes

    def as_bytes(self) -> bytes:
        """Return the content of the file: one line of JSON."""
        content = {"algorithm": ALGORITHM, "key": self.key, "signature": base64.b64encode(self.signature).decode()}
        return (json.dumps(content) + "\n").encode()


def parse(content: bytes) -> ManifestSignature:
    """Return the signature of the content of ``manifest.sig``.

    Raises:
        InputError: the content is not exactly what ``as_bytes`` gives.
    """
    try:
        raw = json.loads(content)
        found = ManifestSignature(raw["key"], base64.b64decode(raw["signature"], validate=True))
        if found.as_bytes() == content and len(found.signature) == SIGNATURE_BYTES and _is_id(found.key):
            return found
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # the message below says all that helps
    raise InputError("manifest.sig is not a signature that edge-deploy sign wrote; sign the bundle again")


def _is_id(text: str) -> bool:
    return len(text) == ID_DIGITS and set(text) <= set("0123456789abcdef")


def key_id(key: bytes) -> str:
    """Return the id of a public key of 32 bytes."""
    return hashlib.sha256(key).hexdigest()[:ID_DIGITS]


def public_key(pem: str) -> bytes:
    """Return the 32 bytes of a public Ed25519 key in PEM.

    Raises:
        InputError: the text is something else.
    """
    lines = [line.strip() for line in pem.strip().splitlines()]
    try:
        if (lines[0], lines[-1]) == ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"):
            der = base64.b64decode("".join(lines[1:-1]), validate=True)
            if der.startswith(DER_PREFIX) and len(der) == len(DER_PREFIX) + 32:
                return der[len(DER_PREFIX) :]
    except (IndexError, binascii.Error):
        pass  # the message below says all that helps
    raise InputError("expected an Ed25519 public key in PEM, as edge-deploy keygen writes it")


def fits(signature: ManifestSignature, manifest: bytes, key: bytes) -> bool:
    """Return whether the signature was made by this key over these bytes of ``manifest.json``.

    Args:
        signature: the signature.
        manifest: the content of ``manifest.json``.
        key: the 32 bytes of the public key.

    Raises:
        MissingExtra: the package ``cryptography`` is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise MissingExtra(
            "checking a signature needs cryptography, not installed here: pip install 'edgekit[signed]'"
        ) from error
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature.signature, PREFIX + manifest)
    except InvalidSignature:
        return False
    return True


def signed(manifest: bytes, key: "ed25519.Ed25519PrivateKey") -> ManifestSignature:
    """Return the signature of these bytes of ``manifest.json`` by a private key."""
    return ManifestSignature(key_id(key.public_key().public_bytes_raw()), key.sign(PREFIX + manifest))
