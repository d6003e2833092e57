"""The bundle: a folder (or one ``.edge`` zip) that holds a network's files and everything needed to run them.

``manifest.json`` states the signature, the labels, the SHA-256 of each file, the provenance and the measurements.
``manifest.sha256`` holds the digest of the manifest itself. ``open_bundle`` verifies every digest before an interpreter
reads a file. It refuses paths that lead out of the bundle, and text with control characters for a terminal.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge import files, trust
from edge.bundle_files import BundleFiles, FolderFiles
from edge.errors import FileError, InputError
from edge.manifest import (
    DIGEST,
    LABELS,
    OWN,
    SIGNATURE,
    Artifact,
    Manifest,
    StoredFile,
    check,
    inside,
    parse,
    rank,
)
from edge.runnable import MANIFEST, Runnable


@dataclass(frozen=True)
class Bundle:
    """An opened and verified bundle.

    Attributes:
        root: the folder of its files. For a zip it is a private, temporary folder.
        manifest: the manifest.
        signer: the id of the trusted key that signed it. None when it is not signed, when its key is not trusted
            here, or when this machine trusts no keys and so checked no signature.
    """

    root: Path
    manifest: Manifest
    signer: str | None = None
    _folder: object = field(default=None, repr=False, compare=False)

    def path(self, artifact: Artifact) -> Path:
        """Return the path of the artifact's model file."""
        return self.root / artifact.file

    def fitting(
        self, formats: Sequence[str], targets: Sequence[str] = ("cpu",), precision: str | None = None
    ) -> list[Artifact]:
        """Return the artifacts that a backend can run, in order of preference by precision.

        Args:
            formats: the suffixes of the files that the backend opens, with the dot.
            targets: the hardware that the backend drives.
            precision: the only precision to return. None returns all.
        """
        found = [
            artifact
            for artifact in self.manifest.artifacts
            if "." + artifact.format in formats
            and artifact.target in targets
            and precision in (None, artifact.precision)
        ]
        return sorted(found, key=lambda artifact: rank(artifact.precision))

    def runnable(
        self, formats: Sequence[str], precision: str | None = None, targets: Sequence[str] = ("cpu",)
    ) -> Runnable:
        """Return the file that a backend should run.

        Args:
            formats: the suffixes of the files that the backend opens, with the dot.
            precision: the precision of the file. None takes the preferred one.
            targets: the hardware that the backend drives. A file for other hardware is never returned.

        Raises:
            InputError: no file fits. The message lists the bundle's files.
        """
        fitting = self.fitting(formats, targets, precision)
        if not fitting:
            have = ", ".join(f"{a.format} {a.precision} for {a.target}" for a in self.manifest.artifacts)
            wanted = " ".join(filter(None, (" or ".join(formats), precision, "for", " or ".join(targets))))
            raise InputError(f"bundle {self.manifest.name!r} has no {wanted} file; it has: {have}")
        return self.as_runnable(fitting[0])

    def as_runnable(self, artifact: Artifact) -> Runnable:
        """Return the artifact's model file with all that is needed to run it."""
        m = self.manifest
        facts = (m.signature, artifact.precision, m.labels, artifact.tensors, artifact.golden, self._folder)
        return Runnable(self.path(artifact), m.name, *facts)


def open_bundle(path: Path, to_sign: bool = False) -> Bundle:
    """Open a bundle and verify its files.

    Args:
        path: a folder, or a ``.edge`` zip, which is unpacked into a private folder.
        to_sign: open it to sign it, not to run it: it needs no signature where only signed bundles are accepted.

    Raises:
        FileError: the bundle is missing or damaged.
        InputError: its manifest has another schema or invalid content, or this machine trusts no key that signed it.
        MissingExtra: a signature has to be checked, and the package ``cryptography`` is not installed.
    """
    if not path.exists():
        raise FileError(f"bundle {path} does not exist")
    if path.is_dir():
        return _verified(FolderFiles(path), path, to_sign)
    from edge import bundle_zip  # the bundle on a device is a folder

    with bundle_zip.opened(path) as store:
        return _verified(store, path, to_sign)


def _verified(store: BundleFiles, shown: Path, to_sign: bool) -> Bundle:
    """Return the bundle of these files. Each is checked before anything uses it: signature, digests, names."""
    written = store.read(MANIFEST)
    signature = store.read(SIGNATURE) if SIGNATURE in store.names else None
    signer = trust.check_bundle(written, signature, shown, to_sign)
    manifest = _read(store, written, shown)
    if unknown := sorted(store.names - {*OWN, *manifest.stored()}):
        raise FileError(f"bundle {shown} holds {unknown[0]!r}, which its manifest does not list; remove it")
    for stored in manifest.stored().values():
        store.verify(stored)
    return Bundle(store.root, manifest, signer, store.folder)


