"""Which keys this machine trusts: one folder that every command reads, so that no command can forget it.

The folder is that of the variable ``EDGE_TRUST``, else ``/opt/edgekit/trust``. Its files ``*.pub`` are the trusted
keys. When it holds a file ``signed-only``, only bundles that a trusted key signed are opened, and no bare model file.
A machine without the folder checks no signature, and pays one system call for finding that out.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import FileError, InputError

if TYPE_CHECKING:
    from edge.bundle import Bundle

VARIABLE = "EDGE_TRUST"
USUAL = "/opt/edgekit/trust"
SIGNED_ONLY = "signed-only"
KEY_SUFFIX = ".pub"
MAX_KEY_BYTES = 10_000


def folder() -> Path | None:
    """Return the trust folder, or None when this machine has none.

    Raises:
        FileError: ``EDGE_TRUST`` names no folder, or the folder cannot be read.
    """
    given = os.environ.get(VARIABLE)
    path = given or USUAL
    try:
        os.listdir(path)
    except FileNotFoundError:
        if given:
            raise FileError(f"{VARIABLE} must name a folder of trusted keys, but {path} does not exist") from None
        return None
    except OSError as error:
        raise FileError(f"the trust folder {path} cannot be read: {error.strerror or error}") from error
    return Path(path)


def check_bundle(manifest: bytes, signature: bytes | None, shown: Path, to_sign: bool = False) -> str | None:
    """Check who signed a bundle, before anything in its manifest is used.

    Args:
        manifest: the content of ``manifest.json``.
        signature: the content of ``manifest.sig``; None when the bundle has none.
        shown: the path of the bundle, for messages.
        to_sign: the bundle is opened to be signed, so that no signature is needed yet.

    Returns:
        The id of the trusted key that signed it. None when no trusted key did, and none has to.

    Raises:
        FileError: the manifest is not the one that the trusted key signed, or the trust folder cannot be read.
        InputError: ``manifest.sig`` is malformed, or only signed bundles are accepted and this is none.
        MissingExtra: the package ``cryptography`` is not installed.
    """
    place = folder()
    signer = None if signature is None else _signer(manifest, signature, place, shown)
    if signer is None and place is not None and not to_sign and _signed_only(place):
        raise InputError(
            f"bundle {shown} must be signed by a key in {place}, which holds {SIGNED_ONLY}, but no trusted key "
            "signed it; sign it with edge-deploy sign"
        )
    return signer


def check_file(path: Path) -> None:
    """Raise InputError when this machine opens signed bundles only, because a bare model file has no signature."""
    place = folder()
    if place is not None and _signed_only(place):
        raise InputError(
            f"model {path} is a bare file, but {place} holds {SIGNED_ONLY}; put it into a bundle with edge-convert "
            "and sign that with edge-deploy sign"
        )


def signed_version(bundle: "Bundle") -> int | None:
    """Return the version of a bundle that a trusted key signed, or None for any other bundle.

    A device refuses a version below the highest that it has had.
    """
    return bundle.manifest.version if bundle.signer is not None else None


def keys(place: Path) -> dict[str, bytes]:
    """Return the trusted keys in a folder: 32 bytes each, by their ids.

    Raises:
        FileError: a file ``*.pub`` cannot be read.
        InputError: a file ``*.pub`` is not a public key.
    """
    from edge import signing  # few machines have keys

    found = {}
    for file in sorted(place.glob("*" + KEY_SUFFIX)):
        if not file.is_file():  # opening a pipe would wait for ever
            raise InputError(f"trusted key {file} must be a file; remove it, or put a key there")
        try:
            with file.open("rb") as opened:
                key = signing.public_key(opened.read(MAX_KEY_BYTES).decode("ascii"))
        except (InputError, UnicodeDecodeError) as error:
            raise InputError(f"trusted key {file} is damaged: expected an Ed25519 public key in PEM") from error
        except OSError as error:
            raise FileError(f"trusted key {file} cannot be read: {error.strerror or error}") from error
        found[signing.key_id(key)] = key
    return found


def _signer(manifest: bytes, content: bytes, place: Path | None, shown: Path) -> str | None:
    """Return the id of the trusted key behind a signature, or None when its key is not trusted here."""
    from edge import signing

    try:
        signature = signing.parse(content)
    except InputError as error:
        raise InputError(f"bundle {shown}: {error}") from error
    key = None if place is None else keys(place).get(signature.key)
    if key is None:
        return None
    if not signing.fits(signature, manifest, key):
        raise FileError(
            f"bundle {shown}: manifest.json is not the one that key {signature.key} signed; get the bundle again"
        )
    return signature.key


def _signed_only(place: Path) -> bool:
    return os.path.lexists(place / SIGNED_ONLY)
