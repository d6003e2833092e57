"""Kill whole conversions: what is there is the old or the new bundle, verified, and it runs.

``python -m tests.kills.conversions`` kills ``edge-convert`` 20 times.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from edge import golden
from edge.bundle import open_bundle
from edge.opening import open_session
from edge.private_folders import GRACE_S, PREFIX
from tests.kills.harness import Command, Kills, kill_at_random_moments, run


def save_network(file: Path) -> None:
    """Save a small network as a Keras file, in a process of its own, because TensorFlow stays loaded for ever."""
    code = (
        "import sys; from edge.deploy._tensorflow import need\n"
        "keras = need('tf_keras'); layers = keras.layers\n"
        "keras.utils.set_random_seed(1)\n"
        "image = keras.Input((16, 16, 3))\n"
        "found = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation='relu')(image))\n"
        "keras.Model(image, layers.Dense(3, activation='softmax')(found)).save(sys.argv[1])\n"
    )
    run(Command([sys.executable, "-c", code, file]))


class Conversion:
    """A bundle that conversions replace while they are killed, and the folder of their temporary files."""

    def __init__(self, base: Path) -> None:
        self.out = base / "out" / "net"
        self.old = base / "old"
        self.temporary = base / "temporary"
        for folder in (self.out.parent, self.temporary):
            folder.mkdir()
        save_network(base / "net.keras")
        self._argv = [sys.executable, "-m", "edge.cli.convert", base / "net.keras", "--out", self.out]
        self._argv += ["--tflite", "float32"]
        self.found = {"old": 0, "new": 0}

    def command(self, name: str) -> Command:
        """Return the command that makes the bundle under a name."""
        return Command([*self._argv, "--name", name], environment={"TMPDIR": str(self.temporary)})

    def reset(self) -> None:
        """Put a copy of the old bundle back, beside whatever killed conversions left."""
        shutil.rmtree(self.out)
        shutil.copytree(self.old, self.out)

    def check(self) -> None:
        """Open what is there and run it on its golden input."""
        self.found[open_bundle(self.out).manifest.name] += 1
        with open_session(self.out) as session:
            golden.check(session)

    def run_undisturbed(self, name: str) -> None:
        """Convert, and check that only the bundle is there afterwards."""
        for left in self.temporary.iterdir():
            os.utime(left, (time.time() - 2 * GRACE_S,) * 2)
        run(self.command(name))
        self.check()
        assert [file.name for file in self.out.parent.iterdir()] == [self.out.name]
        left = [file.name for file in self.temporary.iterdir() if file.name.startswith(PREFIX)]
        assert left == [], f"killed conversions left {left}"


def kill_conversions(base: Path, count: int, seed: int) -> tuple[Kills, dict[str, int]]:
    """Kill ``count`` conversions; returns how often the old and the new bundle was there."""
    conversion = Conversion(base)
    conversion.run_undisturbed("old")
    shutil.copytree(conversion.out, conversion.old)
    kills = kill_at_random_moments(conversion.command("new"), conversion.check, count, seed, conversion.reset)
    conversion.run_undisturbed("old")
    return kills, conversion.found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills.conversions", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="number of kills (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments (default 1)")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        kills, found = kill_conversions(Path(base), a.count, a.seed)
    print(f"{kills.killed} killed within {kills.duration_s:.1f} s, {kills.finished} had finished; {found}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
