"""Mutated bundles: each is refused in one line before anything is loaded, or has the content of the whole one.

``python -m tests.fuzz.bundle_mutations`` opens 10,000 of them, half folders and half zips, half of each signed and
opened by a machine that accepts signed bundles only. An edited manifest of those gets its right digest.
"""

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge import signing
from edge.bundle import open_bundle, write_bundle
from edge.errors import EdgeError
from edge.manifest import DIGEST, Manifest
from edge.runnable import MANIFEST
from tests.fuzz import folder_mutations, zip_mutations
from tests.sample_bundle import manifest, write_sources

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True)
class Template:
    """A whole bundle: its files by name, its zip, its manifest, and whether it is signed."""

    content: dict[str, bytes]
    zipped: bytes
    manifest: Manifest
    signed: bool


@dataclass
class Tally:
    """What happened: counts by kind of mutation, and a line for each bundle that was neither refused nor whole."""

    refused: Counter[str] = field(default_factory=Counter)
    identical: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.refused.total() + self.identical.total() + len(self.wrong)


def template(base: Path, signed: bool) -> Template:
    base.mkdir()
    whole = manifest(version=7 if signed else None)
    sources = write_sources(base / "sources")
    sign = (lambda content: signing.signed(content, KEY).as_bytes()) if signed else None
    for name in ("pets", "pets.edge"):
        written = write_bundle(base / name, whole, sources, sign)
    content = {file.name: file.read_bytes() for file in sorted((base / "pets").iterdir())}
    return Template(content, (base / "pets.edge").read_bytes(), written, signed)


@contextlib.contextmanager
def trusting(folder: Path | None) -> Iterator[None]:
    """Let this process accept only bundles that KEY signed, or trust no key at all."""
    before = os.environ.pop("EDGE_TRUST", None)
    if folder is not None:
        os.environ["EDGE_TRUST"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("EDGE_TRUST", None)
        if before is not None:
            os.environ["EDGE_TRUST"] = before


def trust_folder(folder: Path) -> Path:
    folder.mkdir()
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pub").write_bytes(pem)
    (folder / "signed-only").touch()
    return folder


def make_folder(path: Path, whole: Template, draw: random.Random) -> str:
    """Write a mutated folder to ``path`` and return the name of the mutation."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for name, data in whole.content.items():
        (path / name).write_bytes(data)
    mutation = draw.choice(folder_mutations.MUTATIONS)
    mutation(path, draw)
    seals = whole.signed or mutation in folder_mutations.HARMLESS_WITH_DIGEST
    if seals and mutation in (folder_mutations.edit, folder_mutations.edit_name):
        (path / DIGEST).write_bytes(digest_line((path / MANIFEST).read_bytes()))
    return f"folder {mutation.__name__}"


def make_zip(path: Path, whole: Template, draw: random.Random) -> str:
    """Write a mutated zip to ``path`` and return the name of the mutation."""
    mutation = draw.choice(zip_mutations.MUTATIONS)
    made = mutation(whole.zipped, whole.content, draw)
    if whole.signed and mutation is zip_mutations.edit:
        made = sealed(made)
    path.write_bytes(made)
    return f"zip {mutation.__name__}"


def digest_line(content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n".encode()


def sealed(zipped: bytes) -> bytes:
    """Make the digest of a zip's manifest fit."""
    with tempfile.TemporaryFile() as file:
        file.write(zipped)
        with zipfile.ZipFile(file) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
    return zip_mutations.packed({**content, DIGEST: digest_line(content[MANIFEST])})


def is_whole(path: Path, whole: Template) -> bool:
    """Open a bundle and return whether all that anybody would use of it is what was written."""
    opened = open_bundle(path)
    same = all((opened.root / name).read_bytes() == data for name, data in whole.content.items())
    return same and replace(opened.manifest, schema=whole.manifest.schema) == whole.manifest


def judge(path: Path, whole: Template, kind: str, number: int, tally: Tally) -> None:
    try:
        if is_whole(path, whole):
            tally.identical[kind] += 1
        else:
            tally.wrong.append(f"number {number}, {kind}: other content was accepted")
    except EdgeError as error:
        tally.refused[kind] += 1
        if "\n" in str(error):
            tally.wrong.append(f"number {number}, {kind}: more than one line: {error}")
    except Exception as error:  # whatever it is, it is a crash
        tally.wrong.append(f"number {number}, {kind}: {type(error).__name__}: {error}")


def run(base: Path, count: int, seed: int) -> Tally:
    """Open ``count`` mutated bundles. The same seed makes the same ones.

    Args:
        base: an empty folder to work in.
        count: how many.
        seed: of all choices; a single one can be made again from its number.
    """
    tally = Tally()
    templates = [template(base / "unsigned", False), template(base / "signed", True)]
    folder = trust_folder(base / "trust")
    work = base / "work"
    work.mkdir()
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        whole = templates[number % 2]
        makes, path = (make_folder, work / "pets") if number % 4 < 2 else (make_zip, work / "pets.edge")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile, while a mutation holds a name twice
            kind = makes(path, whole, draw)
        with trusting(folder if whole.signed else None):
            judge(path, whole, kind, number, tally)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.bundle_mutations", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="number of mutated bundles (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all choices (default 1)")
    a = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as base:
        tally = run(Path(base), a.count, a.seed)
    for kind in sorted({*tally.refused, *tally.identical}):
        print(f"{kind:28} {tally.refused[kind]:6} refused {tally.identical[kind]:6} identical")
    print(*tally.wrong, sep="\n")
    print(
        f"{tally.total} mutated bundles in {time.perf_counter() - start:.0f} s: {tally.refused.total()} refused, "
        f"{tally.identical.total()} identical in content, {len(tally.wrong)} wrong"
    )
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
