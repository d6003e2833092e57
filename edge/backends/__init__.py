"""The runtimes, one file each, and their table. Importing this package imports no interpreter.

    with open_model(Path("net.tflite")) as model:
        outputs = model.run([image])

Another package adds a runtime by an entry point of the group ``edge.backends``. It names a class that satisfies
``edge.backends.base.Backend`` and takes no arguments.
"""

from collections.abc import Iterator
from pathlib import Path

from edge import registry
from edge.backends.base import Backend, Model, OpenOptions
from edge.backends.choice import FirstThatOpens
from edge.custom_operations import target_of
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
    "edgetpu": Entry(
        "edge.backends.edgetpu:EdgeTpu",
        "LiteRT with libedgetpu, for .tflite compiled for a Coral Edge TPU",
        None,
        ("ai_edge_litert",),
    ),
    "onnxruntime": Entry("edge.backends.onnxruntime:OnnxRuntime", "ONNX Runtime, for .onnx", "onnx", ("onnxruntime",)),
    "openvino": Entry(
        "edge.backends.openvino:OpenVino",
        "OpenVINO, for float .onnx, .tflite and .xml",
        "openvino",
        ("openvino",),
    ),
    "opencv_dnn": Entry("edge.backends.opencv_dnn:OpenCvDnn", "OpenCV's own runtime, for float .onnx", None, ("cv2",)),
    "fake": Entry("edge.backends.fake:Fake", "computes band means from a .fake description, to test without a model"),
}

# litert comes first: the same int8 network took 0.10 ms in it and 2.43 ms in tflite_runtime 2.14, whose last release is
# from 2023. tflite_runtime is for machines without a LiteRT wheel.
# onnxruntime comes before openvino because it runs every file, the quantized ones too, and is ready 0.4 s earlier
# (import and first run 0.3 s against 0.7 s). Once it runs, openvino took 0.4 to 1.0 times its time for four published
# float networks on two x86 cores, and 0.4 to 1.4 times litert's: edge-bench --tune finds out, and its record is used.
# opencv_dnn took 0.7 to 1.6 times the time of onnxruntime, and has the fewest operations.
PREFERENCE: dict[str, tuple[str, ...]] = {
    ".tflite": ("litert", "tflite_runtime", "openvino"),
    ".onnx": ("onnxruntime", "openvino", "opencv_dnn"),
    ".xml": ("openvino",),
    ".fake": ("fake",),
}
"""The backends that open a file for the CPU, best first, by the file's suffix."""

ACCELERATORS: dict[str, tuple[str, ...]] = {"edgetpu": ("edgetpu",)}
"""The backends of other hardware, by the target of the files that it runs."""


def names() -> list[str]:
    """Return every backend name that ``backend`` accepts, installed or not."""
    return registry.names("backend", BACKENDS)


def backend(name: str) -> Backend:
    """Return the runtime called ``name``.

    Raises:
        InputError: no backend has this name.
        MissingExtra: it is not installed.
    """
    created: Backend = registry.load("backend", BACKENDS, name)()
    return created


def available() -> list[str]:
    """Return the names of the backends that are installed here, in the table's order, then the plug-ins."""
    return [name for name in names() if name not in BACKENDS or not BACKENDS[name].missing()]


def for_file(path: Path, name: str | None = None) -> Backend:
    """Return the runtime for a model file, which is chosen by the file's suffix, and by what it was compiled for.

    Args:
        path: the model file. It may be missing; then it counts as one for the CPU.
        name: the backend to use; None takes the first of PREFERENCE that is installed.

    Raises:
        InputError: no backend opens such files, or ``name`` does not.
        MissingExtra: none of the backends that open such files is installed; the message has a reason for each.
    """
    if name is None:
        return _installed(path)[0][0]
    chosen = backend(name)
    if path.suffix.lower() not in chosen.formats:
        raise InputError(f"backend {name} opens {', '.join(chosen.formats)} files, got {path.name}")
    return chosen


def first_that_opens(path: Path, name: str | None = None) -> Backend:
    """Return the runtime for a model file as ``for_file`` does, but one that a preferred one's refusal leads past.

    This is for running a file. What checks a file takes ``for_file``, so that a file that the preferred runtime refuses
    does not pass.
    """
    if name is not None:
        return for_file(path, name)
    found, missing = _installed(path)
    return found[0] if len(found) == 1 and not missing else FirstThatOpens(found, path.suffix.lower(), missing)


def _installed(path: Path) -> tuple[list[Backend], list[str]]:
    """Return the installed backends for a file, best first, and how to install those that come before all of them.

    Raises what ``for_file`` raises when none is installed.
    """
    found: list[Backend] = []
    missing: list[str] = []
    for candidate in ACCELERATORS.get(target_of(path)) or _candidates(path.suffix.lower()):
        try:
            found.append(backend(candidate))
        except MissingExtra as error:
            missing += [] if found else [str(error)]
    if found:
        return found, missing
    if missing:
        raise MissingExtra("; or ".join(missing))
    known = ", ".join(suffix for suffix in PREFERENCE if suffix != ".fake")
    raise InputError(f"a model file must end in {known}, got {path.name}; edge-convert makes one from Keras")


def how_to_install(name: str) -> str:
    """Return what a backend lacks and the command that installs it, or an empty text when it lacks nothing."""
    missing = BACKENDS[name].missing() if name in BACKENDS else []
    return registry.needs(BACKENDS[name], missing) if missing else ""


def _candidates(suffix: str) -> Iterator[str]:
    """Yield the names to try for ``suffix``: first PREFERENCE, then the plug-ins that open such files.

    Plug-ins are only looked for when they are needed, because that takes some milliseconds.
    """
    yield from PREFERENCE.get(suffix, ())
    yield from (name for name in names() if name not in BACKENDS and suffix in backend(name).formats)


def default_threads() -> int:
    """Return the default thread count: the number of cores that this process may use, at most 4.

    On two cores a second thread made a network of 7.5 ms 1.9 times faster, and one of 0.05 ms slower by 0.02 ms. More
    threads than cores were slower everywhere. ``edge-bench --tune`` measures what is best on a machine.
    """
    return min(4, usable_cores())


def open_model(path: Path, name: str | None = None, threads: int | None = None) -> Model:
    """Open a model file.

    Args:
        path: the model file.
        name: the backend to use; None lets ``for_file`` choose.
        threads: at least 1; None takes ``default_threads()``.

    Raises:
        InputError: the thread count is below 1, or ``for_file`` or ``Backend.open`` refuses the file.
        FileError: the file is missing or unreadable.
        MissingExtra: the backend is not installed.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, got {threads}")
    return for_file(path, name).open(path, OpenOptions(threads or default_threads()))
