"""What a device is like before there is a runtime on it. It is sent over SSH and run by the device's own python3.

It needs the standard library alone, of Python 3.6 or newer, so that even a device that is too old says so itself.
"""

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import time


def existing(path: str) -> str:
    """Return the nearest folder above ``path``, or itself, that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def may_write(path: str) -> str:
    """Return whether this user can make a folder there."""
    try:
        os.makedirs(path, exist_ok=True)
        probe = os.path.join(path, f".probe-{os.getpid()}")
        os.mkdir(probe)
        os.rmdir(probe)
        return ""
    except OSError as error:
        return error.strerror or str(error)


def remove_empty(path: str, above: str) -> None:
    """Remove ``path`` and what lies between it and ``above``, as far as it is empty."""
    while path != above:
        try:
            os.rmdir(path)
        except OSError:
            return
        path = os.path.dirname(path)


def may_become_root() -> str:
    """Return why sudo does not work without a password; an empty text where it does."""
    if shutil.which("sudo") is None:
        return "there is no sudo"
    done = subprocess.Popen(["sudo", "-n", "true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.communicate()[1].decode(errors="replace").strip().splitlines()
    return "" if done.returncode == 0 else (said[-1] if said else "sudo refuses")


def runtime_version(root: str) -> str:
    """Return the name of the runtime that the agent runs in."""
    link = os.path.join(root, "runtime")
    return os.path.basename(os.path.realpath(link)) if os.path.isdir(os.path.join(link, "bin")) else ""


def trusts(root: str) -> bool:
    """Return whether there are trusted keys, or only signed bundles are opened."""
    try:
        names = os.listdir(os.path.join(root, "trust"))
    except OSError:
        return False
    return any(name.endswith(".pub") or name == "signed-only" for name in names)


def examined(root: str) -> float:
    """Return how many seconds ago edge-doctor last examined the device; -1 for never."""
    try:
        return max(0.0, time.time() - os.stat(os.path.join(root, "runtime", "doctor.json")).st_mtime)
    except OSError:
        return -1.0


def complete(root: str) -> "list[str]":
    """Return the names of the runtimes that are whole."""
    try:
        names = os.listdir(os.path.join(root, "runtimes"))
    except OSError:
        return []
    return [n for n in names if os.path.exists(os.path.join(root, "runtimes", n, "complete"))]


def main() -> None:
    """Print the facts as one line of JSON."""
    root = sys.argv[1]
    above = existing(root)
    refusal = may_write(root)
    facts = {
        "machine": platform.machine(),
        "bits": struct.calcsize("P") * 8,
        "libc": "".join(platform.libc_ver()),
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "has_venv": venv_works(),
        "root_refused": refusal,
        "sudo_refused": may_become_root() if refusal or os.geteuid() != 0 else "",
        "is_root": os.geteuid() == 0,
        "has_systemd": shutil.which("systemctl") is not None,
        "free_bytes": shutil.disk_usage(existing(root)).free,
        "time": time.time(),
        "runtime": runtime_version(root),
        "complete": complete(root),
        "trusts": trusts(root),
        "examined_s": examined(root),
        "model": model(),
    }
    remove_empty(root, above)  # a probe leaves nothing behind
    print(json.dumps(facts))


def venv_works() -> bool:
    """Return whether this Python can make virtual environments: Debian keeps that in python3-venv."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def model() -> str:
    """Return what the maker calls the board."""
    try:
        with open("/proc/device-tree/model", "rb") as file:
            return file.read().decode(errors="replace").strip("\0 \n")
    except OSError:
        return platform.machine()


if __name__ == "__main__":
    main()
