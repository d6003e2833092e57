"""The manifest: what a bundle says of itself, and its JSON form (schema 2; schema 1 is still read)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, cast

from edge import tiles
from edge.errors import InputError
from edge.imaging import InputFormat
from edge.labels import has_control
from edge.runnable import MANIFEST, TensorNames
from edge.signature import Input, Kind, Output, Signature, TaskSpec
from edge.tensors import dtype_name

SCHEMA = 2
DIGEST = "manifest.sha256"
LABELS = "labels.txt"
SIGNATURE = "manifest.sig"
OWN = (MANIFEST, DIGEST, LABELS, SIGNATURE)
"""Names of the bundle's own files; an artifact's files have others. Only a signed bundle has SIGNATURE."""

MAX_VERSION = (1 << 53) - 1
"""The largest version: the largest whole number that every reader of JSON keeps exactly."""

PREFERRED = ("int8", "int16x8", "dynamic", "float16", "float32")
"""Precisions, smallest and usually fastest first."""

Target = Literal["cpu", "edgetpu", "web"]


@dataclass(frozen=True)
class StoredFile:
    """One file of a bundle: a plain name, its size in bytes and its SHA-256 digest, hexadecimal."""

    name: str
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Golden:
    """What an artifact gave for a known input where it was made.

    Attributes:
        inputs: an .npz file, by input name: (height, width, 3) uint8 BGR pixels at the input's size for an image,
            real values for a tensor.
        outputs: an .npz file, by output name, as the file gives them (quantized or not).
        tolerance: by output name, the largest difference in real units that another processor may show.
    """

    inputs: StoredFile
    outputs: StoredFile
    tolerance: Mapping[str, float]


@dataclass(frozen=True)
class Artifact:
    """One network in one format.

    Attributes:
        format: ``tflite`` or ``onnx``: the suffix of the model file.
        precision: of the weights, one of ``PREFERRED``.
        target: what runs it: ``cpu``, ``edgetpu``, ``web``.
        files: the model file first, then what belongs to it.
        tensors: which tensor of the file is which name of the signature.
        golden: a known input with its outputs; None in bundles of schema 1.
    """

    format: str
    precision: str
    files: tuple[StoredFile, ...]
    target: str = "cpu"
    tensors: TensorNames = field(default_factory=TensorNames)
    golden: Golden | None = None

    @property
    def file(self) -> str:
        """The model file's name."""
        return self.files[0].name

    @property
    def bytes(self) -> int:
        """The size of all files of the model, without the golden ones."""
        return sum(stored.bytes for stored in self.files)

    def stored(self) -> tuple[StoredFile, ...]:
        """Return every file that the artifact needs, the golden ones too."""
        golden = () if self.golden is None else (self.golden.inputs, self.golden.outputs)
        return (*self.files, *golden)


@dataclass(frozen=True)
class Manifest:
    """The content of ``manifest.json``.

    Attributes:
        name: the network's.
        signature: inputs, outputs and task.
        labels: class names in the network's order; empty for tasks without classes.
        artifacts: the model files.
        provenance: recipe, tool versions, calibration sample ids.
        measured: accuracy and parity figures.
        schema: of the file that it was read from.
        version: a number that grows with each signed bundle, by which a device refuses an older one. None for a
            bundle that was never signed.
    """

    name: str
    signature: Signature
    labels: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA
    version: int | None = None

    def as_json(self, labels_sha256: str) -> dict[str, Any]:
        """Return the JSON form; the labels stand in ``labels.txt``, whose digest is given."""
        out = asdict(self)
        out["labels"] = {"file": LABELS, "count": len(self.labels), "sha256": labels_sha256}
        head = {"schema": SCHEMA} if self.version is None else {"schema": SCHEMA, "version": self.version}
        return head | {key: value for key, value in out.items() if key not in ("schema", "version")}

    def stored(self) -> dict[str, StoredFile]:
        """Return every file besides the bundle's own, by name. Raises InputError when two artifacts disagree on one."""
        found: dict[str, StoredFile] = {}
        for artifact in self.artifacts:
            for stored in artifact.stored():
                if found.setdefault(stored.name, stored) != stored:
                    raise InputError(f"a bundle's files need names of their own, got {stored.name} twice")
        return found


def rank(precision: str) -> int:
    """Return the place of ``precision`` among PREFERRED, from 0; one that is not there comes last."""
    return PREFERRED.index(precision) if precision in PREFERRED else len(PREFERRED)


def inside(name: str) -> str:
    """Return ``name`` when it is one plain file name; anything that could leave the folder is refused."""
    parts = PurePosixPath(name).parts
    if len(parts) != 1 or parts[0] in ("..", "/") or "\\" in name or "\0" in name or name.startswith("."):
        raise InputError(f"a bundle's files must be plain names inside it, got {name!r}")
    return name


def check(manifest: Manifest) -> None:
    """Raise InputError for file names that leave the bundle or collide, for text that commands a terminal, and for
    tiles in a network that cannot run on them."""
    for name in manifest.stored():
        if inside(name) in OWN:
            raise InputError(f"a bundle's files need names of their own, beside {', '.join(OWN)}; got {name}")
    version = manifest.version
    if version is not None and (type(version) is not int or not 0 <= version <= MAX_VERSION):
        raise InputError(f"version must be a whole number from 0 to {MAX_VERSION}, got {version!r}")
    _check_texts(manifest)
    _check_tensors(manifest)
    tiles.check(manifest.signature)


