"""The checks of the runtimes: each that is installed loads and runs a tiny network in a process of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from edge import backends
from edge.backends import selfcheck
from edge.doctor import software
from edge.doctor.check import Check
from edge.errors import GateFailed
from edge.registry import Entry

SelfCheck = Callable[[str], str]


def runtimes(run: SelfCheck = selfcheck.check) -> list[Check]:
    """Check that each backend for the CPU passes its self-check. One that opens .tflite files is required.

    Args:
        run: the self-check of a backend, which returns what it has found besides. Raises GateFailed.
    """
    accelerators = {name for names in backends.ACCELERATORS.values() for name in names}
    table = [(name, entry) for name, entry in backends.BACKENDS.items() if name not in accelerators]
    with ThreadPoolExecutor(len(table)) as pool:
        checks = list(pool.map(lambda row: _runtime(row[0], row[1], run), table))
    working = {check.subject.split()[-1] for check in checks if check.status == "ok"}
    if not working & set(backends.PREFERENCE[".tflite"]):
        checks.append(Check("runtime", "broken", "none that runs .tflite files", "pip install edgekit"))
    return checks


def _runtime(name: str, entry: Entry, run: SelfCheck) -> Check:
    subject, package = f"backend {name}", f"'edgekit[{entry.extra}]'" if entry.extra else "edgekit"
    if entry.missing():
        return Check(subject, "absent", f"not installed ({entry.summary})", f"pip install {package}")
    try:
        version = backends.backend(name).version()
        details = run(name)
    except (GateFailed, ImportError) as error:
        return Check(subject, "warning", f"fails its self-check: {error}", f"pip install --force-reinstall {package}")
    where = software.origin(entry.needs[0]) if entry.needs else ""
    return Check(subject, "ok", ", ".join(filter(None, (version, where, details, "self-check passed"))))
