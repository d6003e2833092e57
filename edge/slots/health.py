"""The health check: a release runs its golden input in a process of its own, and is fast enough.

``python -m edge.slots.health BUNDLE`` prints what it found as JSON. It runs in the release's own runtime, not as root.
"""

import json
import os
import pwd
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, GateFailed

LONGEST_S = 120.0
RUNS = 10
LEAST_S = 0.2
"""How often, and for how long at least, the network is run to measure its latency."""


def check(release: Path, max_latency_ms: float | None) -> dict[str, Any]:
    """Check a release in a process of its own.

    Args:
        release: the folder of the release.
        max_latency_ms: the longest median time of a run, in milliseconds; None for no limit.

    Returns:
        ``backend``, ``median_ms``, ``load_ms`` and the largest difference of each golden output.

    Raises:
        GateFailed: it does not load, gives another output, is too slow, crashes or hangs.
    """
    command = [str(release / "runtime/bin/python"), "-m", "edge.slots.health", str(release / "bundle")]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LONGEST_S, check=False, cwd="/",
            env=_environment(), **_unprivileged(release),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise GateFailed(f"the health check did not end within {LONGEST_S:g} s") from None
    except OSError as error:
        raise GateFailed(f"the release's runtime cannot be started: {error.strerror or error}") from error
    found = _answer(done.stdout)
    if done.returncode or found is None:
        raise GateFailed(f"the health check failed: {_last_line(done.stderr) or f'exit code {done.returncode}'}")
    if max_latency_ms is not None and found["median_ms"] > max_latency_ms:
        raise GateFailed(
            f"the health check failed: a run may take {max_latency_ms:g} ms, it takes {found['median_ms']:g} ms"
        )
    return found


def _answer(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "EDGE_TRUST") if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}


def _unprivileged(release: Path) -> dict[str, Any]:
    """Return what makes a child run as nobody, where this process is root and nobody may reach what the child needs."""
    program = release / "runtime/bin/python"  # a link out of the environment, so both places count
    needed = (program.parent.resolve(), program.resolve(), (release / "bundle").resolve())
    if os.geteuid() != 0 or not all(map(_is_open_to_others, needed)):
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return {}
    groups = [entry.gr_gid for entry in _video_groups()]
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": groups}


def _is_open_to_others(place: Path) -> bool:
    """Return whether every user may run a program, or enter a folder: a user's own folder is closed to others."""
    try:
        return all(path.stat().st_mode & 0o001 for path in (place, *place.parents))
    except OSError:
        return False


def _video_groups() -> list[Any]:
    """Return the groups that may open cameras and accelerators."""
    import grp

    return [entry for entry in grp.getgrall() if entry.gr_name in ("video", "plugdev", "apex")]


def examine(bundle: Path) -> Mapping[str, Any]:
    """Load a bundle here, compare its golden output, and time it. Raises EdgeError when it does not pass."""
    from edge import golden
    from edge.opening import open_session

    start = time.perf_counter()
    with open_session(bundle) as session:
        load_ms = (time.perf_counter() - start) * 1e3
        differences = golden.check(session)
        inputs = golden.inputs(session)
        times: list[float] = []
        while len(times) < RUNS or sum(times) < LEAST_S:
            begin = time.perf_counter()
            golden.run(session, inputs)
            times.append(time.perf_counter() - begin)
        return {
            "backend": session.backend,
            "threads": session.threads,
            "load_ms": round(load_ms, 1),
            "median_ms": round(statistics.median(times) * 1e3, 3),
            "differences": differences,
        }


def main() -> int:
    """Run ``examine`` as a process."""
    try:
        print(json.dumps(examine(Path(sys.argv[1]))))
    except (EdgeError, ImportError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
