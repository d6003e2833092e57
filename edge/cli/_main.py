"""Code that all commands share. ``run`` turns exceptions into one line and an exit code."""

import argparse
import ast
import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from edge.errors import EdgeError, FileError

DONE, FAILED, USAGE, UNEXPECTED, INTERRUPTED = 0, 1, 2, 3, 130

WORKSTATION_PARTS = ("edge.calibration", "edge.deploy", "edge.models")
"""The parts of the package that a device's runtime leaves out."""

ON_A_WORKSTATION = "run this command on a workstation, with the whole package"

USUAL_COLUMNS = 80
"""Columns of what is no terminal, as ``shutil.get_terminal_size`` has them."""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of a command's examples.

    argparse would ask ``shutil`` for the terminal's width when an option is added, and import all compressors with it,
    which takes 3 ms of every start.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """Return the width of the terminal."""
    if (given := os.environ.get("COLUMNS", "")).isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or USUAL_COLUMNS  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):  # closed, or no terminal
        return USUAL_COLUMNS


Body = Callable[[argparse.Namespace], int | None]


def run(parser: argparse.ArgumentParser, body: Body, argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    An exception becomes one line on stderr. With EDGE_DEBUG=1 it is raised with its traceback.

    Args:
        parser: the command's parser.
        body: runs the command. It takes the parsed arguments and returns an exit code, or None for 0.
        argv: the arguments. None takes those of the process.

    Returns:
        0 done, 1 a gate or check failed, 2 bad usage or input, 3 unexpected error, 130 interrupted.
    """
    arguments = parse(parser, argv)
    try:
        return body(arguments) or DONE
    except KeyboardInterrupt:
        return _report(parser.prog, "interrupted", INTERRUPTED)
    except EdgeError as error:
        _raise_when_debugging()
        return _report(parser.prog, str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        _raise_when_debugging()
        return _report(parser.prog, _os_error_line(error), USAGE)
    except Exception as error:  # every other exception becomes one line and an exit code
        _raise_when_debugging()
        if _is_interrupted(error):
            return _report(parser.prog, "interrupted", INTERRUPTED)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
        said = lines[-1][:300]
        if isinstance(error, ImportError) and not (error.name or "").startswith("edge"):
            return _report(
                parser.prog, f"a package cannot be imported: {said}; install it and what it needs again", USAGE
            )
        if isinstance(error, ModuleNotFoundError) and error.name in WORKSTATION_PARTS:
            return _report(
                parser.prog, f"{error.name} is not installed: a device has the runtime only; {ON_A_WORKSTATION}", USAGE
            )
        hint = "set EDGE_DEBUG=1 for the traceback"
        return _report(parser.prog, f"unexpected {type(error).__name__}: {said}; {hint}", UNEXPECTED)


def _is_interrupted(error: BaseException | None) -> bool:
    """Return whether Ctrl-C came before an error: a zip that was being written cannot be closed then."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse arguments; wrong ones end the process with one line."""
    parser.error = partial(_usage_error, parser.prog)  # type: ignore[method-assign]
    return parser.parse_args(argv)


def _usage_error(prog: str, message: str) -> NoReturn:
    """Exit with one line. argparse would print all options before it."""
    raise SystemExit(_report(prog, f"error: {message}; see {prog} --help", USAGE))


def _raise_when_debugging() -> None:
    if os.environ.get("EDGE_DEBUG") == "1":
        raise  # noqa: PLE0704 - re-raises the exception that the caller is handling


def _os_error_line(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _report(prog: str, line: str, code: int) -> int:
    from edge.labels import printable  # only an error needs it

    print(f"{prog}: {printable(line)}", file=sys.stderr)
    return code


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json FILE``."""
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the result as JSON to FILE")


def numbers(text: str) -> tuple[float, ...]:
    """Parse the value of ``--mean`` or ``--std``: one number, or three numbers for three channels.

    Raises ArgumentTypeError, which argparse shows, for any other text and for NaN and infinity.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or not all(map(math.isfinite, found)):
        raise argparse.ArgumentTypeError(f"expected one number or three separated by commas, got {text!r}")
    return found


def named_value(text: str) -> tuple[str, Any]:
    """Parse ``NAME=VALUE``. The value is a Python literal, such as 3, True or (8, 16), or else text.

    Raises ArgumentTypeError, which argparse shows, when there is no name.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def write_json(path: Path | None, content: Any) -> None:
    """Write JSON to a file, completely or not at all. NaN and infinity become null.

    Args:
        path: the file. None writes nothing.
        content: values that ``json`` can write.

    Raises:
        FileError: the file cannot be written.
    """
    if path is None:
        return
    import json  # few runs write one

    from edge.files import replaced
    from edge.json_values import finite

    try:
        with replaced(path) as temporary:
            temporary.write_text(json.dumps(finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error


def progress(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that shows the progress: one updated line on a terminal, else four lines."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        quarter = 4 * done // max(1, total)
        if sys.stderr.isatty():
            print(f"\r{what} {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif quarter != shown:
            print(f"{what} {done}/{total}", file=sys.stderr, flush=True)
        shown = quarter

    return show


def quiet_tensorflow() -> None:
    """Import TensorFlow with Keras 2, without its messages. Raises MissingExtra when it is not installed."""
    from edge.deploy._tensorflow import need

    if "tensorflow" not in sys.modules:  # the import takes many seconds on a busy machine
        print("loading TensorFlow", file=sys.stderr, flush=True)
    need("tensorflow")
    need("tf_keras")
