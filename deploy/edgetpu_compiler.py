"""``compiled`` compiles int8 ``.tflite`` files for a Coral Edge TPU, where ``edgetpu_compiler`` is installed."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edge.custom_operations import target_of
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.placement_report import edgetpu_log
from edge.errors import InputError
from edge.manifest import StoredFile
from edge.quiet import anything, quiet

PROGRAM = "edgetpu_compiler"
LONGEST_S = 600

ABSENT = (
    f"{PROGRAM} is not installed, so that the bundle has no file for the Edge TPU and runs on the CPU; run this "
    "command again on x86-64 Linux with the package edgetpu-compiler of https://packages.cloud.google.com/apt "
    "coral-edgetpu-stable, see docs/coral.md"
)


def compiled(
    converted: Sequence[ConvertedArtifact], folder: Path, report: Callable[[str], None]
) -> list[ConvertedArtifact]:
    """Compile each int8 ``.tflite`` file.

    Args:
        converted: the files. Those of other formats and precisions are passed over.
        folder: where the compiled files are written.
        report: takes one line for the user: what runs on the Edge TPU, or why there is no compiled file.

    Returns:
        The compiled files, whose target is ``edgetpu``. They have the inputs, outputs and golden outputs of the files
        that they were made of. Empty where the compiler is absent or refuses the file.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        report(ABSENT)
        return []
    int8 = [one for one in converted if (one.artifact.format, one.artifact.precision) == ("tflite", "int8")]
    found = [_compiled(program, one, folder, report) for one in int8]
    return [one for one in found if one]


def _compiled(
    program: str, one: ConvertedArtifact, folder: Path, report: Callable[[str], None]
) -> ConvertedArtifact | None:
    out = folder / "edgetpu"
    path, log = out / f"{one.path.stem}_edgetpu.tflite", out / f"{one.path.stem}_edgetpu.log"
    out.mkdir(exist_ok=True)
    command = [program, "--show_operations", "--out_dir", str(out), str(one.path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        report(f"{PROGRAM} cannot be run: {error}; the bundle has no file for the Edge TPU")
        return None
    said = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    if done.returncode or not path.is_file():
        report(f"{PROGRAM} refuses {one.path.name}: {said[-1] if said else f'exit code {done.returncode}'}")
        return None
    if fault := _fault(path, one.path):
        report(f"{PROGRAM} made {path.name} of {one.path.name}, {fault}; the bundle has no file for the Edge TPU")
        return None
    log.write_text(f"{done.stdout}\n", encoding="utf-8")
    _report_placement(path, one.path, log, report)
    return replace(one, path=path, artifact=replace(one.artifact, files=(StoredFile(path.name),), target="edgetpu"))


def _fault(path: Path, source: Path) -> str | None:
    """Return why a compiled file is none for a bundle: nothing is mapped, or its border is not that of its source."""
    if target_of(path) != "edgetpu":
        return "which has nothing for the Edge TPU in it"
    if _border(path) != _border(source):
        return "whose inputs or outputs are others"
    return None


def _border(path: Path) -> list[tuple[str, tuple[int, ...], str, tuple[float, int]]]:
    """Return name, shape, dtype and quantization of the inputs and outputs of a file, which need not be able to run."""
    from ai_edge_litert.interpreter import Interpreter

    with quiet(anything):
        interpreter = Interpreter(model_path=str(path), num_threads=1)
    details = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    return [(one["name"], tuple(one["shape"]), one["dtype"].__name__, one["quantization"]) for one in details]


def _report_placement(path: Path, source: Path, log: Path, report: Callable[[str], None]) -> None:
    try:
        found = edgetpu_log.report(source, log)
    except InputError:  # a version of the compiler with another log
        report(f"{path.name}: compiled; its log does not say what is mapped")
        return
    for line in (f"{path.name}: {found.headline}, by {PROGRAM} {found.facts['compiler_version']}", *found.lines):
        report(line)
