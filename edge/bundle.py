"""The bundle: a folder (or one ``.edge`` zip) that holds a model's files and everything needed to run them.

``manifest.json`` states name, task, how pixels become the input, what the output means, each file (the labels too)
with its SHA-256, where it came from and what was measured. Opening a bundle verifies every digest before a byte
reaches an interpreter, and refuses any path that leaves the bundle and any text that could command a terminal.
"""

import hashlib
import json
import math
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from edge import files
from edge.errors import FileError, InputError
from edge.imaging import InputFormat
from edge.labels import has_control

SCHEMA = 1
MANIFEST = "manifest.json"
LABELS = "labels.txt"
MAX_UNPACKED_BYTES = 4 << 30

OutputKind = Literal["probabilities", "logits"]
PREFERRED = ("int8", "int16x8", "dynamic", "float16", "float32")
"""Precisions, smallest and usually fastest first."""


@dataclass(frozen=True)
class Artifact:
    """One model file. file: its name in the bundle. format: tflite or onnx. precision: of the weights."""

    file: str
    format: str
    precision: str
    target: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of ``manifest.json``.

    size: height, width, channels of the input image. output: what the numbers of output 0 are.
    provenance: recipe, tool versions, calibration sample ids. measured: accuracy and parity figures.
    """

    name: str
    task: str
    labels: tuple[str, ...]
    size: tuple[int, int, int]
    input: InputFormat
    output: OutputKind
    artifacts: tuple[Artifact, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form; labels stand in ``labels.txt``, the manifest has their count and the file's digest."""
        out = asdict(self)
        digest = hashlib.sha256(_label_bytes(self.labels)).hexdigest()
        out["labels"] = {"file": LABELS, "count": len(self.labels), "sha256": digest}
        return out


@dataclass(frozen=True)
class Runnable:
    """What a loop needs to run one model file; None where a bare file does not say."""

    path: Path
    name: str
    task: str = "classify"
    precision: str | None = None
    labels: tuple[str, ...] | None = None
    input: InputFormat | None = None
    output: OutputKind | None = None
    _folder: object = field(default=None, repr=False, compare=False)  # what path lies in lives as long as this


@dataclass(frozen=True)
class Bundle:
    """An opened, verified bundle. root: the folder its files are in (a private one for a zip)."""

    root: Path
    manifest: Manifest
    _folder: object = field(default=None, repr=False, compare=False)

    def path(self, artifact: Artifact) -> Path:
        """Return the artefact's verified file."""
        return self.root / artifact.file

    def runnable(self, formats: Sequence[str], precision: str | None = None) -> Runnable:
        """Return the file to run for a backend that opens ``formats`` (suffixes with the dot).

        precision: None takes the first of PREFERRED that is there. Raises InputError when none fits.
        """
        fitting = [a for a in self.manifest.artifacts if "." + a.format in formats]
        if precision is not None:
            fitting = [a for a in fitting if a.precision == precision]
        if not fitting:
            have = ", ".join(f"{a.format} {a.precision}" for a in self.manifest.artifacts)
            wanted = f"{' or '.join(formats)} {precision or ''}".strip()
            raise InputError(f"bundle {self.manifest.name!r} has no {wanted} file; it has: {have}")
        best = min(fitting, key=lambda a: rank(a.precision))
        m = self.manifest
        return Runnable(self.path(best), m.name, m.task, best.precision, m.labels, m.input, m.output, self._folder)


def rank(precision: str) -> int:
    """Return the place of ``precision`` among PREFERRED, from 0; one that is not there comes last."""
    return PREFERRED.index(precision) if precision in PREFERRED else len(PREFERRED)


def is_bundle(path: Path) -> bool:
    """Return whether ``path`` looks like a bundle: a folder with a manifest, or a ``.edge`` file."""
    return (path / MANIFEST).is_file() or path.suffix == ".edge"


