"""How long the service takes from its unit's ExecStart to its first result, told over a NOTIFY_SOCKET of our own.

python -m tests.performance.service_start
"""

import os
import shlex
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from edge.slots import unit
from edge.slots.release import Service
from tests.slots import device

SECONDS = 2.0
RUNS = 5
LONGEST_S = 60.0
SERVICE = Service(arguments=("--source", "synthetic:640x480@30", "--quiet"))


def measure(runs: int = RUNS) -> dict[str, float | bool]:
    """Return the median seconds until READY=1 and until the first result of a released network's service."""
    with tempfile.TemporaryDirectory() as folder:
        app = device.make(Path(folder) / "root")
        device.deploy(app, device.released("mobilenet_v2_cifar10"), service=Service(False, SERVICE.arguments))
        command = _exec_start(unit.text(app, SERVICE))
        found = [_run(command, Path(folder) / "notify") for _ in range(runs + 1)][1:]
    ready, first = (round(statistics.median(column), 3) for column in zip(*found, strict=True))
    return {"ready_s": ready, "first_result_s": first, "passed": first <= SECONDS}


def _exec_start(text: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart="))


def _run(command: list[str], address: Path) -> tuple[float, float]:
    """Return when the service said READY=1, and when its status told of a result, in seconds from its start."""
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(LONGEST_S)
        environment = {**os.environ, "NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "30000000"}
        begin, ready = time.perf_counter(), 0.0
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            try:
                while True:
                    message = manager.recv(4096).decode()
                    if message == "READY=1":
                        ready = time.perf_counter() - begin
                    if message.startswith("STATUS=") and not message.startswith("STATUS=0 "):
                        return ready, time.perf_counter() - begin
            finally:
                process.terminate()


if __name__ == "__main__":
    print(measure())
