"""From a bundle or a bare file to a session: which file, which backend, how many threads."""

from pathlib import Path
from typing import TYPE_CHECKING

from edge import backends, trust
from edge.backends.base import Backend
from edge.backends.choice import in_worker
from edge.errors import DeviceError, FileError, InputError, MissingExtra
from edge.runnable import Runnable, is_bundle
from edge.session import Session, SessionOptions

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.tuning import Tuning

MOST_THREADS = 1024
"""More than any machine has cores; a larger number was meant for something else."""


def open_session(path: str | Path, options: SessionOptions | None = None) -> Session:
    """Open a bundle, or a .tflite or .onnx file.

    Backend, threads and precision are those of ``options``, else of the tuning record beside the bundle, else the
    preferred ones. Raises FileError, InputError or MissingExtra with one line that says what to do.
    """
    path, options = Path(path), options or SessionOptions()
    if not path.exists():
        raise FileError(f"model {path} does not exist")
    if options.threads is not None and not 1 <= options.threads <= MOST_THREADS:
        raise InputError(f"threads must be from 1 to {MOST_THREADS}, got {options.threads}")
    if path.is_dir() and not is_bundle(path):
        raise FileError(f"model {path} is a folder with no manifest.json: expected a bundle, or a model file")
    if is_bundle(path):
        return _open_bundle(path, options)
    if options.precision is not None:
        raise InputError(f"a precision is chosen among a bundle's files; {path.name} is one file")
    trust.check_file(path)
    backend = in_worker(backends.first_that_opens(path, options.backend), options.isolate)
    runnable, threads = Runnable(path, path.stem), options.threads or backends.default_threads()
    try:
        return Session(runnable, backend, threads, options)
    except DeviceError as error:
        if options.backend is not None:
            raise
        raise DeviceError(f"{error}; or run {_uncompiled(path)} on the CPU") from error


def passed_over(session: Session, asked: str | None = None) -> tuple[str, ...]:
    """Return a line for each runtime that a session does not use, with the reason, such as the extra that it needs.

    Args:
        session: the session.
        asked: the runtime that was asked for, if any was.
    """
    from edge.backends.choice import passed_over

    because = "was asked for" if asked else "was measured to be the fastest here" if session.tuned else "is preferred"
    return passed_over(session.path, session.backend, session.refusals, because)


def _uncompiled(path: Path) -> str:
    """Return the file that a file for an Edge TPU was compiled from, in words when it does not lie beside it."""
    twin = path.with_name(path.name.replace("_edgetpu", ""))
    return twin.name if twin != path and twin.is_file() else "the file that it was compiled from"


def _open_bundle(path: Path, options: SessionOptions) -> Session:
    from edge import accelerated  # a bare file needs none of these
    from edge.bundle import open_bundle
    from edge.device import this_device
    from edge.tuning import read_tuning

    if given := options.of_a_bare_file():
        raise InputError(f"a bundle states its own task and input format; leave out {', '.join(given)}")
    bundle = open_bundle(path)
    tuning = _fitting_tuning(read_tuning(path, this_device()), options)
    if accelerated.wanted(bundle, options, tuning):
        return accelerated.open_session(bundle, options, tuning.threads if tuning else None)
    backend = backends.backend(tuning.backend) if tuning else _backend_for(bundle, options)
    precision = tuning.precision if tuning else options.precision
    threads = options.threads or (tuning.threads if tuning else backends.default_threads())
    runnable = bundle.runnable(backend.formats, precision, backend.targets)
    session = Session(runnable, in_worker(backend, options.isolate), threads, options)
    session.tuned = tuning is not None
    return session


def _fitting_tuning(tuning: "Tuning | None", options: SessionOptions) -> "Tuning | None":
    """Return ``tuning`` unless something else was asked for, or its backend is no longer installed."""
    if tuning is None or tuning.backend not in backends.available():
        return None
    agrees = options.backend in (None, tuning.backend) and options.precision in (None, tuning.precision)
    return tuning if agrees else None


def _backend_for(bundle: "Bundle", options: SessionOptions) -> Backend:
    """Return the asked backend, else one for the bundle's preferred file that is installed."""
    if options.backend is not None:
        return backends.backend(options.backend)
    missing: MissingExtra | None = None
    for artifact in bundle.fitting(tuple(backends.PREFERENCE), precision=options.precision):
        try:
            return backends.first_that_opens(bundle.path(artifact))
        except MissingExtra as error:
            missing = error
    if missing is not None:
        raise missing
    bundle.runnable(tuple(backends.PREFERENCE), options.precision)  # raises: it lists what the bundle has
    raise InputError(f"bundle {bundle.manifest.name!r} has no file to run")
