"""``jobs`` lists what to measure: each file, on each backend that opens it, with each number of threads."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge import backends, trust
from edge.backends.base import Backend, OpenOptions
from edge.bench.measure import Timing, measure
from edge.bundle import Bundle, open_bundle
from edge.custom_operations import target_of
from edge.errors import EdgeError, FileError, InputError
from edge.runnable import is_bundle


@dataclass(frozen=True)
class ModelFile:
    """One model file to measure.

    Attributes:
        origin: the bundle or file that the user named.
        name: the network.
        path: the file to open.
        bytes: the size of the model, of all its files where it has several.
        precision: the precision of a bundle's file; None for a plain file.
        target: what hardware the file is for: ``cpu`` or ``edgetpu``.
    """

    origin: Path
    name: str
    path: Path
    bytes: int
    precision: str | None = None
    target: str = "cpu"

    def fits(self, backend: Backend) -> bool:
        """Return whether ``backend`` opens such files and drives the hardware that this one is for."""
        return self.path.suffix.lower() in backend.formats and self.target in backend.targets


@dataclass(frozen=True)
class Job:
    """One configuration to measure.

    Attributes:
        file: the model file.
        backend: the name of the backend.
        threads: the number of threads.
        device: which accelerator of its kind; None takes the first.
    """

    file: ModelFile
    backend: str
    threads: int
    device: str | None = None


@dataclass(frozen=True)
class Measurement:
    """The result of a job.

    Attributes:
        job: the configuration.
        version: name and version of the runtime.
        timing: the latencies. None when the backend refused the file.
        error: the reason, when there is no timing.
        fastest: whether its median is the lowest of all files of its origin.
    """

    job: Job
    version: str
    timing: Timing | None = None
    error: str | None = None
    fastest: bool = False


class ModelFiles:
    """The files of bundles and single files, opened and verified. Keep it as long as their jobs run.

    Attributes:
        files: the model files.
    """

    def __init__(self, paths: Sequence[Path], precision: str | None = None) -> None:
        """Open bundles and find files.

        Args:
            paths: bundles and model files.
            precision: measure only files of a bundle with this precision; None measures all.

        Raises:
            FileError: a path does not exist or cannot be read.
            InputError: a bundle is damaged, or has no file of the precision.
        """
        self._bundles: list[Bundle] = []
        self.files = [file for path in paths for file in self._files(path, precision)]

    def _files(self, path: Path, precision: str | None) -> list[ModelFile]:
        if not path.exists():
            raise FileError(f"{path} does not exist; give a bundle or a model file")
        if path.is_file() and not is_bundle(path):
            trust.check_file(path)
            return [ModelFile(path, path.stem, path, path.stat().st_size, target=target_of(path))]
        bundle = open_bundle(path)
        self._bundles.append(bundle)
        artifacts = bundle.manifest.artifacts
        found = [
            ModelFile(path, bundle.manifest.name, bundle.path(a), a.bytes, a.precision, a.target)
            for a in artifacts
            if precision in (None, a.precision)
        ]
        if not found:
            have = ", ".join(sorted({a.precision for a in artifacts}))
            raise InputError(f"bundle {path} has no {precision} file; it has: {have}")
        return found


def jobs(
    models: ModelFiles, names: Sequence[str] | None, threads: Sequence[int], device: str | None = None
) -> list[Job]:
    """Return the jobs. Files of a bundle that no backend opens are omitted.

    Args:
        models: the model files.
        names: the backends to use; None for all that are installed.
        threads: the numbers of threads to try.
        device: which accelerator of its kind, for the files that run on one; None takes the first.

    Raises:
        InputError: a device is named, and no file runs on one.
        MissingExtra: a named backend is not installed.
        EdgeError: no backend opens anything of an origin; the message has the reason.
    """
    chosen = [backends.backend(name) for name in (backends.available() if names is None else names)]
    out = [
        Job(file, backend.name, count, device if file.target != "cpu" else None)
        for file in models.files
        for backend in chosen
        if file.fits(backend)
        for count in threads
    ]
    planned = {job.file.origin for job in out}
    for file in models.files:
        if file.origin not in planned:
            raise _nothing_opens(file, names)
    if device is not None and all(job.device is None for job in out):
        raise InputError(f"none of the files runs on an accelerator; leave out the device {device!r}")
    return out


def _nothing_opens(file: ModelFile, names: Sequence[str] | None) -> EdgeError:
    """Return why no backend opens ``file``."""
    asked: Sequence[str | None] = names or [None]
    try:
        for name in asked:
            backends.for_file(file.path, name)
    except EdgeError as error:
        return error
    which = ", ".join(names) if names else "a backend that is installed"
    return InputError(f"{file.origin} has {file.path.name} for {file.target}, which {which} does not drive")


def run(todo: Sequence[Job], seconds: float, done: Callable[[int, int], None]) -> list[Measurement]:
    """Measure each job. A file that its backend refuses is recorded with the reason.

    Args:
        todo: the jobs.
        seconds: the time for each job, in seconds.
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
    blank = Measurement(job, backend.version())
    try:
        with backend.open(job.file.path, OpenOptions(job.threads, job.device)) as model:
            return replace(blank, timing=measure(model, seconds))
    except EdgeError as error:
        return replace(blank, error=str(error))


def mark_fastest(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows with ``fastest`` set on the lowest median of each origin. Of equal ones it is the first."""
    rows = list(rows)
    best: dict[Path, Measurement] = {}
    for row in rows:
        held = best.get(row.job.file.origin)
        if row.timing and (held is None or held.timing is None or row.timing.median_ms < held.timing.median_ms):
            best[row.job.file.origin] = row
    return [replace(row, fastest=best.get(row.job.file.origin) is row) for row in rows]
