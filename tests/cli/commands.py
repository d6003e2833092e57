"""Run a command's ``main`` as a user would, and read what it says."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass


def interruptible() -> None:
    """Let a child take Ctrl-C, also where the tests were started in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Said:
    """code: of the exit. out, err: lines."""

    code: int
    out: list[str]
    err: list[str]


def run(command, capsys, *arguments) -> Said:
    """Call ``command.main`` in this process; a parser's exit counts as its code."""
    capsys.readouterr()
    try:
        code = command.main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    shown = capsys.readouterr()
    return Said(code, shown.out.splitlines(), shown.err.splitlines())


def complaint(said: Said, prog: str) -> str:
    """Return the one line with which a command ended, having checked that it is the only one and the last."""
    lines = [line for line in said.err if line.startswith(f"{prog}: ")]
    assert len(lines) == 1, said.err
    assert said.err[-1] == lines[0]
    assert "Traceback" not in "\n".join(said.err)
    return lines[0].removeprefix(f"{prog}: ")


def imported_by_help(module: str) -> list[str]:
    """Return which heavy modules ``MODULE --help`` imports."""
    code = (
        f"import sys, json, {module} as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps([m for m in ('numpy', 'cv2', 'tensorflow', 'tf_keras', 'keras') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
