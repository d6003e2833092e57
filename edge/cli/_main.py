"""What every command shares: one place that turns exceptions into a line and an exit code."""

import argparse
import ast
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from edge.errors import EdgeError, FileError

DONE, FAILED, USAGE, UNEXPECTED, INTERRUPTED = 0, 1, 2, 3, 130

FORMATTER = argparse.RawDescriptionHelpFormatter
"""It keeps the lines of a command's examples."""

Body = Callable[[argparse.Namespace], int | None]


def run(parser: argparse.ArgumentParser, body: Body, argv: Sequence[str] | None = None) -> int:
    """Parse ``argv``, call ``body`` and return the exit code of DESIGN: 0, 1, 2, 3 or 130.

    An EdgeError is one line on stderr; anything else too, unless EDGE_DEBUG=1 asks for the traceback.
    """
    parser.error = partial(_usage_error, parser.prog)  # type: ignore[method-assign]
    arguments = parser.parse_args(argv)
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
    except Exception as error:  # the one place where everything ends as a line and a code
        _raise_when_debugging()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
        hint = "set EDGE_DEBUG=1 for the traceback"
        return _report(parser.prog, f"unexpected {type(error).__name__}: {lines[-1][:300]}; {hint}", UNEXPECTED)


def _usage_error(prog: str, message: str) -> NoReturn:
    """End with one line, where argparse would print all options before it."""
    raise SystemExit(_report(prog, f"error: {message}; see {prog} --help", USAGE))


def _raise_when_debugging() -> None:
    if os.environ.get("EDGE_DEBUG") == "1":
        raise  # noqa: PLE0704 - re-raises the exception that the caller is handling


def _os_error_line(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _report(prog: str, line: str, code: int) -> int:
    print(f"{prog}: {line}", file=sys.stderr)
    return code


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE``: the result for machines."""
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the result as JSON to FILE")


def numbers(text: str) -> tuple[float, ...]:
    """Return what ``--mean`` and ``--std`` are given as: one number, or one for each of three channels.

    Raises ArgumentTypeError, which argparse shows, for anything else, NaN and infinity among it.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or not all(map(math.isfinite, found)):
        raise argparse.ArgumentTypeError(f"expected one number or three separated by commas, got {text!r}")
    return found


def named_value(text: str) -> tuple[str, Any]:
    """Return name and value of ``NAME=VALUE``; the value is a Python literal such as 3, True or (8, 16), else text.

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
    """Write ``content`` beside ``path`` and rename it over; nothing when path is None. NaN and infinity are null."""
    if path is None:
        return
    from edge.files import replaced

    try:
        with replaced(path) as temporary:
            temporary.write_text(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error


def _finite(content: Any) -> Any:
    """Return ``content`` with null for each number that JSON does not know: one must not cost a whole report."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def progress(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that keeps one line on a terminal, and a line a quarter elsewhere."""
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
    """Import TensorFlow with Keras 2 chosen and its start-up chatter held back; MissingExtra when it is absent."""
    from edge.deploy._tensorflow import need

    need("tensorflow")
    need("tf_keras")
