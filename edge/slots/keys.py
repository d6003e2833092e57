"""The keys that a device trusts: added, removed and made compulsory without shutting out what it runs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge import files, signing, trust
from edge.errors import EdgeError, InputError
from edge.slots import release, switch
from edge.slots.layout import NAME, App


def of_json(raw: Mapping[str, Any]) -> tuple[list[str], list[str], bool | None]:
    """Return the keys to add, the ids to remove, and the mode. Raises InputError for another form."""
    added, removed, signed_only = raw.get("keys"), raw.get("remove"), raw.get("signed_only")
    for texts in (added, removed):
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise InputError("a change of keys must have lists of texts, keys and remove; update edgekit")
    if signed_only is not None and not isinstance(signed_only, bool):
        raise InputError(f"signed_only must be true, false or null, got {signed_only!r}; update edgekit")
    return list(added or ()), list(removed or ()), signed_only


def change(root: Path, added: Sequence[str], removed: Sequence[str], signed_only: bool | None) -> dict[str, Any]:
    """Change the trust folder of a device. When a release in use would not be opened afterwards, nothing is changed.

    The changed folder is made and tried beside the one in use, and the two are exchanged in one step: a device that
    loses its power at any moment has the old keys or the new ones, and starts with either.

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
    place = (root / "trust").resolve()
    place.mkdir(parents=True, exist_ok=True)
    with files.replaced(place) as changed:
        try:
            _copy(place, changed)
            _apply(changed, added, removed, signed_only)
            with _trusting(changed):
                _check(root)
        except EdgeError as error:  # the place where it was tried says nothing to the user
            raise InputError(str(error).replace(str(changed), str(place))) from error
    _count_versions(root)
    return {"keys": sorted(trust.keys(place)), "signed_only": (place / trust.SIGNED_ONLY).exists()}


def _apps(root: Path) -> Iterator[App]:
    """Yield the applications of a device, but nothing that somebody else put beside them."""
    for folder in sorted((root / "apps").glob("*")):
        if NAME.fullmatch(folder.name):
            yield App(root, folder.name)


def _count_versions(root: Path) -> None:
    """Note the versions of what runs: a bundle that came before its key was trusted had none that counted."""
    for app in _apps(root):
        name = switch.current(app)
        if name is not None:
            switch.count_version(app, name)


def _copy(place: Path, changed: Path) -> None:
    """Copy the files of the trust folder, readable for every service: public keys are no secret."""
    changed.mkdir()
    for path in place.iterdir():
        if path.is_file():
            (changed / path.name).write_bytes(path.read_bytes())


def _apply(place: Path, added: Sequence[str], removed: Sequence[str], signed_only: bool | None) -> None:
    for content in added:
        name = signing.key_id(signing.public_key(content)) + trust.KEY_SUFFIX
        (place / name).write_bytes(content.encode())
    known = trust.keys(place)
    if absent := [key for key in removed if key not in known]:
        raise InputError(f"key {absent[0]} is not trusted here; trusted: {', '.join(sorted(known)) or 'none'}")
    for path in place.glob(f"*{trust.KEY_SUFFIX}"):
        if signing.key_id(signing.public_key(path.read_text(encoding="ascii"))) in removed:
            path.unlink()
    if signed_only is True:
        (place / trust.SIGNED_ONLY).write_bytes(b"")
    elif signed_only is False:
        (place / trust.SIGNED_ONLY).unlink(missing_ok=True)


@contextmanager
def _trusting(place: Path) -> Iterator[None]:
    """Let this process trust the keys of another folder while the body runs."""
    before = os.environ.get(trust.VARIABLE)
    os.environ[trust.VARIABLE] = str(place)
    try:
        yield
    finally:
        if before is None:
            del os.environ[trust.VARIABLE]
        else:
            os.environ[trust.VARIABLE] = before


def _check(root: Path) -> None:
    """Raise InputError when a release in use is not opened with the keys as they are now."""
    for app in _apps(root):
        name = switch.current(app)
        if name is None:
            continue
        try:
            release.verified(app, name)
        except EdgeError as error:
            raise InputError(
                f"{app.name} would no longer start: {error}; deploy a signed bundle to it first"
            ) from error
