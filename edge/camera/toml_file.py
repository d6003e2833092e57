"""``read`` reads ``camera.toml``, and ``failure`` names the line of what is wrong in it."""

from pathlib import Path
from typing import Any

from edge.camera.toml_lines import line_of
from edge.errors import FileError, InputError, MissingExtra
from edge.options import Fail, Keys

MAX_BYTES = 1 << 20
"""A configuration is smaller; another file was named by mistake."""


def read(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        FileError: the file cannot be read.
        InputError: it is no TOML; the message names the line.
        MissingExtra: this Python has no TOML reader.
    """
    text = _text(path)
    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a TOML file: {error}"[:300]) from None


def failure(path: Path) -> Fail:
    """Return the function that makes errors with the file's name and line."""
    text = _text(path)

    def fail(keys: Keys, line: str) -> InputError:
        where = line_of(text, keys)
        return InputError(f"{path}:{where}: {line}" if where else f"{path}: {line}")

    return fail


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise FileError(f"configuration {path} must be a file, and is a folder, pipe or device")
        if path.stat().st_size > MAX_BYTES:
            raise FileError(f"configuration {path} must be at most {MAX_BYTES >> 20} MiB; is it the right file?")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a TOML file: it must be text in UTF-8") from None
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"configuration {path} cannot be read: {error.strerror or error}") from error


def _loads(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        try:
            import tomli as tomllib  # type: ignore[import-not-found,no-redef]
        except ModuleNotFoundError:
            raise MissingExtra(
                "a configuration file needs tomli on Python 3.10: pip install 'edgekit[config]'"
            ) from None
    return tomllib.loads(text)
