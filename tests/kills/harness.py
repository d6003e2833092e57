"""Kill a command at many moments, and check after each one what it left behind.

The moments are spread over the command's own duration, which is measured first. A command that prints the line READY
is killed only from then on, so that the start of its interpreter takes no part.
"""

import os
import random
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

READY = "ready"
MEASURED = 3
BEYOND = 1.05
"""How far beyond the command's usual duration the last moment lies, so that its very end is met too."""

TIMEOUT_S = 300


@dataclass(frozen=True)
class Kills:
    """What happened.

    Attributes:
        killed: how many runs were killed.
        finished: how many runs ended before their moment came.
        duration_s: the median duration of undisturbed runs, from READY if it prints that.
    """

    killed: int
    finished: int
    duration_s: float


@dataclass(frozen=True)
class Command:
    """A command to kill.

    Attributes:
        argv: the program and its arguments.
        prints_ready: whether it prints the line READY when what can be killed begins.
        environment: variables besides those of this process.
        folder: where it runs. None is the folder of this process.
    """

    argv: Sequence[str | Path]
    prints_ready: bool = False
    environment: Mapping[str, str] | None = None
    folder: Path | None = None

    def start(self) -> "subprocess.Popen[str]":
        """Start it in a process group of its own, and wait for READY."""
        process = subprocess.Popen(
            [str(part) for part in self.argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self.prints_ready else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
            env={**os.environ, **(self.environment or {})},
            start_new_session=True,
        )
        if self.prints_ready and (line := process.stdout.readline().strip()) != READY:
            kill(process)
            raise AssertionError(f"{self.argv} must print {READY!r} first, got {line!r}")
        return process


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill a process with its children, and wait for its end."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(TIMEOUT_S)
    if process.stdout is not None:
        process.stdout.close()


def finish(process: "subprocess.Popen[str]", timeout_s: float = TIMEOUT_S) -> float:
    """Wait until a run succeeds by itself, and return how many seconds that took.

    Raises:
        TimeoutExpired: it still runs.
        AssertionError: it failed.
    """
    start = time.perf_counter()
    code = process.wait(timeout_s)
    if process.stdout is not None:
        process.stdout.close()
    assert code == 0, f"{process.args} ended with {code} without being killed"
    return time.perf_counter() - start


def run(command: Command) -> float:
    """Run a command undisturbed, and return how many seconds it took from READY on."""
    process = command.start()
    try:
        return finish(process)
    except subprocess.TimeoutExpired:
        kill(process)
        raise


def kill_at_random_moments(
    command: Command, check: Callable[[], None], count: int, seed: int, reset: Callable[[], None] | None = None
) -> Kills:
    """Run a command ``count`` times, kill each run at another moment, and check what is left.

    Args:
        command: what to run. Undisturbed it ends with exit code 0.
        check: raises when what the run left is not right. It is called after every run.
        count: how many runs.
        seed: of the order of the moments and their place in their share of the duration.
        reset: puts things back before each run. None leaves them as the run before left them.
    """
    reset = reset or (lambda: None)

    def undisturbed() -> float:
        reset()
        seconds = run(command)
        check()
        return seconds

    durations = [undisturbed() for _ in range(MEASURED)]
    draw = random.Random(seed)
    fractions = [(number + draw.random()) / count * BEYOND for number in range(count)]
    draw.shuffle(fractions)
    killed = 0
    for number, fraction in enumerate(fractions, start=1):
        if number % max(5, count // 20) == 0:  # a machine may be busy for a while
            durations.append(undisturbed())
        reset()
        process = command.start()
        try:
            finish(process, fraction * statistics.median(durations[-MEASURED:]))
        except subprocess.TimeoutExpired:
            kill(process)
            killed += 1
        check()
    return Kills(killed, count - killed, statistics.median(durations))
