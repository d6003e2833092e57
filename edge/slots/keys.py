"""The keys that a device trusts: added, removed and made compulsory without shutting out what it runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge import files, signing, trust
from edge.errors import EdgeError, InputError
from edge.slots import durable, release, switch
from edge.slots.layout import App


def change(root: Path, added: Sequence[str], removed: Sequence[str], signed_only: bool | None) -> dict[str, Any]:
    """Change the trust folder of a device. When a release in use would not be opened afterwards, nothing is changed.

    Args:
        root: the device's root folder.
        added: public keys in PEM, the content of their ``.pub`` files.
        removed: ids of keys that are no longer trusted.
        signed_only: whether only signed bundles are opened from now on; None leaves that as it is.

    Returns:
        ``keys``: the ids of the trusted keys, and ``signed_only``.

    Raises:
        InputError: a key is none, or a release in use would be refused.
    """
    place = root / "trust"
    place.mkdir(parents=True, exist_ok=True)
    before = {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}
    try:
        _apply(place, added, removed, signed_only)
        _check(root)
    except BaseException:
        _restore(place, before)
        raise
    return {"keys": sorted(trust.keys(place)), "signed_only": (place / trust.SIGNED_ONLY).exists()}


def _apply(place: Path, added: Sequence[str], removed: Sequence[str], signed_only: bool | None) -> None:
    for content in added:
        name = signing.key_id(signing.public_key(content)) + trust.KEY_SUFFIX
        durable.write(place / name, content.encode())
    known = trust.keys(place)
    if absent := [key for key in removed if key not in known]:
        raise InputError(f"key {absent[0]} is not trusted here; trusted: {', '.join(sorted(known)) or 'none'}")
    for path in place.glob(f"*{trust.KEY_SUFFIX}"):
        if signing.key_id(signing.public_key(path.read_text(encoding="ascii"))) in removed:
            files.remove(path)
    if signed_only is True:
        durable.write(place / trust.SIGNED_ONLY, b"")
    elif signed_only is False:
        files.remove(place / trust.SIGNED_ONLY)
    durable.flush(place)


def _check(root: Path) -> None:
    """Raise InputError when a release in use is not opened with the keys as they are now."""
    for folder in sorted((root / "apps").glob("*")):
        app = App(root, folder.name)
        name = switch.current(app)
        if name is None:
            continue
        try:
            release.verified(app, name)
        except EdgeError as error:
            raise InputError(
                f"{app.name} would no longer start: {error}; deploy a signed bundle to it first"
            ) from error


def _restore(place: Path, before: Mapping[str, bytes]) -> None:
    for path in place.iterdir():
        if path.name not in before:
            files.remove(path)
    for name, content in before.items():
        durable.write(place / name, content)
