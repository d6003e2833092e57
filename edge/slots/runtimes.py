"""``python -m edge.slots.runtimes ROOT NAME`` makes an installed runtime the one that the agent runs in."""

import os
import sys
import time
from pathlib import Path

from edge.slots import durable

COMPLETE = "complete"
FORGOTTEN_S = 24 * 3600.0


def adopt(root: Path, name: str) -> None:
    """Mark a runtime as complete, and let the link ``runtime`` point to it.

    Args:
        root: the device's root folder.
        name: the folder of the runtime below ``runtimes``.
    """
    folder = root / "runtimes" / name
    (root / "trust").mkdir(exist_ok=True)
    if not (folder / COMPLETE).exists():
        os.sync()
        durable.write(folder / COMPLETE, b"")
    durable.link(root / "runtime", f"runtimes/{name}")


def unused(root: Path) -> list[Path]:
    """Return the runtimes that neither the agent nor a release uses.

    Where ``runtimes`` is a link, other root folders share it, and nothing in it counts as unused. One that is not
    complete may be about to be installed, and counts as unused after a day.
    """
    used = {(root / "runtime").resolve()}
    used |= {link.resolve() for link in root.glob("apps/*/slots/*/runtime")}
    folder = root / "runtimes"
    if folder.is_symlink():
        return []
    old = time.time() - FORGOTTEN_S
    found = [path for path in folder.glob("*") if (path / COMPLETE).exists() or path.stat().st_mtime < old]
    return sorted(path for path in found if path.resolve() not in used)


if __name__ == "__main__":
    adopt(Path(sys.argv[1]), sys.argv[2])
