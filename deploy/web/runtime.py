"""``runtime_files`` finds LiteRT.js, which runs ``.tflite`` files in a browser (https://ai.google.dev/edge/litert/web).

The package is not part of this project. It is taken from a folder, or fetched once with ``npm pack`` in the version
below, compared with its digest, and kept in the user's cache. Only the WebAssembly module and its loader are used:
the JavaScript API on top of them refuses int8 inputs and outputs, which the module computes.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge import files
from edge.errors import FileError, InputError

PACKAGE = "@litertjs/core"
VERSION = "2.5.3"
SHA512 = "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ=="
"""The digest of the package's archive on the npm registry, base64."""

VARIANTS = ("internal", "threaded_internal", "compat_internal")
"""For browsers with relaxed SIMD, for those that also have threads, and for all with SIMD. A browser takes one."""

NAMES = tuple(f"litert_wasm_{variant}.{suffix}" for variant in VARIANTS for suffix in ("js", "wasm"))

LONGEST_S = 300

NOTICE = f"""\
LiteRT.js {VERSION}, Copyright Google LLC, licensed under the Apache License, Version 2.0 (see LICENSE.txt).
The files litert_wasm_*.js and litert_wasm_*.wasm are those of the npm package {PACKAGE}, unchanged.
Source: https://github.com/google-ai-edge/LiteRT
"""


def runtime_files(folder: Path | None = None) -> dict[str, Path]:
    """Return the runtime's files by the names that they have in the app.

    Args:
        folder: an unpacked package. None takes the cache, which is filled with ``npm pack`` where it is empty.

    Raises:
        InputError: the folder holds another package or version.
        FileError: a file is missing, or the package cannot be fetched.
    """
    found = _checked(folder) if folder is not None else _cached()
    for name in NAMES:
        if not (found / "wasm" / name).is_file():
            raise FileError(f"{found} has no wasm/{name}: expected the package {PACKAGE} {VERSION}, unpacked")
    return {name: found / "wasm" / name for name in NAMES}


def _checked(folder: Path) -> Path:
    """Return the folder of the package in ``folder``, or in a folder ``package`` below it."""
    for one in (folder, folder / "package", folder / "node_modules" / PACKAGE):
        if (one / "package.json").is_file():
            stated = _stated(one / "package.json")
            if (stated.get("name"), stated.get("version")) != (PACKAGE, VERSION):
                raise InputError(
                    f"--runtime must be {PACKAGE} {VERSION}, unpacked, {folder} is {stated.get('name')} "
                    f"{stated.get('version')}; leave the option out, and npm fetches it"
                )
            return one
    raise FileError(f"--runtime must be the package {PACKAGE} {VERSION}, unpacked; {folder} has no package.json")


def _stated(path: Path) -> Mapping[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error
    return content if isinstance(content, dict) else {}


def cache() -> Path:
    """Return the folder in the user's cache where the package is kept."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "edgekit" / f"litertjs-core-{VERSION}"


def _cached() -> Path:
    kept = cache()
    if not (kept / "package.json").is_file():
        with tempfile.TemporaryDirectory(prefix="edge-npm-") as scratch:
            archive = _packed(Path(scratch))
            with files.replaced(kept) as temporary:
                _unpack(archive, temporary)
    return kept


def _packed(folder: Path) -> Path:
    """Fetch the package's archive with npm and compare its digest."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileError(
            f"the phone app needs {PACKAGE} {VERSION}, and npm is not installed to fetch it: install Node.js, or give "
            "--runtime DIR with the unpacked package"
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder), "--silent"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False, cwd=folder)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FileError(f"npm cannot fetch {PACKAGE} {VERSION}: {error}; give --runtime DIR") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise FileError(f"npm cannot fetch {PACKAGE} {VERSION}: {said[0][:200]}; give --runtime DIR")
    check_digest(archives[0])
    return archives[0]


def check_digest(archive: Path) -> None:
    """Raise FileError unless the archive has the digest ``SHA512``."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise FileError(f"{PACKAGE} {VERSION} must have the SHA-512 digest {SHA512[:12]}…, got {digest[:12]}…; "
                        "it is not used")  # fmt: skip


def _unpack(archive: Path, folder: Path) -> None:
    """Write the members that the app needs, by their plain names, whatever paths the archive states."""
    wanted = {"package/package.json", *(f"package/wasm/{name}" for name in NAMES)}
    (folder / "wasm").mkdir(parents=True)
    with tarfile.open(archive) as members:
        for member in members:
            content = members.extractfile(member) if member.isfile() and member.name in wanted else None
            if content is not None:
                name = member.name.removeprefix("package/")
                (folder / name).write_bytes(content.read())
