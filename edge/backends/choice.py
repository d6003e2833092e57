"""Which runtime a model file gets when nobody names one, and why each of the others is passed over."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.custom_operations import target_of
from edge.errors import InputError


class FirstThatOpens(Backend):
    """Several runtimes that open the same files: the first that does not refuse a file runs it.

    Attributes:
        name: of the runtime that opened the file; before, of the preferred one.
        refusals: what the runtimes before it said of the file, by their names.
    """

    def __init__(self, backends: Sequence[Backend], suffix: str, missing: Sequence[str] = ()) -> None:
        """Store the runtimes.

        Args:
            backends: at least one, in the order of preference.
            suffix: of the files that they are chosen for.
            missing: how to install those that are preferred to all of them, for files that none of them opens.
        """
        self._missing = tuple(missing)
        self._backends = tuple(backends)
        self._use(self._backends[0])
        self.formats = (suffix,)
        self.refusals: Mapping[str, str] = {}

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend.

        Raises:
            InputError: every runtime refuses the file; the message is that of the preferred one.
        """
        refusals: dict[str, InputError] = {}
        for backend in self._backends:
            try:
                model = backend.open(path, options)
            except InputError as error:
                refusals[backend.name] = error
                continue
            except ImportError as error:  # a package of another version, or for another processor
                refusals[backend.name] = InputError(f"{backend.name} cannot be imported: {_one_line(error)}")
                continue
            self._use(backend)
            self.refusals = {name: str(error) for name, error in refusals.items()}
            return model
        refusal = next(iter(refusals.values()))
        raise InputError("; ".join((str(refusal), *self._missing))) if self._missing else refusal

    def version(self) -> str:
        """See Backend."""
        return self._chosen.version()

    def _use(self, backend: Backend) -> None:
        self._chosen = backend
        self.name, self.targets = backend.name, backend.targets


def _one_line(error: ImportError) -> str:
    return " ".join(str(error).split())[:200]


def in_worker(backend: Backend, isolate: bool) -> Backend:
    """Return the runtime itself, or one that runs its models in worker processes (``edge.isolated``)."""
    if not isolate:
        return backend
    from edge.isolated import Isolated  # most runs need none of it

    return Isolated(backend)


def passed_over(
    path: Path, used: str, refusals: Mapping[str, str] | None = None, because: str = "is preferred"
) -> tuple[str, ...]:
    """Return a line for each runtime that a file does not get, such as ``openvino: litert is preferred``.

    Args:
        path: the model file.
        used: the name of the runtime that it gets.
        refusals: what runtimes said of the file that were tried before, by their names.
        because: why ``used`` comes before others that could open the file, such as ``was asked for``.
    """
    from edge import backends

    target, lines = target_of(path), []
    for name in backends.names():
        if name != used and (name != "fake" or path.suffix.lower() == ".fake"):
            reason = (refusals or {}).get(name) or _why_not(name, path, target) or f"{used} {because}"
            lines.append(f"{name}: {reason}")
    return tuple(lines)


def _why_not(name: str, path: Path, target: str) -> str:
    """Return why a runtime cannot open a file, or an empty text when it might."""
    from edge import backends

    own = next((hardware for hardware, listed in backends.ACCELERATORS.items() if name in listed), "cpu")
    formats = [suffix for suffix, listed in backends.PREFERENCE.items() if name in listed]
    if name in backends.BACKENDS and own == "cpu" and path.suffix.lower() not in formats:
        return f"opens {', '.join(formats)} files, got {path.name}"
    if own != target:
        return f"drives {own}, {path.name} is for {target}"
    return backends.how_to_install(name)
