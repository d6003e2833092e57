"""From a bundle or a bare model file to what the loop runs: the file, the backend, the input and the task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge import backends, imaging, labels, tasks
from edge.backends.base import Backend, Model, OpenOptions
from edge.bundle import Bundle, Runnable, is_bundle, open_bundle, rank
from edge.closing import Closing
from edge.device import this_device
from edge.errors import FileError, InputError, MissingExtra
from edge.imaging import Colour, InputFormat, Preprocessor, Resize
from edge.tasks.base import Task
from edge.tuning import Tuning, read_tuning


@dataclass(frozen=True)
class Wishes:
    """What a person asked for; None leaves the choice to the tuning record, the bundle or the defaults.

    colour, mean, std and resize describe the input of a bare file; a bundle states its own.
    """

    backend: str | None = None
    threads: int | None = None
    precision: str | None = None
    labels: Path | None = None
    top: int = 1
    colour: Colour | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: Resize | None = None

    def overrides(self) -> dict[str, object]:
        """Return the fields of InputFormat that were asked for."""
        fields = {"colour": self.colour, "mean": self.mean, "std": self.std, "resize": self.resize}
        return {name: value for name, value in fields.items() if value is not None}


class Running(Closing):
    """An opened model with its preprocessing and its task. A context manager that closes the model."""

    def __init__(self, runnable: Runnable, backend: Backend, threads: int, wishes: Wishes) -> None:
        """Raises what ``Backend.open`` raises, and InputError when the model does not take one image."""
        self._runnable = runnable  # holds an unpacked bundle's folder
        self.model: Model = backend.open(runnable.path, OpenOptions(threads))
        try:
            self.preprocess = _preprocessor(self.model, runnable, wishes)
            self.task = _task(runnable, wishes)
            self.task.check(self.model.outputs)
        except BaseException:
            self.model.close()
            raise
        self.name = " ".join(filter(None, (runnable.name, runnable.precision)))
        self.backend, self.threads = backend.name, threads

    def close(self) -> None:
        """Release the interpreter."""
        self.model.close()


def open_running(path: Path, wishes: Wishes) -> Running:
    """Open what ``edge-camera --model`` names: a bundle, or a .tflite or .onnx file.

    Backend, threads and precision are those of ``wishes``, else of the tuning record beside the bundle, else the
    preferred ones. Raises FileError, InputError or MissingExtra with one line that says what to do.
    """
    if not path.exists():
        raise FileError(f"model {path} does not exist")
    if wishes.threads is not None and wishes.threads < 1:
        raise InputError(f"threads must be at least 1, got {wishes.threads}")
    if path.is_dir() and not is_bundle(path):
        raise FileError(f"model {path} is a folder with no manifest.json: expected a bundle, or a model file")
    if is_bundle(path):
        return _open_bundle(path, wishes)
    if wishes.precision is not None:
        raise InputError(f"a precision is chosen among a bundle's files; {path.name} is one file")
    backend = backends.for_file(path, wishes.backend)
    return Running(Runnable(path, path.stem), backend, wishes.threads or backends.default_threads(), wishes)


def _open_bundle(path: Path, wishes: Wishes) -> Running:
    if given := wishes.overrides():
        raise InputError(f"a bundle states its own input format; leave out {', '.join(given)}")
    bundle = open_bundle(path)
    tuning = _fitting(read_tuning(path, this_device()), wishes)
    backend = backends.backend(tuning.backend) if tuning else _backend_for(bundle, wishes)
    precision = tuning.precision if tuning else wishes.precision
    threads = wishes.threads or (tuning.threads if tuning else backends.default_threads())
    return Running(bundle.runnable(backend.formats, precision), backend, threads, wishes)


def _fitting(tuning: Tuning | None, wishes: Wishes) -> Tuning | None:
    """Return ``tuning`` unless something else was asked for, or its backend is no longer installed."""
    if tuning is None or tuning.backend not in backends.available():
        return None
    agrees = wishes.backend in (None, tuning.backend) and wishes.precision in (None, tuning.precision)
    return tuning if agrees else None


def _backend_for(bundle: Bundle, wishes: Wishes) -> Backend:
    """Return the asked backend, else one for the bundle's preferred file that is installed."""
    if wishes.backend is not None:
        return backends.backend(wishes.backend)
    missing: MissingExtra | None = None
    fitting = [a for a in bundle.manifest.artifacts if wishes.precision in (None, a.precision)]
    for artifact in sorted(fitting, key=lambda a: rank(a.precision)):
        try:
            return backends.for_file(bundle.path(artifact))
        except MissingExtra as error:
            missing = error
    if missing is not None:
        raise missing
    bundle.runnable(tuple(backends.PREFERENCE), wishes.precision)  # raises: it lists what the bundle has
    raise InputError(f"bundle {bundle.manifest.name!r} has no file to run")


def _preprocessor(model: Model, runnable: Runnable, wishes: Wishes) -> Preprocessor:
    if len(model.inputs) != 1:
        found = ", ".join(f"{spec.name} {spec.describe()}" for spec in model.inputs)
        raise InputError(f"the loop runs models with one image input, {runnable.path.name} has: {found}")
    spec = model.inputs[0]
    return Preprocessor(spec, runnable.input or _described(imaging.default_format(spec), wishes))


def _described(form: InputFormat, wishes: Wishes) -> InputFormat:
    """Return the format of a bare file; a mean or std of its own means that the quantization counts."""
    given = wishes.overrides()
    raw = form.raw and not {"mean", "std"} & set(given)
    return replace(form, raw=raw, **given)  # type: ignore[arg-type]


def _task(runnable: Runnable, wishes: Wishes) -> Task:
    found: Sequence[str] | None = runnable.labels
    origin = "the bundle"
    if wishes.labels is not None:
        found, origin = labels.read(wishes.labels), str(wishes.labels)
    task: Task = tasks.load(runnable.task)(labels=found, output=runnable.output, top=wishes.top, origin=origin)
    return task
