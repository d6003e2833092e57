"""The check of libedgetpu, the library of the Coral Edge TPU."""

from collections.abc import Callable

from edge import coral
from edge.backends import _libedgetpu, selfcheck
from edge.doctor.check import Check, Status
from edge.doctor.system import System
from edge.errors import GateFailed

LIBRARIES = ("usr/lib/*/libedgetpu.so.1", "lib/*/libedgetpu.so.1", "usr/local/lib/libedgetpu.so.1")


def library(system: System, run: Callable[[str], object] = selfcheck.check) -> list[Check]:
    """Check that libedgetpu is there, is one for today's runtimes, and opens the Edge TPU.

    Args:
        system: the machine.
        run: the self-check of a backend in a process of its own, so that a library that crashes is a finding.
    """
    needed = bool(coral.connected(system.root))
    version = _libedgetpu.packaged(system.root)
    if version is None and not any(map(system.exists, LIBRARIES)):
        status: Status = "warning" if needed else "absent"
        return [Check("backend edgetpu", status, "libedgetpu is not installed", _libedgetpu.ROUTE)]
    said = f"libedgetpu {version or 'that came without a package'}"
    if version and _libedgetpu.built_for_old_runtimes(version):
        found = f"{said}, built for the runtimes of 2021: today's end by a signal with it"
        return [Check("backend edgetpu", "warning", found, _libedgetpu.ROUTE)]
    if not system.live or not needed:
        return [Check("backend edgetpu", "ok", said)]
    try:
        run("edgetpu")
    except GateFailed as error:
        return [Check("backend edgetpu", "warning", f"{said}; {error}", _libedgetpu.ROUTE)]
    return [Check("backend edgetpu", "ok", f"{said}, opens the Edge TPU")]
