"""Run commands as child processes. Their lines are marked and passed on; a failure or Ctrl-C ends the chain."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from edge.device import usable_cores
from edge.errors import GateFailed
from tools.plans import Step

_modules = {"edge-train": "train", "edge-compress": "compress", "edge-convert": "convert"}
_modules |= {"edge-bench": "bench", "edge-camera": "camera"}


class Runner:
    """It runs steps, and remembers its child processes so that it can end them."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._unfinished = 0

    def chains(self, chains: Sequence[tuple[str, Iterable[Step]]], together: bool) -> None:
        """Run chains of steps.

        Args:
            chains: name and steps of each chain.
            together: whether to run the chains at the same time. Each has one core while there are others.

        Raises:
            GateFailed: a step failed.
        """
        workers = min(len(chains), usable_cores()) if together else 1
        self._unfinished = len(chains) if workers > 1 else 1
        pool = ThreadPoolExecutor(workers)
        try:
            running = [pool.submit(self._chain, name, steps) for name, steps in chains]
            for future in running:
                future.result()
        except BaseException:
            self._end()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _chain(self, name: str, steps: Iterable[Step]) -> None:
        for step in steps:
            if not step.done.exists():
                self.run(name, step, alone=self._unfinished <= 1)
        with self._lock:
            self._unfinished -= 1

    def run(self, name: str, step: Step, alone: bool = True) -> None:
        """Run one step and pass its output on to stdout.

        Args:
            name: what stands before each line.
            step: the step.
            alone: whether it may use all cores.

        Raises:
            GateFailed: the step failed.
        """
        resume = ("--resume",) if step.resumable and step.done.parent.exists() else ()
        argv = (*step.argv, *resume)
        self._print(name, f"$ {' '.join(argv)}")
        limits = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", f"edge.cli.{_modules[argv[0]]}", *argv[1:]]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **({} if alone else limits)},
        ) as child:
            self._children.append(child)
            assert child.stdout is not None
            for line in child.stdout:
                self._print(name, line.rstrip())
        if child.returncode:
            raise GateFailed(f"{argv[0]} ended with exit code {child.returncode}: {' '.join(argv)}")

    def _print(self, name: str, line: str) -> None:
        with self._lock:
            print(f"{name:14}| {line}", flush=True)

    def _end(self) -> None:
        for child in self._children:
            if child.poll() is None:
                child.terminate()
