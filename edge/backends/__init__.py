"""The runtimes: one file each, one table. Importing this package imports no interpreter.

    with open_model(Path("net.tflite")) as model:
        outputs = model.run([image])

A third party adds a runtime with an entry point of the group ``edge.backends`` that names a class
which satisfies ``edge.backends.base.Backend`` and takes no arguments.
"""

from pathlib import Path

from edge import registry
from edge.backends.base import Backend, Model, OpenOptions
from edge.device import usable_cores
from edge.errors import InputError, MissingExtra
from edge.registry import Entry

BACKENDS: dict[str, Entry] = {
    "litert": Entry("edge.backends.litert:LiteRT", "LiteRT, for .tflite", None, ("ai_edge_litert",)),
    "tflite_runtime": Entry(
        "edge.backends.tflite_runtime:TFLiteRuntime",
        "the former TFLite runtime, for .tflite on 32-bit ARM and Python up to 3.11",
        "tflite-runtime",
        ("tflite_runtime",),
    ),
    "onnxruntime": Entry("edge.backends.onnxruntime:OnnxRuntime", "ONNX Runtime, for .onnx", "onnx", ("onnxruntime",)),
    "fake": Entry("edge.backends.fake:Fake", "computes band means from a .fake description, to test without a model"),
}

# litert first: the same int8 network took 0.10 ms there and 2.43 ms in tflite_runtime 2.14, whose last
# release dates from 2023; tflite_runtime is for machines that have no LiteRT wheel.
PREFERENCE: dict[str, tuple[str, ...]] = {
    ".tflite": ("litert", "tflite_runtime"),
    ".onnx": ("onnxruntime",),
    ".fake": ("fake",),
}
"""For each file suffix the backends that open it, best first."""


def names() -> list[str]:
    """Return every backend name that ``backend`` accepts, installed or not."""
    return registry.names("backend", BACKENDS)


def backend(name: str) -> Backend:
    """Return the runtime called ``name``; InputError when unknown, MissingExtra when not installed."""
    made: Backend = registry.load("backend", BACKENDS, name)()
    return made


def available() -> list[str]:
    """Return the names whose dependencies are installed here, in the table's order, then the plug-ins."""
    return [name for name in names() if name not in BACKENDS or not BACKENDS[name].missing()]


def for_file(path: Path, name: str | None = None) -> Backend:
    """Return the runtime for ``path``: ``name`` when given, else the first of PREFERENCE that is installed.

    Only the suffix is looked at. Raises InputError when no backend opens such files (or ``name`` does
    not), MissingExtra when those that would are not installed, with the reason for each one.
    """
    suffix = path.suffix.lower()
    if name is not None:
        chosen = backend(name)
        if suffix not in chosen.formats:
            raise InputError(f"backend {name} opens {', '.join(chosen.formats)} files, got {path.name}")
        return chosen
    passed_over = []
    for candidate in _candidates(suffix):
        try:
            return backend(candidate)
        except MissingExtra as error:
            passed_over.append(str(error))
    if passed_over:
        raise MissingExtra("; or ".join(passed_over))
    known = ", ".join(suffix for suffix in PREFERENCE if suffix != ".fake")
    raise InputError(f"a model file must end in {known}, got {path.name}; edge-convert makes one from Keras")


def _candidates(suffix: str) -> list[str]:
    """Return the names to try for ``suffix``: the preference, then the plug-ins that open such files."""
    plugins = [name for name in names() if name not in BACKENDS]
    return [*PREFERENCE.get(suffix, ()), *(name for name in plugins if suffix in backend(name).formats)]


def default_threads() -> int:
    """Return the thread count for callers that name none: the cores this process may use, at most 4.

    On two cores the second thread made a 7.5 ms network 1.9 times faster and slowed a 0.05 ms one by
    0.02 ms; more threads than cores were slower everywhere. ``edge-bench --tune`` measures the machine.
    """
    return min(4, usable_cores())


def open_model(path: Path, name: str | None = None, threads: int | None = None) -> Model:
    """Open a model file with the backend ``name`` (None: ``for_file`` chooses) and ``threads``.

    threads: at least 1; None takes ``default_threads()``. Raises what ``for_file`` and ``Backend.open`` raise.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, got {threads}")
    return for_file(path, name).open(path, OpenOptions(threads or default_threads()))
