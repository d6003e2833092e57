"""What to measure: every file of every bundle, on every backend that opens it, with every number of threads."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge import backends
from edge.backends.base import OpenOptions
from edge.bench.measure import Timing, measure
from edge.bundle import Bundle, is_bundle, open_bundle
from edge.errors import EdgeError, FileError, InputError

_File = tuple[Path, str, str | None, Path]
"""target, name, precision and path of one model file."""


@dataclass(frozen=True)
class Job:
    """One configuration to measure.

    Attributes:
        target: the bundle or file that the user named.
        name: the network.
        precision: the precision of a bundle's file; None for a plain file.
        path: the model file to open.
        backend: the name of the backend.
        threads: the number of threads.
    """

    target: Path
    name: str
    precision: str | None
    path: Path
    backend: str
    threads: int


@dataclass(frozen=True)
class Measurement:
    """What a job gave.

    Attributes:
        job: the configuration.
        version: name and version of the runtime.
        bytes: the size of the model file.
        timing: its latencies; None when the backend refused the file.
        error: why there is no timing.
        fastest: whether its median is the lowest of its target.
    """

    job: Job
    version: str
    bytes: int
    timing: Timing | None = None
    error: str | None = None
    fastest: bool = False


class Targets:
    """The bundles and files to measure, opened and verified. Keep it as long as their jobs run.

    Attributes:
        files: target, name, precision and path of each model file.
    """

    def __init__(self, paths: Sequence[Path], precision: str | None = None) -> None:
        """Open the targets.

        Args:
            paths: bundles and model files.
            precision: measure only files of a bundle with this precision; None measures all.

        Raises:
            FileError: a path does not exist or cannot be read.
            InputError: a bundle is damaged, or has no file of the precision.
        """
        self._bundles: list[Bundle] = []
        self.files = [row for path in paths for row in self._files(path, precision)]

    def _files(self, path: Path, precision: str | None) -> list[_File]:
        if not path.exists():
            raise FileError(f"{path} does not exist; give a bundle or a model file")
        if path.is_file() and not is_bundle(path):
            return [(path, path.stem, None, path)]
        bundle = open_bundle(path)
        self._bundles.append(bundle)
        m = bundle.manifest
        rows: list[_File] = [
            (path, m.name, a.precision, bundle.path(a)) for a in m.artifacts if precision in (None, a.precision)
        ]
        if not rows:
            have = ", ".join(sorted({a.precision for a in m.artifacts}))
            raise InputError(f"bundle {path} has no {precision} file; it has: {have}")
        return rows


def jobs(targets: Targets, names: Sequence[str] | None, threads: Sequence[int]) -> list[Job]:
    """Return what to measure. Files of a bundle that none of the backends opens are left out.

    Args:
        targets: the bundles and files.
        names: the backends to use; None for all that are installed.
        threads: the numbers of threads to try.

    Raises:
        MissingExtra: a named backend is not installed.
        EdgeError: no backend opens anything of a target; the message has the reason.
    """
    chosen = [backends.backend(name) for name in (backends.available() if names is None else names)]
    out = [
        Job(target, name, precision, path, backend.name, count)
        for target, name, precision, path in targets.files
        for backend in chosen
        if path.suffix.lower() in backend.formats
        for count in threads
    ]
    planned = {job.target for job in out}
    asked: Sequence[str | None] = names or [None]
    for target, _, _, path in targets.files:
        if target not in planned:
            for name in asked:
                backends.for_file(path, name)
    return out


def run(todo: Sequence[Job], seconds: float, done: Callable[[int, int], None]) -> list[Measurement]:
    """Measure each job. A file that its backend refuses is recorded with the reason.

    Args:
        todo: the jobs.
        seconds: how long to measure each.
        done: called with the number of measured jobs and of all jobs, before the first and after each.
    """
    out = []
    done(0, len(todo))
    for count, job in enumerate(todo, 1):
        out.append(_measured(job, seconds))
        done(count, len(todo))
    return mark_fastest(out)


def _measured(job: Job, seconds: float) -> Measurement:
    backend = backends.backend(job.backend)
    blank = Measurement(job, backend.version(), job.path.stat().st_size)
    try:
        with backend.open(job.path, OpenOptions(job.threads)) as model:
            return replace(blank, timing=measure(model, seconds))
    except EdgeError as error:
        return replace(blank, error=str(error))


def mark_fastest(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows with ``fastest`` set on the lowest median of each target, the first one of equals."""
    rows = list(rows)
    best: dict[Path, Measurement] = {}
    for row in rows:
        held = best.get(row.job.target)
        if row.timing and (held is None or held.timing is None or row.timing.median_ms < held.timing.median_ms):
            best[row.job.target] = row
    return [replace(row, fastest=best.get(row.job.target) is row) for row in rows]