def write_bundle(
    path: Path, manifest: Manifest, sources: Mapping[str, Path], sign: Callable[[bytes], bytes] | None = None
) -> Manifest:
    """Write a bundle. After an error there is no new or partly written bundle.

    Args:
        path: where to write: a folder, or a zip when the name ends in ``.edge``.
        manifest: the manifest. Sizes and digests of its files are computed here.
        sources: the path of each file's content, by the file's name in the manifest.
        sign: returns the content of ``manifest.sig`` for that of ``manifest.json``. None writes an unsigned bundle.

    Returns:
        The manifest as written, with sizes and digests.

    Raises:
        FileError: a source is missing, or the bundle cannot be written.
        InputError: the manifest has a name or label that ``open_bundle`` would refuse.
    """
    check(manifest)
    if lacking := [name for name in manifest.stored() if not sources.get(name, Path()).is_file()]:
        raise FileError(f"file {sources.get(lacking[0], lacking[0])} does not exist; nothing was written to {path}")
    manifest = replace(manifest, artifacts=tuple(_filled(a, sources) for a in manifest.artifacts))
    with files.replaced(path) as temporary:
        folder = temporary.with_name(temporary.name + ".d") if path.suffix == ".edge" else temporary
        _write_folder(folder, manifest, sources, sign)
        if folder is not temporary:
            _pack(folder, temporary)
    return manifest


def _filled(artifact: Artifact, sources: Mapping[str, Path]) -> Artifact:
    """Return ``artifact`` with the sizes and digests of its files filled in."""

    def of(stored: StoredFile) -> StoredFile:
        source = sources[stored.name]
        return StoredFile(stored.name, source.stat().st_size, files.sha256(source))

    golden = artifact.golden
    if golden is not None:
        golden = replace(golden, inputs=of(golden.inputs), outputs=of(golden.outputs))
    return replace(artifact, files=tuple(map(of, artifact.files)), golden=golden)


def _write_folder(
    folder: Path, manifest: Manifest, sources: Mapping[str, Path], sign: Callable[[bytes], bytes] | None
) -> None:
    folder.mkdir()
    for name in manifest.stored():
        shutil.copyfile(sources[name], folder / inside(name))
    labels = "".join(f"{label}\n" for label in manifest.labels).encode()
    (folder / LABELS).write_bytes(labels)
    content = manifest.as_json(hashlib.sha256(labels).hexdigest())
    written = (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
    (folder / MANIFEST).write_bytes(written)
    (folder / DIGEST).write_bytes(_digest_line(written))
    if sign is not None:
        (folder / SIGNATURE).write_bytes(sign(written))


def _digest_line(manifest: bytes) -> bytes:
    """Return the content of ``manifest.sha256``, in the format of ``sha256sum --check``."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def _pack(folder: Path, path: Path) -> None:
    """Zip a folder with fixed times and order, so that equal bundles become equal files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            info = zipfile.ZipInfo(file.name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())


def _read(store: BundleFiles, written: bytes, shown: Path) -> Manifest:
    """Return the checked manifest. Its digest is verified before its content is used."""
    try:
        raw = json.loads(written)
        # Schema 1 has no digest. If damage turned a 2 into a 1, the digest file of schema 2 is still there.
        if raw["schema"] != 1 or DIGEST in store.names:
            _compare(_digest_line(written), store.read(DIGEST), MANIFEST, shown)
        labels = store.read(LABELS)
        _compare(hashlib.sha256(labels).hexdigest(), str(raw["labels"]["sha256"]), LABELS, shown)
        manifest = parse(raw, tuple(labels.decode().split("\n"))[:-1])
        if SIGNATURE in store.names and manifest.version is None:
            raise InputError("a signed manifest must state a version; sign the bundle again with edge-deploy sign")
        return manifest
    except FileError:
        raise
    except InputError as error:
        raise InputError(f"bundle {shown}: {error}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"bundle {shown} is damaged: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        raise InputError(f"bundle {shown}: {MANIFEST} is not valid: {type(error).__name__} {error}") from error


def _compare(found: str | bytes, stated: str | bytes, name: str, shown: Path) -> None:
    if found != stated:
        raise FileError(f"bundle {shown}: {name} is damaged: its digest is not the stated one; get the bundle again")
