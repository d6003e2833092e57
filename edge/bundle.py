"""The bundle: a folder (or one ``.edge`` zip) that holds a model's files and everything needed to run them.

``manifest.json`` states name, task, labels, how pixels become the input, what the output means, each
file with its size and SHA-256, where it came from and what was measured. Opening a bundle verifies every
digest before a byte reaches an interpreter, and refuses any path that leaves the bundle.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from edge import files
from edge.errors import FileProblem, InvalidInput
from edge.imaging import InputFormat

SCHEMA = 1
MANIFEST = "manifest.json"
LABELS = "labels.txt"
MAX_FILE_BYTES = 2 << 30

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
        """Return the JSON form; labels stand in ``labels.txt``, the manifest counts them."""
        out = asdict(self)
        out["labels"] = {"file": LABELS, "count": len(self.labels)}
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


@dataclass(frozen=True)
class Bundle:
    """An opened, verified bundle. root: the folder its files are in (a private one for a zip)."""

    root: Path
    manifest: Manifest
    _unpacked: tempfile.TemporaryDirectory[str] | None = None

    def path(self, artifact: Artifact) -> Path:
        """Return the artefact's verified file."""
        return self.root / artifact.file

    def runnable(self, formats: Sequence[str], precision: str | None = None) -> Runnable:
        """Return the file to run for a backend that opens ``formats`` (suffixes with the dot).

        precision: None takes the first of PREFERRED that is there. Raises InvalidInput when none fits.
        """
        fitting = [a for a in self.manifest.artifacts if "." + a.format in formats]
        if precision is not None:
            fitting = [a for a in fitting if a.precision == precision]
        if not fitting:
            have = ", ".join(f"{a.format} {a.precision}" for a in self.manifest.artifacts)
            wanted = f"{' or '.join(formats)} {precision or ''}".strip()
            raise InvalidInput(f"bundle {self.manifest.name!r} has no {wanted} file; it has: {have}")
        best = min(fitting, key=lambda a: PREFERRED.index(a.precision) if a.precision in PREFERRED else len(PREFERRED))
        m = self.manifest
        return Runnable(self.path(best), m.name, m.task, best.precision, m.labels, m.input, m.output)


def is_bundle(path: Path) -> bool:
    """Return whether ``path`` looks like a bundle: a folder with a manifest, or a ``.edge`` file."""
    return (path / MANIFEST).is_file() or path.suffix == ".edge"


def open_bundle(path: Path) -> Bundle:
    """Read, check and verify a bundle.

    Raises FileProblem when it is missing or damaged, InvalidInput when its manifest is not one we can read.
    """
    if not path.exists():
        raise FileProblem(f"bundle {path} does not exist")
    unpacked = None
    root = path
    if path.is_file():
        unpacked = tempfile.TemporaryDirectory(prefix="edge-bundle-")
        root = Path(unpacked.name)
        _unpack(path, root)
    manifest = _parse(root, path)
    for artifact in manifest.artifacts:
        _verify(root, artifact, path)
    return Bundle(root, manifest, unpacked)


def write_bundle(path: Path, manifest: Manifest, model_files: Sequence[Path]) -> Manifest:
    """Write a bundle to ``path``: a folder, or a zip when the name ends in ``.edge``; complete or not at all.

    model_files: one per artefact of ``manifest``, in order; sizes and digests are taken from them.
    Returns the manifest as written.
    """
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


def _write_folder(folder: Path, manifest: Manifest, model_files: Sequence[Path]) -> None:
    folder.mkdir()
    for artifact, source in zip(manifest.artifacts, model_files, strict=True):
        shutil.copyfile(source, folder / _inside(artifact.file))
    (folder / LABELS).write_text("".join(f"{label}\n" for label in manifest.labels), encoding="utf-8")
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
        raise InvalidInput(f"a bundle's files must be plain names inside it, got {name!r}")
    return name


def _unpack(path: Path, root: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                _inside(info.filename)
                if info.file_size > MAX_FILE_BYTES:
                    raise InvalidInput(f"bundle {path}: {info.filename} would unpack to {info.file_size} bytes")
                archive.extract(info, root)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileProblem(f"bundle {path} is damaged: {error}; get it again") from error


def _parse(root: Path, shown: Path) -> Manifest:
    try:
        raw = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        labels = tuple((root / LABELS).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError as error:
        raise FileProblem(f"bundle {shown} has no {Path(str(error.filename)).name}") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileProblem(f"bundle {shown} is damaged: {error}") from error
    try:
        return _manifest(raw, labels)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"bundle {shown}: manifest.json is not valid: {type(error).__name__} {error}") from error


def _manifest(raw: Mapping[str, Any], labels: tuple[str, ...]) -> Manifest:
    if raw["schema"] != SCHEMA:
        raise InvalidInput(f"manifest schema must be {SCHEMA}, got {raw['schema']!r}; update edgekit")
    if raw["labels"]["count"] != len(labels):
        raise InvalidInput(f"{LABELS} must have {raw['labels']['count']} lines, got {len(labels)}")
    form = dict(raw["input"])
    for key in ("mean", "std"):
        form[key] = tuple(float(v) for v in form[key])
    artifacts = tuple(Artifact(**row) for row in raw["artifacts"])
    for artifact in artifacts:
        _inside(artifact.file)
    height, width, channels = (int(v) for v in raw["size"])
    if raw["output"] not in ("probabilities", "logits"):
        raise InvalidInput(f"output must be probabilities or logits, got {raw['output']!r}")
    return Manifest(
        name=str(raw["name"]),
        task=str(raw["task"]),
        labels=labels,
        size=(height, width, channels),
        input=InputFormat(**form),
        output=raw["output"],
        artifacts=artifacts,
        provenance=dict(raw["provenance"]),
        measured=dict(raw["measured"]),
    )


def _verify(root: Path, artifact: Artifact, shown: Path) -> None:
    file = root / artifact.file
    if file.is_symlink() or not file.is_file():
        raise FileProblem(f"bundle {shown} lacks {artifact.file}, which its manifest lists")
    digest = files.sha256(file)
    if digest != artifact.sha256:
        raise FileProblem(
            f"bundle {shown}: {artifact.file} is damaged: SHA-256 must be {artifact.sha256[:16]}…, "
            f"got {digest[:16]}…; get the bundle again"
        )
