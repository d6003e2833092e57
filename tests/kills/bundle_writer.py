"""Kill the writer of a bundle: what is there is the old or the new bundle, verified, and it runs.

``python -m tests.kills.bundle_writer`` kills it 1,000 times, half of them while it writes a folder, half a zip.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge import golden
from edge.bundle import open_bundle, write_bundle
from edge.models import weights
from edge.opening import open_session
from tests.kills.harness import READY, Command, Kills, kill_at_random_moments

RELEASED = weights.FOLDER / "shufflenet_v2_cifar10_int8.edge"


def writer(name: str) -> Callable[[Path], None]:
    """Return a function that writes the released bundle to a path, under another name of its network."""
    released = open_bundle(RELEASED)
    sources = {file: released.root / file for file in released.manifest.stored()}

    def write(path: Path) -> None:
        write_bundle(path, replace(released.manifest, name=name), sources)

    return write


class Target:
    """A bundle that writers replace while they are killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write = writer("old")
        self.found = {"old": 0, "new": 0}

    def reset(self) -> None:
        """Write the old bundle. It succeeds whatever a killed writer left, and leaves nothing of that."""
        self.write(self.path)
        there = sorted(file.name for file in self.path.parent.iterdir())
        assert there == [self.path.name], f"a killed writer left {there}"

    def check(self) -> None:
        """Open what is there and run it on its golden input."""
        self.found[open_bundle(self.path).manifest.name] += 1
        with open_session(self.path) as session:
            golden.check(session)


def kill_writers(path: Path, count: int, seed: int) -> tuple[Kills, dict[str, int]]:
    """Kill ``count`` writers of a bundle at ``path``; returns how often the old and the new one was there."""
    path.parent.mkdir(parents=True)
    target = Target(path)
    command = Command([sys.executable, "-m", "tests.kills.bundle_writer", "--write", path], prints_ready=True)
    kills = kill_at_random_moments(command, target.check, count, seed, target.reset)
    target.reset()
    return kills, target.found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills.bundle_writer", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of kills (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments (default 1)")
    parser.add_argument("--write", type=Path, metavar="PATH", help="be the writer, of this bundle")
    a = parser.parse_args()
    if a.write:
        write = writer("new")
        print(READY, flush=True)
        write(a.write)
        os._exit(0)  # what an interpreter does at its end takes longer than the write
    with tempfile.TemporaryDirectory() as base:
        for name in ("net", "net.edge"):
            kills, found = kill_writers(Path(base, name, name), a.count // 2, a.seed)
            print(
                f"{name}: {kills.killed} killed within {kills.duration_s:.3f} s, {kills.finished} had finished; {found}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
