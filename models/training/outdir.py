"""The output folder of a run, which belongs to one set of options, so that resuming cannot mix two runs."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge import files
from edge.errors import EdgeError, FileError, InputError

RUN = "run.json"


@contextmanager
def claim(out: Path, choices: Mapping[str, Any], resume: bool, shared: bool = False) -> Iterator[Path]:
    """Yield the folder that a run writes to, and delete the cache of decoded images when the run is complete.

    A run that ends before its first checkpoint, because of bad input, a missing package or a full disk, leaves nothing
    behind.

    Args:
        out: the output folder.
        choices: the options of the run.
        resume: whether to continue a run that is in ``out``.
        shared: whether several workers have the same ``out``, as TF_CONFIG says. Then only the chief gets ``out``. The
            others get a temporary folder.

    Raises:
        InputError: ``out`` holds a run and ``resume`` is not set, or a run with other options, or other files.
        FileError: ``out`` cannot be written.
    """
    with _claimed(out, choices, resume) if not shared or is_chief() else _private(out, resume) as folder:
        yield folder


def is_chief() -> bool:
    """Return whether this process is the one that writes, according to TF_CONFIG.

    Raises:
        InputError: TF_CONFIG is malformed.
    """
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        config = json.loads(text)
        task = config.get("task") or {"type": "worker", "index": 0}
        leader = "chief" if "chief" in config.get("cluster", {}) else "worker"
        return str(task["type"]) == leader and int(task["index"]) == 0
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"TF_CONFIG must be the cluster and the task of this worker as JSON, got {text}") from error


@contextmanager
def _private(out: Path, resume: bool) -> Iterator[Path]:
    """Yield a folder with a copy of the run so far, from which a worker restores the same epoch as the chief."""
    with tempfile.TemporaryDirectory(prefix="edge-worker-") as folder:
        copy = Path(folder) / "run"
        if resume and out.is_dir():
            shutil.copytree(out, copy, ignore=shutil.ignore_patterns("cache"))
        copy.mkdir(exist_ok=True)
        yield copy


@contextmanager
def _claimed(out: Path, choices: Mapping[str, Any], resume: bool) -> Iterator[Path]:
    text = json.dumps(choices, indent=2, default=list) + "\n"
    marker = out / RUN
    fresh, first = not out.exists(), not marker.exists()
    if resume and first:
        print(f"{out} holds no run to continue: it begins here", file=sys.stderr)
    if marker.exists():
        _check(marker, text, resume, out)
    elif out.is_dir() and any(out.iterdir()):
        raise InputError(f"--out {out} is not empty and holds no run; choose another folder")
    try:
        _mark(marker, text)
        yield out
    except (EdgeError, OSError):
        if first and out.is_dir() and not _is_worth_keeping(out):
            for path in [out] if fresh else list(out.iterdir()):
                files.remove(path)
        raise
    shutil.rmtree(out / "cache", ignore_errors=True)


def _mark(marker: Path, text: str) -> None:
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot write to {marker.parent}: {error.strerror}") from error


def _is_worth_keeping(out: Path) -> bool:
    """Return whether an epoch or a step is complete. The file ``checkpoint`` and the record are written last."""
    return any(path.is_file() for name in ("checkpoint", "train.json") for path in out.rglob(name))


def _check(marker: Path, text: str, resume: bool, out: Path) -> None:
    if not resume:
        state = "a run" if _is_worth_keeping(out) else "a run that has finished no epoch yet"
        raise InputError(
            f"{out} already holds {state}; add --resume to go on with it, choose another --out, or delete the folder"
        )
    try:
        before, now = json.loads(marker.read_text(encoding="utf-8")), json.loads(text)
    except (OSError, ValueError) as error:
        raise FileError(f"{marker} is damaged: {error}; choose another --out") from error
    changed = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    if changed:
        key = changed[0]
        raise InputError(
            f"--resume needs the options of the run in {out}: {key} was {before.get(key)}, got {now.get(key)}"
        )
