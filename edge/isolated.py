"""A model that runs in a worker process, so that a runtime that crashes or hangs does not end the camera.

    backend = Isolated(backends.for_file(path))
    session = Session(runnable, backend, threads, options)

A second worker, the spare, has opened the same file already. When the first one dies, or takes longer than
``IsolationOptions`` allow, the spare takes its place at once, and a new spare is started. The run that was lost raises
BrokenOutput, which the loop makes a result with a fault.
"""

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.backends import _opening
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.backends.choice import FirstThatOpens
from edge.backoff import DEFAULT as BACKOFF
from edge.backoff import Backoff
from edge.errors import BrokenOutput, DeviceError, EdgeError, InputError
from edge.reports import Report, to_stderr
from edge.tensors import Array
from edge.worker import CLOSE_SECONDS, Request, Worker, WorkerLost

KEPT_RUNS = 101
"""How many of the latest runs the median is of."""

CALM_RUNS = 10
"""A worker that is lost after so many runs counts as the first failure in a row."""


@dataclass(frozen=True)
class IsolationOptions:
    """When a worker counts as hung, and how its place is filled.

    Attributes:
        hang_seconds: the least time that a run may take, in seconds.
        hang_factor: how many times the median of the latest runs a run may take.
        wait_seconds: how long a run waits for a worker when there is no spare, in seconds.
        spare: whether a second worker waits, which needs the model's memory twice.
        backoff: the waits before a new worker is started, after failures in a row.
    """

    hang_seconds: float = 1.0
    hang_factor: float = 10.0
    wait_seconds: float = 1.0
    spare: bool = True
    backoff: Backoff = BACKOFF

    def __post_init__(self) -> None:
        """Raise InputError for a time that is not positive."""
        for name in ("hang_seconds", "hang_factor", "wait_seconds"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be more than 0, got {getattr(self, name)}")


ISOLATION = IsolationOptions()


class Isolated(Backend):
    """A runtime whose models run in worker processes.

    Attributes:
        refusals: what the runtimes that were tried before said of the file.
    """

    def __init__(self, backend: Backend, options: IsolationOptions = ISOLATION, report: Report = to_stderr) -> None:
        """Wrap a runtime.

        Args:
            backend: the runtime. One of an accelerator gets no spare, because only one process can open a device.
            options: when a worker counts as hung.
            report: takes a line for each new reason for which a worker was replaced.
        """
        self._backend, self._options, self._report = backend, options, report
        self.name, self.formats, self.targets = backend.name, backend.formats, backend.targets
        self.refusals: Mapping[str, str] = {}

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend.

        Raises:
            DeviceError: the worker died while it opened the file.
        """
        _opening.readable(path)
        name = None if isinstance(self._backend, FirstThatOpens) else self._backend.name
        try:
            first = Worker(Request(path, name, options.threads, options.device))
        except WorkerLost as error:
            raise DeviceError(f"model {path} cannot be opened in a worker process: it {error}") from error
        self.name, self.refusals = first.backend, first.refusals
        request = Request(path, first.backend, options.threads, options.device)
        spare = self._options.spare and self.targets == ("cpu",)
        return IsolatedModel(first, lambda: Worker(request), spare, self._options, self._report)

    def version(self) -> str:
        """See Backend."""
        return self._backend.version()


class IsolatedModel(Model):
    """A model in a worker process.

    Attributes:
        restarts: how often a worker was replaced.
    """

    def __init__(
        self,
        first: Worker,
        start: Callable[[], Worker],
        spare: bool,
        options: IsolationOptions = ISOLATION,
        report: Report = to_stderr,
    ) -> None:
        """Start the spare in the background.

        Args:
            first: the worker that runs the model.
            start: starts another worker. It is called in a thread of its own.
            spare: whether a worker is started before it is needed.
            options: when a worker counts as hung.
            report: takes a line for each new reason for which a worker was replaced.
        """
        self.inputs, self.outputs, self.restarts = first.inputs, first.outputs, 0
        self._start, self._options, self._report, self._keeps_spare = start, options, report, spare
        self._worker: Worker | None = first
        self._times: deque[float] = deque([first.seconds], KEPT_RUNS)
        self._calm, self._told, self._trouble = 0, "", ""
        # What follows is shared with the thread that starts workers, under the condition's lock.
        self._changed = threading.Condition()
        self._spare: Worker | None = None
        self._lost: list[Worker] = []
        self._failures, self._wanted, self._closed = 0, spare, False
        self._keeper = threading.Thread(target=self._keep, name="spare worker", daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int | None:
        """The number of the process that runs the model; None while there is none."""
        return self._worker.pid if self._worker is not None else None

    @property
    def limit(self) -> float:
        """The longest time that a run may take, in seconds."""
        return max(self._options.hang_seconds, self._options.hang_factor * statistics.median(self._times))

    def ready(self, timeout: float | None = None) -> bool:
        """Wait until the spare is there, and return whether it is.

        Args:
            timeout: in seconds; None waits for ever.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._spare is not None or self._closed, timeout)
            return self._spare is not None

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """See Model.

        Raises:
            BrokenOutput: the worker died or hung in this run, or there is none yet.
        """
        if self._closed:
            raise _opening.closed()
        _opening.check_inputs(self.inputs, arrays)
        if self._worker is None and not self._take_spare(self._options.wait_seconds):
            raise BrokenOutput(f"no result: there is no worker yet, because the last one {self._trouble}")
        worker, start = self._worker, time.perf_counter()
        assert worker is not None
        try:
            found = worker.run(arrays, self.limit)
        except WorkerLost as error:
            self._replace(worker, str(error))
            raise BrokenOutput(f"no result: the worker process {error}; another one goes on") from error
        self._times.append(time.perf_counter() - start)
        self._calm += 1
        return found

    def close(self) -> None:
        """See Model. The processes have ended when it returns, but for one that is being started."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._keeper.join(2 * CLOSE_SECONDS)
        for worker in (self._worker, self._spare):
            if worker is not None:
                worker.end()

    def _replace(self, worker: Worker, reason: str) -> None:
        """Let the spare take the place of a lost worker, if it is ready, and ask for a new one."""
        worker.kill()
        self.restarts += 1
        self._trouble = reason
        with self._changed:
            self._failures = 1 if self._calm >= CALM_RUNS else self._failures + 1
            self._lost.append(worker)
            self._wanted = True
            self._changed.notify_all()
        self._calm, self._worker = 0, None
        self._take_spare(0)
        self._tell(f"the worker process of {worker.backend} {reason}; another one goes on")

    def _take_spare(self, timeout: float) -> bool:
        """Let the spare run the model, and return whether there was one in time."""
        if not self.ready(timeout):
            return False
        with self._changed:
            self._worker, self._spare = self._spare, None
            self._wanted = self._keeps_spare
            self._changed.notify_all()
        return True

    def _tell(self, line: str) -> None:
        """Report a line, unless it is the one of the last time."""
        if line != self._told:
            self._told = line
            self._report(line)

    def _keep(self) -> None:
        """Start workers when they are wanted, and reap the lost ones. It runs in a thread of its own."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted or self._lost)
                lost, self._lost = self._lost, []
                wanted, closed, failures = self._wanted, self._closed, self._failures
            for worker in lost:
                worker.end()
            if closed:
                return
            if wanted:
                self._fill(failures)

    def _fill(self, failures: int) -> None:
        """Start a worker, at once after the first failure, and after longer waits the more there are in a row."""
        with self._changed:
            wait = self._options.backoff.delay(failures - 1) if failures > 1 else 0
            if wait and self._changed.wait_for(lambda: self._closed, wait):
                return
        try:
            worker = self._start()
        except (WorkerLost, EdgeError) as error:
            self._trouble = str(error)
            with self._changed:
                self._failures += 1
            self._tell(f"a worker process cannot be started again: {error}")
            return
        with self._changed:
            if not self._closed:
                self._spare, self._wanted = worker, False
                self._changed.notify_all()
                return
        worker.end()
