"""The checks of ``edge-doctor`` on the software: Python, packages and runtimes. Each function checks one subject."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

from edge import backends
from edge.backends import selfcheck
from edge.errors import GateFailed
from edge.registry import Entry

Status = Literal["ok", "absent", "warning", "broken"]
"""The result of a check.

``ok``: it works. ``absent``: it is optional and not installed. ``warning``: it works only in part. ``broken``: it is
required and does not work.
"""


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        subject: what was checked.
        status: the result.
        found: what was found, such as a version.
        mend: the command that repairs it. Empty when nothing has to be repaired.
    """

    subject: str
    status: Status
    found: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the check."""
        return asdict(self)


def version_of(package: str) -> str | None:
    """Return the version of an installed distribution, or None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def python(version: Sequence[int] = sys.version_info[:3]) -> list[Check]:
    """Check that the version of Python is supported."""
    shown = ".".join(map(str, version))
    if (3, 10) <= tuple(version[:2]) <= (3, 13):
        return [Check("python", "ok", shown)]
    return [Check("python", "broken", shown, "make an environment with Python 3.10 to 3.13")]


def numpy(installed: Callable[[str], str | None] = version_of) -> list[Check]:
    """Check that numpy is installed, and that tflite_runtime, if it is installed, works with this version."""
    version = installed("numpy")
    if version is None:
        return [Check("numpy", "broken", "not installed", "pip install edgekit")]
    if int(version.split(".")[0]) >= 2 and installed("tflite-runtime"):
        found = f"{version}, which tflite-runtime {installed('tflite-runtime')} cannot use"
        return [
            Check("numpy", "warning", found, "pip install 'edgekit[tflite-runtime]', or pip uninstall tflite-runtime")
        ]
    return [Check("numpy", "ok", version)]


OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")


def opencv(
    installed: Callable[[str], str | None] = version_of, load: Callable[[], object] | None = None
) -> list[Check]:
    """Check that exactly one OpenCV package is installed, and that it can be imported."""
    here = [f"{name} {installed(name)}" for name in OPENCV if installed(name)]
    found = ", ".join(here) or "no opencv package"
    reinstall = f"pip uninstall -y {' '.join(OPENCV)} && pip install opencv-python-headless"
    try:
        (load or _load_opencv)()
    except ImportError as error:
        return [Check("opencv", "broken", f"{found}, does not load: {error}".splitlines()[0], reinstall)]
    if len(here) > 1:
        return [Check("opencv", "warning", f"{found}: they overwrite each other's files", reinstall)]
    return [Check("opencv", "ok", found if here else "from the system")]


def _load_opencv() -> object:
    import cv2

    return cv2


def runtimes(run: Callable[[str], None] = selfcheck.check) -> list[Check]:
    """Check that each backend is installed and passes its self-check. One that opens .tflite files is required."""
    checks = [_runtime(name, entry, run) for name, entry in backends.BACKENDS.items()]
    working = {check.subject.split()[-1] for check in checks if check.status == "ok"}
    if not working & set(backends.PREFERENCE[".tflite"]):
        checks.append(Check("runtime", "broken", "none that runs .tflite files", "pip install edgekit"))
    return checks


def _runtime(name: str, entry: Entry, run: Callable[[str], None]) -> Check:
    subject, package = f"backend {name}", f"'edgekit[{entry.extra}]'" if entry.extra else "edgekit"
    if entry.missing():
        return Check(subject, "absent", f"not installed ({entry.summary})", f"pip install {package}")
    try:
        version = backends.backend(name).version()
        run(name)
    except (GateFailed, ImportError) as error:
        return Check(subject, "warning", f"fails its self-check: {error}", f"pip install --force-reinstall {package}")
    return Check(subject, "ok", f"{version}, self-check passed")


TRAINING = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "tf2onnx", "onnx")


def training(find: Callable[[str], object] = importlib.util.find_spec) -> list[Check]:
    """Check the packages that edge-train, edge-compress and edge-convert need. A device does not need them."""
    missing = [name for name in TRAINING if find(name) is None]
    if not missing:
        return [Check("training", "ok", f"tensorflow {version_of('tensorflow') or version_of('tensorflow-cpu')}")]
    found = f"lacks {', '.join(missing)} (only to train, compress and convert)"
    return [Check("training", "absent", found, "pip install 'edgekit[train]'")]
