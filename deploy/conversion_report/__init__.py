"""The report of a conversion: ``report.json`` with all facts, and ``report.html``, a page made from it."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from edge import files, json_values
from edge.deploy.conversion_report.answers import AnswerCollector
from edge.deploy.conversion_report.contents import Facts, contents, picture_files
from edge.deploy.conversion_report.page import page
from edge.deploy.conversion_report.stopwatch import Stopwatch
from edge.errors import FileError, InputError

__all__ = ["AnswerCollector", "Facts", "Stopwatch", "check_folder", "write"]


def check_folder(folder: Path, bundle: Path) -> None:
    """Raise an error when no report can be written, before the work of minutes begins.

    Args:
        folder: where the report is to be written.
        bundle: where the bundle is to be written.

    Raises:
        InputError: ``folder`` is a file or a bundle.
        FileError: it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--report {folder} is a file; give the name of a folder for report.html and report.json")
    if (folder / "manifest.json").is_file() or folder.absolute() == bundle.absolute():
        raise InputError(f"--report {folder} is a bundle, whose files are fixed; give a folder of its own")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder if folder.is_dir() else folder.parent):
            pass
    except OSError as error:
        raise FileError(f"cannot write to {folder}: {error.strerror or error}") from error


def write(facts: Facts, progress: Callable[[int, int], None]) -> None:
    """Write the report into the folder that the options name.

    Args:
        facts: what is known of the conversion.
        progress: takes the number of files timed and their total.

    Raises:
        FileError: the report cannot be written.
    """
    assert facts.options.report is not None, "asked for"
    answers = facts.collector.answers()
    found = json_values.finite(contents(facts, answers, progress))
    texts = {
        "report.json": json.dumps(found, indent=2, allow_nan=False) + "\n",
        "report.html": page(found, picture_files(answers)),
    }
    for name, text in texts.items():
        with files.replaced(facts.options.report / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