def open_bundle(path: Path) -> Bundle:
    """Read, check and verify a bundle.

    Raises FileError when it is missing or damaged, InputError when its manifest is not one we can read.
    """
    if not path.exists():
        raise FileError(f"bundle {path} does not exist")
    folder = None if path.is_dir() else _unpack(path)
    root = path if folder is None else folder.path
    manifest = _parse(root, path)
    for artifact in manifest.artifacts:
        _verify(root, artifact, path)
    return Bundle(root, manifest, folder)


def write_bundle(path: Path, manifest: Manifest, model_files: Sequence[Path]) -> Manifest:
    """Write a bundle to ``path``: a folder, or a zip when the name ends in ``.edge``; complete or not at all.

    model_files: one per artefact of ``manifest``, in order; sizes and digests are taken from them.
    Returns the manifest as written. Raises FileError when a model file is missing or the disk refuses,
    InputError for a name or a label that could not be read back.
    """
    _check_names(manifest)
    for source in model_files:
        if not source.is_file():
            raise FileError(f"model file {source} does not exist; nothing was written to {path}")
    filled = tuple(
        Artifact(a.file, a.format, a.precision, a.target, source.stat().st_size, files.sha256(source))
        for a, source in zip(manifest.artifacts, model_files, strict=True)
    )
    manifest = Manifest(**{**_shallow(manifest), "artifacts": filled})
    with files.replaced(path) as temporary:
        folder = temporary.with_name(temporary.name + ".d") if path.suffix == ".edge" else temporary
        try:
            _write_folder(folder, manifest, model_files)
            if folder is not temporary:
                _pack(folder, temporary)
        finally:
            if folder is not temporary:
                files.remove(folder)
    return manifest


def _shallow(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in manifest.__dataclass_fields__}


def _label_bytes(labels: Sequence[str]) -> bytes:
    return "".join(f"{label}\n" for label in labels).encode()


def _write_folder(folder: Path, manifest: Manifest, model_files: Sequence[Path]) -> None:
    folder.mkdir()
    for artifact, source in zip(manifest.artifacts, model_files, strict=True):
        shutil.copyfile(source, folder / _inside(artifact.file))
    (folder / LABELS).write_bytes(_label_bytes(manifest.labels))
    (folder / MANIFEST).write_text(json.dumps(manifest.as_json(), indent=2) + "\n", encoding="utf-8")


def _pack(folder: Path, target: Path) -> None:
    """Zip with fixed times and order, so that equal bundles are equal files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            info = zipfile.ZipInfo(file.name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())


def _inside(name: str) -> str:
    """Return ``name`` when it is one plain file name; anything that could leave the folder is refused."""
    parts = PurePosixPath(name).parts
    if len(parts) != 1 or parts[0] in ("..", "/") or "\\" in name or "\0" in name or name.startswith("."):
        raise InputError(f"a bundle's files must be plain names inside it, got {name!r}")
    return name


def _check_names(manifest: Manifest) -> None:
    """Raise InputError for file names that would collide and text that no manifest may have."""
    names = [_inside(artifact.file) for artifact in manifest.artifacts]
    if len({*names, MANIFEST, LABELS}) != len(names) + 2:
        raise InputError(f"a bundle's files need names of their own, beside {MANIFEST} and {LABELS}; got {names}")
    _check_texts(manifest)


def _check_texts(manifest: Manifest) -> None:
    """Raise InputError for control characters: line ends would add labels, escape sequences command a terminal."""
    for text in (manifest.name, manifest.task, *manifest.labels):
        if has_control(text):
            raise InputError(f"a bundle's name and labels must have no control characters, got {text!r}")
    for artifact in manifest.artifacts:
        for text in (artifact.file, artifact.format, artifact.precision, artifact.target):
            if has_control(text):
                raise InputError(f"an artefact's texts must have no control characters, got {text!r}")


class _Folder:
    """A private folder, deleted when nothing refers to it any more, at the latest when Python ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="edge-bundle-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _unpack(path: Path) -> _Folder:
    folder = _Folder()
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            for info in members:
                archive.extract(info, folder.path)
    except InputError:
        raise
    except (*files.ZIP_DAMAGE, OSError) as error:
        raise FileError(f"bundle {path} cannot be unpacked: {error}; if it is damaged, get it again") from error
    return folder


