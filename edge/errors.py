"""Errors a user can act on: one line that states the rule, what was expected, what came, what to do.

Every class is also the fitting builtin, so callers may catch either. ``exit_code`` is what a command
returns when the error ends it: 1 a gate or check failed, 2 bad usage or input.
"""

from collections.abc import Iterable


class EdgeError(Exception):
    """Base of all errors that are reported as one line, without a traceback."""

    exit_code = 2


class InputError(EdgeError, ValueError):
    """A value, a shape or a file's content is not what the operation accepts."""


class FileError(EdgeError, OSError):
    """A file or folder is missing, cannot be read, or cannot be written."""


class MissingExtra(EdgeError, ImportError):
    """An optional dependency is absent; the message names the command that installs it."""


class GateFailed(EdgeError):
    """A check ran and its result is over budget."""

    exit_code = 1


class BrokenOutput(EdgeError, ArithmeticError):
    """A network's outputs hold values that are not a number, so that there is no result."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that no table holds, suggesting the nearest one."""
    import difflib  # only an error needs it

    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"unknown {kind} {name!r}: {hint}known: {', '.join(choices)}")
