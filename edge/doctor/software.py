"""The checks of this Python: where it comes from, its packages, and the runtimes."""

import importlib.util
import re
import site
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from edge.doctor.check import Check

Installed = Callable[[str], str | None]


def version_of(package: str) -> str | None:
    """Return the version of an installed distribution, or None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def python(version: Sequence[int] = sys.version_info[:3]) -> list[Check]:
    """Check that the version of Python is supported, and say which one it is."""
    shown = f"{'.'.join(map(str, version))}, {interpreter(sys.prefix, sys.base_prefix)}"
    if (3, 10) <= tuple(version[:2]) <= (3, 13):
        return [Check("python", "ok", shown)]
    return [Check("python", "broken", shown, "make an environment with Python 3.10 to 3.13")]


def interpreter(prefix: str, base: str) -> str:
    """Return where an interpreter comes from, in words.

    Args:
        prefix: ``sys.prefix``.
        base: ``sys.base_prefix``, which differs in a virtual environment.
    """
    if prefix == base:
        return f"the system's {sys.executable}"
    try:
        config = (Path(prefix) / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        config = ""
    shared = re.search(r"^include-system-site-packages\s*=\s*true", config, re.MULTILINE | re.IGNORECASE)
    return f"virtual environment {prefix}{', with the system packages' if shared else ''}"


def origin(module: str) -> str:
    """Return where a module would be imported from: this environment, the user's folder or the system."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    if spec is None or not spec.origin:
        return ""
    if spec.origin.startswith(site.getusersitepackages()):
        return "from the user's folder (pip --user)"
    return "from the system" if "/dist-packages/" in spec.origin else ""


def numpy(installed: Installed = version_of) -> list[Check]:
    """Check that numpy is installed, and that tflite_runtime, if it is installed, works with this version."""
    version = installed("numpy")
    if version is None:
        return [Check("numpy", "broken", "not installed", "pip install edgekit")]
    if int(version.split(".")[0]) >= 2 and installed("tflite-runtime"):
        found = f"{version}, which tflite-runtime {installed('tflite-runtime')} cannot use"
        return [
            Check("numpy", "warning", found, "pip install 'edgekit[tflite-runtime]', or pip uninstall tflite-runtime")
        ]
    return [Check("numpy", "ok", " ".join(filter(None, (version, origin("numpy")))))]


OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
_ASK = "import cv2; print(cv2.getBuildInformation())"


def opencv(installed: Installed = version_of, ask: Callable[[], str] | None = None) -> list[Check]:
    """Check that exactly one OpenCV package is installed and can be imported, and say what it was built with.

    Args:
        installed: returns the version of a distribution.
        ask: returns OpenCV's description of its build. Raises ImportError with the reason when it cannot be imported.
    """
    here = [f"{name} {installed(name)}" for name in OPENCV if installed(name)]
    found = ", ".join(here) or "no opencv package"
    reinstall = f"pip uninstall -y {' '.join(OPENCV)} && pip install opencv-python-headless"
    try:
        built = _build((ask or _ask_opencv)())
    except ImportError as error:
        return [Check("opencv", "broken", f"{found}, does not load: {error}".splitlines()[0], reinstall)]
    if len(here) > 1:
        return [Check("opencv", "warning", f"{found}: they overwrite each other's files", reinstall)]
    return [Check("opencv", "ok", ", ".join(filter(None, (found if here else "from the system", built))))]


def _ask_opencv() -> str:
    """Import OpenCV in a process of its own: one that was built for another processor ends the process."""
    try:
        done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImportError(str(error)) from error
    if done.returncode < 0:
        raise ImportError(f"it crashed with signal {-done.returncode}: it is built for another processor")
    if done.returncode:
        raise ImportError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return done.stdout


def _build(information: str) -> str:
    """Return the parts of OpenCV's build that matter for cameras and speed."""
    said = {}
    for name in ("FFMPEG", "GStreamer"):
        found = re.search(rf"^\s*{name}:\s*(YES|NO)", information, re.MULTILINE)
        if found:
            said[name] = f"{'with' if found[1] == 'YES' else 'without'} {name}"
    neon = "NEON" if re.search(r"^\s*(?:Baseline|requested):.*\bNEON\b", information, re.MULTILINE) else ""
    return ", ".join(filter(None, (*said.values(), neon)))


TRAINING = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "tf2onnx", "onnx")


def training(find: Callable[[str], object] = importlib.util.find_spec) -> list[Check]:
    """Check the packages that edge-train, edge-compress and edge-convert need. A device does not need them."""
    missing = [name for name in TRAINING if find(name) is None]
    if not missing:
        return [Check("training", "ok", f"tensorflow {version_of('tensorflow') or version_of('tensorflow-cpu')}")]
    found = f"lacks {', '.join(missing)} (only to train, compress and convert)"
    return [Check("training", "absent", found, "pip install 'edgekit[train]'")]
