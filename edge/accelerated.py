"""A bundle with a file for an accelerator runs there, or on the CPU with the file that it was compiled from.

The bundle of ``edge-convert --target coral-usb`` holds the same int8 network twice: compiled for a Coral Edge TPU, and
for the CPU. One bundle therefore serves devices with and without a stick, and one whose stick fails keeps running.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from edge import backends
from edge.backends.choice import in_worker
from edge.errors import DeviceError, MissingExtra
from edge.session import Session, SessionOptions
from edge.standby import Standby

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.manifest import Artifact
    from edge.tuning import Tuning

TARGET = "edgetpu"
NAME = "edgetpu"
"""The backend that drives files for TARGET."""


def wanted(bundle: "Bundle", options: SessionOptions, tuning: "Tuning | None") -> bool:
    """Return whether a bundle is to run on an Edge TPU where there is one.

    Args:
        bundle: the bundle.
        options: what the user asked for; a device asks for an accelerator.
        tuning: what was measured to be the fastest on this machine, if anything was.
    """
    if options.backend is not None:
        return options.backend == NAME
    if tuning is not None and options.device is None:
        return tuning.backend == NAME
    return bool(_compiled(bundle, options))


def open_session(bundle: "Bundle", options: SessionOptions, threads: int | None) -> Session:
    """Open the file for the Edge TPU, or its twin for the CPU with a note that says why.

    Args:
        bundle: the bundle.
        options: what the user asked for. With ``backend`` nothing else will do: there is no twin.
        threads: of the tuning record, if there is one.

    Raises:
        DeviceError: there is no Edge TPU, and no other file will do.
        InputError: the bundle has no file for an Edge TPU.
    """
    backend = in_worker(backends.backend(NAME), options.isolate)
    threads = options.threads or threads or backends.default_threads()
    runnable = bundle.runnable(backend.formats, options.precision, backend.targets)
    twin = None if options.backend else _twin(bundle, _compiled(bundle, options)[0])
    if twin is None:
        return Session(runnable, backend, threads, options)
    standby = Standby(
        bundle.as_runnable(twin), in_worker(backends.first_that_opens(bundle.path(twin)), options.isolate)
    )
    try:
        return Session(runnable, backend, threads, options, standby)
    except (DeviceError, MissingExtra) as error:
        session = Session(standby.runnable, standby.backend, threads, replace(options, device=None))
        session.notes += (f"runs {twin.file} on the CPU: {error}",)
        return session


def _compiled(bundle: "Bundle", options: SessionOptions) -> "list[Artifact]":
    return bundle.fitting((".tflite",), (TARGET,), options.precision)


def _twin(bundle: "Bundle", compiled: "Artifact") -> "Artifact | None":
    """Return the file for the CPU that ``compiled`` was made of: the one with its golden outputs, or its precision."""
    candidates = bundle.fitting((".tflite",), ("cpu",), compiled.precision)
    same = [one for one in candidates if one.golden is not None and one.golden == compiled.golden]
    return next(iter(same or candidates), None)
