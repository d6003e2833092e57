"""What can happen to a bundle that is a folder: each function changes one, as chance says."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

Mutation = Callable[[Path, random.Random], None]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def flipped(content: bytes, draw: random.Random) -> bytes:
    """Flip one to eight bits."""
    damaged = bytearray(content)
    for bit in draw.sample(range(8 * len(damaged)), draw.choice((1, 1, 1, 2, 8))):
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def flip(folder: Path, draw: random.Random) -> None:
    file = draw.choice(files(folder))
    file.write_bytes(flipped(file.read_bytes(), draw))


def flip_in_manifest(folder: Path, draw: random.Random) -> None:
    file = folder / draw.choice(("manifest.json", "manifest.sha256", "labels.txt"))
    file.write_bytes(flipped(file.read_bytes(), draw))


def truncate(folder: Path, draw: random.Random) -> None:
    file = draw.choice(files(folder))
    os.truncate(file, draw.randrange(file.stat().st_size))


def lengthen(folder: Path, draw: random.Random) -> None:
    with draw.choice(files(folder)).open("ab") as file:
        file.write(draw.randbytes(draw.randint(1, 100)))


def inflate(folder: Path, draw: random.Random) -> None:
    """Make a file of a tebibyte that takes no space on the disk."""
    os.truncate(draw.choice(files(folder)), 1 << 40)


def swap(folder: Path, draw: random.Random) -> None:
    one, other = draw.sample(files(folder), 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def delete(folder: Path, draw: random.Random) -> None:
    draw.choice(files(folder)).unlink()


def rename(folder: Path, draw: random.Random) -> None:
    file = draw.choice(files(folder))
    file.rename(folder / draw.choice((file.name.upper(), file.name + ".bak", "." + file.name)))


def symlink(folder: Path, draw: random.Random) -> None:
    """Put a link in a file's place, to the same content outside or to something else."""
    file = draw.choice(files(folder))
    outside = folder.with_name("outside")
    outside.unlink(missing_ok=True)
    file.rename(outside)
    file.symlink_to(draw.choice((outside, "/etc/passwd", "nowhere", files(folder)[0].name)))


def hard_link(folder: Path, draw: random.Random) -> None:
    """Put another file's content in a file's place, or its own under two names."""
    file = draw.choice(files(folder))
    outside = folder.with_name("outside")
    outside.unlink(missing_ok=True)
    other = draw.choice(files(folder))
    os.link(other, outside)
    file.unlink()
    os.link(outside, file)


def special(folder: Path, draw: random.Random) -> None:
    """Put a pipe or a folder in a file's place."""
    file = draw.choice(files(folder))
    file.unlink()
    draw.choice((os.mkfifo, os.mkdir))(file)


def add(folder: Path, draw: random.Random) -> None:
    """Add what the manifest does not list; a hidden file is no part of the bundle."""
    name = draw.choice(("net2.tflite", "net.onnx.data2", "README", ".DS_Store"))
    (folder / name).write_bytes(draw.randbytes(20))


def add_folder(folder: Path, draw: random.Random) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "net.tflite").write_bytes(draw.randbytes(20))


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every node below ``node``."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


VALUES = (None, True, -1, 0, 7, 1e308, "", "x", "../x", "/etc/passwd", "a/b", [], {}, ["x"], {"x": 1})


def edited(manifest: bytes, draw: random.Random) -> bytes:
    """Put another value at a random place of the manifest, or delete what is there."""
    raw = json.loads(manifest)
    *way, last = draw.choice(places(raw)[1:])
    node = raw
    for key in way:
        node = node[key]
    if draw.random() < 0.2:
        del node[last]
    else:
        node[last] = draw.choice(
            [value for value in VALUES if value != node[last] or type(value) is not type(node[last])]
        )
    return (json.dumps(raw, indent=2) + "\n").encode()


def edit(folder: Path, draw: random.Random) -> None:
    file = folder / "manifest.json"
    file.write_bytes(edited(file.read_bytes(), draw))


OUTSIDE = ("../net.tflite", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\b", "a\0b", "manifest.json")


def edit_name(folder: Path, draw: random.Random) -> None:
    """Let the manifest name a file outside, or one of the bundle's own."""
    file = folder / "manifest.json"
    raw = json.loads(file.read_bytes())
    draw.choice(raw["artifacts"])["files"][0]["name"] = draw.choice(OUTSIDE)
    file.write_bytes(json.dumps(raw).encode())


HARMLESS_WITH_DIGEST = (edit_name,)
"""Edits that are refused also when the digest of the manifest is made to fit, and nobody signed it."""

MUTATIONS: tuple[Mutation, ...] = (
    flip, flip_in_manifest, truncate, lengthen, inflate, swap, delete, rename, symlink, hard_link, special, add,
    add_folder, edit, edit_name,
)  # fmt: skip
