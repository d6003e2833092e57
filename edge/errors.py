"""Errors for the user. A message is one line that states the rule, what was expected, what came, and what to do.

Each class is also a subclass of a builtin exception, so that callers may catch either. ``exit_code`` is the exit code
of a command that ends with the error: 1 when a gate or check failed, 2 for bad usage or input.
"""

from collections.abc import Iterable


class EdgeError(Exception):
    """The base class of all errors that are reported as one line, without a traceback."""

    exit_code = 2


class InputError(EdgeError, ValueError):
    """A value, a shape or the content of a file is invalid for the operation."""


class FileError(EdgeError, OSError):
    """A file or folder is missing, cannot be read, or cannot be written."""


class MissingExtra(EdgeError, ImportError):
    """An optional dependency is not installed. The message names the command that installs it."""


class DeviceError(EdgeError, OSError):
    """An accelerator or its library cannot be used here, or the accelerator has stopped."""


class GateFailed(EdgeError):
    """A check ran, and its result exceeds the budget."""

    exit_code = 1


class BrokenOutput(EdgeError, ArithmeticError):
    """A network's outputs hold values that are not a number, so that there is no result."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for an unknown name, with the most similar known name."""
    import difflib  # only an error needs it

    choices = sorted(set(known))
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"unknown {kind} {name!r}: {hint}known: {', '.join(choices)}")
