"""The sink ``hook`` runs a shell command when an event begins.

The command gets the event's JSON object on stdin, and some of it in variables of the environment: ``EDGE_TRIGGER``,
``EDGE_PHASE``, ``EDGE_SOURCE``, ``EDGE_FRAME``, ``EDGE_LABEL`` and ``EDGE_SCORE`` (of the best prediction). Nothing of
an event becomes a part of the command line, because labels and names come from outside.
"""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from edge.errors import FileError, InputError
from edge.sinks.acting import TriggerOptions, Watch, as_json
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.outbox import Outbox
from edge.sinks.trigger import Activity

MOST_OF_OUTPUT = 4096
"""The bytes of a command's output that are kept for the message of an error: the last ones."""

LONGEST_VARIABLE = 4096
"""The most characters of a variable. Linux starts no program with one of more than 131071 bytes."""

STEP_SECONDS = 0.05
END_SECONDS = 3.0
"""How long a command may go on after the run has ended."""


@dataclass(frozen=True)
class HookOptions(TriggerOptions):
    """How the command is run.

    Attributes:
        also_end: whether the command is run at the end of an event too. ``EDGE_PHASE`` is then ``end``.
        timeout: the time in seconds after which a command is killed, with all processes that it started.
        at_once: the most commands that run at the same time.
        queue: the most events that wait. A new one replaces the oldest, which is counted as lost.
    """

    also_end: bool = False
    timeout: float = 30.0
    at_once: int = 2
    queue: int = 16

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        super().__post_init__()
        for name, most in (("timeout", 3600), ("at_once", 16), ("queue", 1000)):
            if not 0 < getattr(self, name) <= most:
                raise InputError(f"{name} must be above 0 and at most {most}, got {getattr(self, name)}")


class Call(NamedTuple):
    """One run of the command.

    Attributes:
        content: what is written to stdin.
        variables: what is added to the environment.
    """

    content: bytes
    variables: dict[str, str]


class Hook(Sink):
    """Runs the command with ``/bin/sh -c`` in threads of its own. A command that fails is reported with its output."""

    name = "hook"
    lossless = True
    on_error: OnError = "retry"
    Options = HookOptions

    def __init__(self, target: str, context: Context, options: HookOptions = HookOptions()) -> None:
        """Take the command. Raises InputError for an empty one."""
        if not target.strip() or "\0" in target:
            raise InputError(f"the hook must be a shell command, got {target!r}")
        self._command, self._options = target, options
        self._watch = Watch(context, options)
        self._outbox: Outbox[Call] = Outbox(self.name, self._run, context.stats, options.queue, options.at_once)

    def emit(self, event: Event) -> None:
        """See Sink."""
        _, _, activity = self._watch(event)
        if activity.phase == "begin" or (activity.phase == "end" and self._options.also_end):
            content = json.dumps(as_json(event, activity), ensure_ascii=False, allow_nan=False)
            self._outbox.put(Call(f"{content}\n".encode("utf-8", "backslashreplace"), _variables(event, activity)))

    def close(self) -> None:
        """Wait for the commands that run, and kill those that do not end."""
        self._outbox.close()

    def _run(self, call: Call) -> None:
        """Run the command once. Raises FileError when it fails or takes too long."""
        begun = time.monotonic()
        with tempfile.TemporaryFile() as stdin:  # a pipe would wait for a command that does not read
            stdin.write(call.content)
            stdin.seek(0)
            with subprocess.Popen(
                ["/bin/sh", "-c", self._command],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **call.variables},
                start_new_session=True,
            ) as process:
                output, code = self._wait(process)
        if code is None:
            late = time.monotonic() - begun >= self._options.timeout
            why = f"took more than {self._options.timeout:g} s" if late else "still ran at the end of the run"
            raise FileError(f"the command {why} and was killed{_said(output)}")
        if code:
            raise FileError(f"the command ended with exit code {code}{_said(output)}")

    def _wait(self, process: "subprocess.Popen[bytes]") -> tuple[bytes, int | None]:
        """Return the end of the output, and the exit code; None when the process had to be killed."""
        output, deadline = b"", time.monotonic() + self._options.timeout
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)
        open_ = True
        while (code := process.poll()) is None and time.monotonic() < deadline:
            if open_ and select.select([pipe], [], [], STEP_SECONDS)[0]:
                read = os.read(pipe, 1 << 16)
                open_, output = bool(read), (output + read)[-MOST_OF_OUTPUT:]
            elif not open_:
                time.sleep(STEP_SECONDS)
            if self._outbox.ending.is_set():
                deadline = min(deadline, time.monotonic() + END_SECONDS)
        if code is None:
            _kill_group(process)
            process.wait()
        with suppress(BlockingIOError):
            output += os.read(pipe, 1 << 16) if open_ else b""
        return output[-MOST_OF_OUTPUT:], code


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it started. It leads a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _said(output: bytes) -> str:
    text = " ".join(output.decode("utf-8", "replace").split())
    return f": {text[-300:]}" if text else ""


def _variables(event: Event, activity: Activity) -> dict[str, str]:
    result = event.result
    best: Any = result.predictions[0] if result.predictions else None
    found = {
        "EDGE_TRIGGER": "" if activity.cause is None else str(activity.cause),
        "EDGE_PHASE": activity.phase,
        "EDGE_SOURCE": result.source,
        "EDGE_FRAME": str(result.frame),
        "EDGE_LABEL": best.label if best else "",
        "EDGE_SCORE": f"{best.score:.4f}" if best else "",
    }
    return {name: _variable(value) for name, value in found.items()}


def _variable(text: str) -> str:
    """Return a text that the environment can hold: not too long, without zero bytes and lone surrogates."""
    return text[:LONGEST_VARIABLE].replace("\0", "").encode("utf-8", "backslashreplace").decode()