def _check_texts(manifest: Manifest) -> None:
    """Raise InputError for control characters: line ends would add labels, escape sequences command a terminal."""
    signature = manifest.signature
    texts = [manifest.name, *manifest.labels, signature.task.name, signature.task.decoder or ""]
    texts += [entry.name for entry in signature.inputs] + [output.name for output in signature.outputs]
    for artifact in manifest.artifacts:
        texts += [artifact.format, artifact.precision, artifact.target, *(f.name for f in artifact.stored())]
    for text in texts:
        if has_control(text):
            raise InputError(f"names and labels in a bundle must have no control characters, got {text!r}")


def _check_tensors(manifest: Manifest) -> None:
    """Raise InputError when an artifact names an input or output that the signature lacks, or leaves one out."""
    signature = manifest.signature
    for artifact in manifest.artifacts:
        sides = ((artifact.tensors.inputs, signature.inputs), (artifact.tensors.outputs, signature.outputs))
        for names, known in sides:
            wanted = [one.name for one in cast(Sequence[Input | Output], known)]
            if names and set(names) != set(wanted):
                raise InputError(
                    f"{artifact.file} must have a tensor for each of {', '.join(wanted)}, got {', '.join(names)}"
                )


def parse(raw: Mapping[str, Any], labels: tuple[str, ...]) -> Manifest:
    """Return the manifest of parsed JSON and the lines of ``labels.txt``.

    Raises InputError for a value that does not fit; KeyError, TypeError, ValueError or AttributeError for a form
    that is not a manifest's.
    """
    if raw["schema"] not in (1, SCHEMA):
        raise InputError(f"manifest schema must be 1 or {SCHEMA}, got {raw['schema']!r}; update edgekit")
    if raw["labels"]["count"] != len(labels):
        raise InputError(f"{LABELS} must have {raw['labels']['count']} lines, got {len(labels)}")
    if raw["schema"] == 1:
        from edge.manifest_schema_1 import read  # few bundles have it

        manifest = read(raw, labels)
    else:
        manifest = _schema_2(raw, labels)
    check(manifest)
    return manifest


def _schema_2(raw: Mapping[str, Any], labels: tuple[str, ...]) -> Manifest:
    return Manifest(
        name=str(raw["name"]),
        signature=signature_from(raw["signature"]),
        labels=labels,
        artifacts=tuple(_artifact(row) for row in raw["artifacts"]),
        provenance=dict(raw["provenance"]),
        measured=dict(raw["measured"]),
        version=raw.get("version"),
    )


def signature_from(raw: Mapping[str, Any]) -> Signature:
    """Return the signature of its JSON form, as ``dataclasses.asdict`` makes it. Raises as ``parse`` does."""
    task = raw["task"]
    decoder = None if task["decoder"] is None else str(task["decoder"])
    return Signature(
        tuple(_input(row) for row in raw["inputs"]),
        tuple(
            Output(str(r["name"]), str(r["role"]), _shape(r["shape"]), dtype_name(r["dtype"])) for r in raw["outputs"]
        ),
        TaskSpec(str(task["name"]), decoder, dict(task["parameters"])),
    )


def _input(row: Mapping[str, Any]) -> Input:
    if row["kind"] not in ("image", "tensor"):
        raise InputError(f"an input's kind must be image or tensor, got {row['kind']!r}")
    shape, kind = _shape(row["shape"]), cast(Kind, row["kind"])
    if kind == "tensor":
        return Input(str(row["name"]), kind, shape, dtype_name(row["dtype"]))
    if len(shape) not in (3, 4, 5):
        raise InputError(f"an image input's shape must be (1, [frames,] height, width[, channels]), got {shape}")
    channels = 1 if len(shape) == 3 else shape[1] if row["format"]["layout"] == "NCHW" else shape[-1]
    return Input(str(row["name"]), kind, shape, dtype_name(row["dtype"]), input_format(row["format"], channels))


def _shape(sizes: Any) -> tuple[int, ...]:
    if not isinstance(sizes, list | tuple) or any(type(size) is not int or size < 0 for size in sizes):
        raise InputError(f"a shape must be whole sizes of at least 0, got {sizes}")
    return tuple(sizes)


def input_format(row: Mapping[str, Any], channels: int) -> InputFormat:
    """Return the input format of its JSON form. Raises InputError for numbers that do not fit ``channels``."""
    form = dict(row)
    for key in ("mean", "std"):
        form[key] = tuple(float(v) for v in form[key])
        if len(form[key]) not in (1, channels) or not all(map(math.isfinite, form[key])):
            raise InputError(f"{key} must be 1 or {channels} finite numbers, got {form[key]}")
    return InputFormat(**form)


def _artifact(row: Mapping[str, Any]) -> Artifact:
    files = tuple(stored_file(f) for f in row["files"])
    if not files:
        raise InputError("an artifact must have a model file")
    names = {side: {str(k): str(v) for k, v in row["tensors"][side].items()} for side in ("inputs", "outputs")}
    golden = row["golden"]
    return Artifact(
        format=str(row["format"]),
        precision=str(row["precision"]),
        files=files,
        target=str(row["target"]),
        tensors=TensorNames(**names),
        golden=None if golden is None else _golden(golden),
    )


def _golden(row: Mapping[str, Any]) -> Golden:
    tolerance = {str(name): float(value) for name, value in row["tolerance"].items()}
    return Golden(stored_file(row["inputs"]), stored_file(row["outputs"]), tolerance)


def stored_file(row: Mapping[str, Any]) -> StoredFile:
    """Return the file of its JSON form. Raises as ``parse`` does."""
    if not isinstance(row["name"], str) or not isinstance(row["sha256"], str):
        raise InputError(f"a file's name and digest must be text, got {row['name']!r} and {row['sha256']!r}")
    if type(row["bytes"]) is not int or row["bytes"] < 0:
        raise InputError(f"{row['name']} must have a whole number of bytes, got {row['bytes']!r}")
    return StoredFile(row["name"], row["bytes"], row["sha256"])
