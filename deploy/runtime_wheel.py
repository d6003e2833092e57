"""``build`` makes the wheel that devices install: the package as it is installed here, without the workstation's parts.

So a device runs the same code that made the bundle. The version has a local part with the digest of the content, such
as ``0.1.0+runtime.1a2b3c4d``: equal code has an equal version, and a device that has it needs no other wheel.
"""

import base64
import hashlib
import re
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import edge
from edge.errors import InputError
from edge.files import replaced

DISTRIBUTION = "edgekit"

WORKSTATION = ("calibration", "deploy", "models")
"""The parts of the package that only a workstation needs. The released weights lie in one of them."""

COMMANDS = ("edge-bench", "edge-camera", "edge-doctor")
"""The commands that a device gets."""

EXTRAS = (
    *("onnx", "openvino", "signed", "tflite-runtime", "picamera"),
    *("config", "metrics", "mqtt", "preview", "rtsp", "track"),
)
"""The extras that a device can install."""

SUFFIXES = (".py", ".typed", ".html", ".css", ".js", ".svg")
"""The files of the package. Whatever else lies in a checkout, such as bytecode, is not part of it."""

DIGITS = 8
"""How many hexadecimal digits of the content's digest the version has."""

_HEADERS = ("Summary", "License", "Requires-Python")
_LICENSES = ("licenses/LICENSE", "LICENSE")  # before setuptools 77, the file lay in the folder itself
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold, so that equal content makes an equal file


def build(folder: Path) -> Path:
    """Write the device's wheel and return its path.

    Args:
        folder: where the wheel is written; it is created if needed. The name of the file has the version.

    Raises:
        InputError: the package is not installed, so that its requirements are unknown.
        FileError: the folder cannot be written.
    """
    described, release = _described()
    files = _package()
    version = _version(release, files, described)
    info = f"{DISTRIBUTION}-{version}.dist-info"
    members = {**files, **{f"{info}/{name}": content for name, content in _information(described, version).items()}}
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD")
    path = folder / f"{DISTRIBUTION}-{version}-py3-none-any.whl"
    with replaced(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, _EARLIEST)
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def version() -> str:
    """Return the version that ``build`` gives the wheel. Raises InputError when the package is not installed."""
    described, release = _described()
    return _version(release, _package(), described)


def _package() -> dict[str, bytes]:
    """Return the files of the package for a device, by their names in the wheel, sorted."""
    root = Path(edge.__file__).parent
    found = {}
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.suffix in SUFFIXES and inner.parts[0] not in WORKSTATION and path.is_file():
            found[f"edge/{inner.as_posix()}"] = path.read_bytes()
    return found


def _described() -> tuple[dict[str, bytes], str]:
    """Return the metadata and the licence, without the version, and the version of the installed package."""
    installed = _installed()
    lines = [f"{name}: {value}" for name in _HEADERS for value in installed.metadata.get_all(name) or []]
    lines += [f"Provides-Extra: {name}" for name in EXTRAS]
    lines += [f"Requires-Dist: {line}" for line in installed.requires or [] if _is_for_a_device(line)]
    text = "\n".join((*lines, "License-File: LICENSE", ""))
    licence = next((found for name in _LICENSES if (found := installed.read_text(name))), "")
    return {"METADATA": text.encode(), "licenses/LICENSE": licence.encode()}, installed.version


def _installed() -> metadata.Distribution:
    """Return the installed package. A checkout's ``.egg-info``, which a build left there, may be older."""
    for found in metadata.distributions(name=DISTRIBUTION):
        if found.read_text("METADATA"):
            return found
    raise InputError(
        f"the runtime wheel takes its requirements from the installed package, and {DISTRIBUTION} is not "
        f"installed in this Python; install it: pip install {DISTRIBUTION}"
    )


def _is_for_a_device(requirement: str) -> bool:
    extra = re.search(r"""extra == ["']([^"']+)""", requirement)
    return extra is None or extra[1] in EXTRAS


def _version(release: str, files: Mapping[str, bytes], described: Mapping[str, bytes]) -> str:
    """Return the release with the digest of everything in the wheel as its local part."""
    digest = hashlib.sha256()
    for name, content in {**files, **described}.items():
        digest.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    text = digest.hexdigest()
    while text[:DIGITS].isdecimal():  # a version's part without a letter is a number, and loses its leading zeros
        text = hashlib.sha256(text.encode()).hexdigest()
    return f"{release.partition('+')[0]}+runtime.{text[:DIGITS]}"


def _information(described: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """Return the files of the ``.dist-info`` folder, except RECORD."""
    header = f"Metadata-Version: 2.4\nName: {DISTRIBUTION}\nVersion: {version}\n"
    commands = [f"{name} = edge.cli.{name.removeprefix('edge-')}:main" for name in COMMANDS]
    tags = "Wheel-Version: 1.0\nGenerator: edgekit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {
        **described,
        "METADATA": header.encode() + described["METADATA"],
        "WHEEL": tags.encode(),
        "entry_points.txt": "\n".join(("[console_scripts]", *commands, "")).encode(),
        "top_level.txt": b"edge\n",
    }


def _record(members: Mapping[str, bytes], own_name: str) -> bytes:
    """Return the list of all files with their digests, as the format of wheels asks for it."""
    lines = []
    for name, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join((*lines, f"{own_name},,\n")).encode()
