"""``libedgetpu``, the library that drives a Coral Edge TPU: where it is, which one it is, and how to get one that fits.

Google's archive has version 16.0 of 2021, which was built for TensorFlow 2.5. A delegate hands structures to the
interpreter that have grown since, and with a library of that time the process ends by a signal
(https://github.com/google-coral/edgetpu/issues/812). Builds for today's runtimes name their TensorFlow in the version.
"""

import ctypes
import os
import re
from pathlib import Path

from edge.errors import DeviceError

NAME = "libedgetpu.so.1"
VARIABLE = "EDGE_LIBEDGETPU"
"""The environment variable with the path of another library."""

PACKAGE = "libedgetpu1-std"
FITTING = "16.0tf2.19.1"
"""The version to install, which people use with today's Python. Newer ones should do too."""

ROUTE = (
    f"download {PACKAGE} {FITTING} or newer for your system from https://github.com/feranick/libedgetpu/releases, "
    f"then: sudo apt install ./{PACKAGE}_*.deb"
)

_ENTRY_POINTS = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")
_STATUS = "var/lib/dpkg/status"
_ENTRY = b"\nPackage: libedgetpu1-"


def chosen(delegate: Path | None) -> str:
    """Return the library to load: ``delegate``, else that of the environment, else the system's."""
    return str(delegate or os.environ.get(VARIABLE) or NAME)


def load(library: str) -> ctypes.CDLL:
    """Load the library and check that it can be used with this runtime.

    Args:
        library: a path, or a name that the system's loader finds.

    Raises:
        DeviceError: it is missing, for another processor, something else, or too old.
    """
    if library == NAME and (version := packaged()) and built_for_old_runtimes(version):
        raise DeviceError(
            f"{NAME} {version} was built for the runtimes of 2021, and today's would end by a signal with it: {ROUTE}"
        )
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        raise DeviceError(_why_not(library, str(error))) from error
    lacking = [name for name in _ENTRY_POINTS if not hasattr(loaded, name)]
    if lacking:
        raise DeviceError(f"{library} is not libedgetpu: it has no {lacking[0]}; {ROUTE}")
    return loaded


def _why_not(library: str, reason: str) -> str:
    """Return the line for the loader's message, which begins with the file that it means."""
    file = reason.split(":")[0]
    if Path(file).name != Path(library).name and "cannot open shared object file" in reason:
        return f"{library} needs {file}, which is not installed: sudo apt install libusb-1.0-0"
    if "No such file" in reason:
        return f"{library} is not installed: {ROUTE}"
    return f"{library} cannot be loaded, is it for another processor? {reason}: {ROUTE}"


def version(loaded: ctypes.CDLL) -> str:
    """Return what the library says of its version, such as ``RuntimeVersion(14)``; empty when it says nothing."""
    if not hasattr(loaded, "edgetpu_version"):
        return ""
    loaded.edgetpu_version.restype = ctypes.c_char_p
    said = loaded.edgetpu_version() or b""
    found = re.search(rb"RuntimeVersion\(\d+\)", said)
    return (found[0] if found else said[:80]).decode("ascii", "replace")


def packaged(root: Path = Path("/")) -> str | None:
    """Return the version of Debian's package of the library, or None when it did not come as a package.

    Args:
        root: the folder in which ``var/lib/dpkg/status`` is read.
    """
    try:
        status = b"\n" + (root / _STATUS).read_bytes() if (root / _STATUS).is_file() else b""
    except OSError:
        return None
    start = status.find(_ENTRY)
    while start >= 0:
        end = status.find(b"\n\n", start + 1)
        entry = status[start : end if end >= 0 else len(status)]
        found = re.search(rb"^Version: (\S+)", entry, re.MULTILINE)
        if found and b"\nStatus: install ok installed" in entry:
            return found[1].decode("ascii", "replace")
        start = status.find(_ENTRY, start + 1)
    return None


def built_for_old_runtimes(version: str) -> bool:
    """Return whether a package's version names no TensorFlow, as those of 2021 and before."""
    return "tf" not in version.lower()
