"""How long a command takes to print its help, as a process of its own."""

import statistics
import subprocess
import sys
import time

RUNS = 7


def measure(command: str = "camera") -> dict[str, float]:
    """Return the median and the worst of RUNS, in seconds, after one run that fills the caches."""
    argv = [sys.executable, "-m", f"edge.cli.{command}", "--help"]
    seconds = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return {"median_s": round(statistics.median(seconds[1:]), 3), "worst_s": round(max(seconds[1:]), 3)}