def _check_members(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    for info in members:
        _inside(info.filename)
    total = sum(info.file_size for info in members)
    if total > MAX_UNPACKED_BYTES:
        raise InputError(f"bundle {path} must unpack to at most {MAX_UNPACKED_BYTES} bytes, got {total}")


def _parse(root: Path, shown: Path) -> Manifest:
    try:
        raw = json.loads(_own(root, MANIFEST, shown))
        labels = _own(root, LABELS, shown)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"bundle {shown} is damaged: {error}") from error
    try:
        _compare(hashlib.sha256(labels).hexdigest(), str(raw["labels"]["sha256"]), LABELS, shown)
        return _manifest(raw, tuple(labels.decode().split("\n"))[:-1])
    except FileError:
        raise
    except InputError as error:
        raise InputError(f"bundle {shown}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"bundle {shown}: manifest.json is not valid: {type(error).__name__} {error}") from error


def _own(root: Path, name: str, shown: Path) -> bytes:
    """Return the content of a file that every bundle has; a link, which could lead outside, counts as none."""
    file = root / name
    if file.is_symlink() or not file.is_file():
        raise FileError(f"bundle {shown} has no {name}")
    return file.read_bytes()


def _manifest(raw: Mapping[str, Any], labels: tuple[str, ...]) -> Manifest:
    if raw["schema"] != SCHEMA:
        raise InputError(f"manifest schema must be {SCHEMA}, got {raw['schema']!r}; update edgekit")
    if raw["labels"]["count"] != len(labels):
        raise InputError(f"{LABELS} must have {raw['labels']['count']} lines, got {len(labels)}")
    height, width, channels = (int(v) for v in raw["size"])
    if min(height, width, channels) < 1:
        raise InputError(f"size must be height, width and channels of at least 1, got {raw['size']}")
    if raw["output"] not in ("probabilities", "logits"):
        raise InputError(f"output must be probabilities or logits, got {raw['output']!r}")
    manifest = Manifest(
        name=str(raw["name"]),
        task=str(raw["task"]),
        labels=labels,
        size=(height, width, channels),
        input=_input_format(raw["input"], channels),
        output=raw["output"],
        artifacts=tuple(_artifact(row) for row in raw["artifacts"]),
        provenance=dict(raw["provenance"]),
        measured=dict(raw["measured"]),
    )
    _check_texts(manifest)
    return manifest


def _input_format(row: Mapping[str, Any], channels: int) -> InputFormat:
    form = dict(row)
    for key in ("mean", "std"):
        form[key] = tuple(float(v) for v in form[key])
        if len(form[key]) not in (1, channels) or not all(map(math.isfinite, form[key])):
            raise InputError(f"{key} must be 1 or {channels} finite numbers, got {form[key]}")
    return InputFormat(**form)


def _artifact(row: Mapping[str, Any]) -> Artifact:
    artifact = Artifact(**row)
    for name in ("file", "format", "precision", "target", "sha256"):
        if not isinstance(getattr(artifact, name), str):
            raise InputError(f"an artefact's {name} must be text, got {getattr(artifact, name)!r}")
    _inside(artifact.file)
    return artifact


def _verify(root: Path, artifact: Artifact, shown: Path) -> None:
    file = root / artifact.file
    if file.is_symlink() or not file.is_file():
        raise FileError(f"bundle {shown} lacks {artifact.file}, which its manifest lists")
    try:
        digest = files.sha256(file)
    except OSError as error:
        raise FileError(f"bundle {shown}: {artifact.file} cannot be read: {error.strerror or error}") from error
    _compare(digest, artifact.sha256, artifact.file, shown)


def _compare(digest: str, expected: str, name: str, shown: Path) -> None:
    if digest != expected:
        raise FileError(
            f"bundle {shown}: {name} is damaged: SHA-256 must be {expected[:16]}…, "
            f"got {digest[:16]}…; get the bundle again"
        )
