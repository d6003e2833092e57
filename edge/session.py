"""A network that is ready to run: from a bundle or a bare file to an object that takes an image and returns a result.

``edge.load``, ``edge-camera``, ``edge-bench`` and the conversion's gate all run networks through a ``Session``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np

from edge import backends, labels, tasks
from edge.backends.base import Backend, Model, OpenOptions
from edge.bundle import Bundle, Runnable, is_bundle, open_bundle
from edge.closing import Closing
from edge.device import this_device
from edge.errors import FileError, InputError, MissingExtra
from edge.imaging import Colour, Image, Prepared, Preprocessor, Resize
from edge.manifest import Golden
from edge.recognize import Asked, recognize
from edge.results import Result
from edge.signature import Input, Signature, describe
from edge.tasks.base import Task
from edge.tensors import Array, Outputs, Tensor, TensorSpec, quantize
from edge.tuning import Tuning, read_tuning


@dataclass(frozen=True)
class SessionOptions:
    """What a person asked for; None leaves the choice to the tuning record, the bundle or the defaults.

    Attributes:
        backend: the runtime's name.
        threads: of the model.
        device: which device of its kind the backend opens, such as ``usb:0``.
        precision: which of a bundle's files.
        labels: a label file, which takes the place of the bundle's.
        task, decoder: what a bare file is; a bundle states its own.
        parameters: task parameters that replace the stated ones, such as ``score_threshold``.
        colour, mean, std, resize: the input of a bare file; a bundle states its own.
        rotation: how far frames are turned clockwise first, in degrees.
    """

    backend: str | None = None
    threads: int | None = None
    device: str | None = None
    precision: str | None = None
    labels: Path | None = None
    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    colour: Colour | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: Resize | None = None
    rotation: int = 0

    def of_a_bare_file(self) -> dict[str, Any]:
        """Return what was said that only a bare file may be told."""
        fields = ("task", "decoder", "colour", "mean", "std", "resize")
        return {name: value for name in fields if (value := getattr(self, name)) is not None}


class Session(Closing):
    """An opened network with its preprocessing and its task. A context manager that closes the network.

    Attributes:
        name: of the network, and the file's precision where a bundle states it.
        backend: the runtime's name.
        threads: of the network.
        signature: what the network takes and gives.
        labels: class names; None where nobody gave any.
        task: what decodes the outputs.
        preprocess: turns frames into the image input; None for a network that takes none, or not only one.
        notes: what was found out or assumed about a bare file, one line each.
    """

    def __init__(self, runnable: Runnable, backend: Backend, threads: int, options: SessionOptions) -> None:
        """Raises what ``Backend.open`` raises, and InputError when file, signature, labels and task do not fit."""
        self._runnable = runnable  # holds an unpacked bundle's folder
        self.model: Model = backend.open(runnable.path, OpenOptions(threads, options.device))
        try:
            self._bind(runnable, options)
        except BaseException:
            self.model.close()
            raise
        self.name = " ".join(filter(None, (runnable.name, runnable.precision)))
        self.backend, self.threads = backend.name, threads

    def _bind(self, runnable: Runnable, options: SessionOptions) -> None:
        """Find the signature, and which tensor of the file is which name in it."""
        self.labels, origin = _labels(runnable, options)
        self.notes: tuple[str, ...] = ()
        if runnable.signature is None:
            found = recognize(runnable.path, self.model.inputs, self.model.outputs, _asked(options, self.labels))
            signature, self.notes = found.signature, found.notes
        else:
            signature = runnable.signature
        self.signature: Signature = signature.with_parameters(options.parameters)
        names = runnable.tensors
        self._inputs = _order(self.model.inputs, [i.name for i in signature.inputs], names.inputs, runnable.path)
        self._outputs = _order(self.model.outputs, [o.name for o in signature.outputs], names.outputs, runnable.path)
        self.task: Task = tasks.load(signature.task.name)(self.signature, self.labels, origin)
        entry = self.signature.image if len(self.signature.inputs) == 1 else None
        self.preprocess: Preprocessor | None = None
        if entry is not None and entry.format is not None:
            self.preprocess = Preprocessor(self._inputs[entry.name], entry.format, options.rotation)

    @property
    def path(self) -> Path:
        """The model file."""
        return self._runnable.path

    @property
    def golden(self) -> Golden | None:
        """The bundle's golden input and outputs for this file, if there are any."""
        return self._runnable.golden

    def run(self, inputs: Mapping[str, Any]) -> Outputs:
        """Run the network once.

        Args:
            inputs: by the signature's names. An array of the file's own dtype is passed on as it is; other numbers
                are real values, which are quantized where the file is.

        Returns:
            The outputs by the signature's names.

        Raises:
            InputError: an input is missing, unknown, or of another shape.
        """
        if set(inputs) != set(self._inputs):
            raise InputError(
                f"the network takes {describe(self.signature.inputs)}; got {', '.join(inputs) or 'nothing'}"
            )
        arrays = [_fitting(inputs[name], spec) for name, spec in self._inputs.items()]
        return self._named(self._in_file_order(arrays))

    def run_tensor(self, tensor: Array) -> Outputs:
        """Run a network of one input on a tensor that ``preprocess`` made."""
        return self._named([tensor])

    def infer(self, prepared: Prepared) -> Result:
        """Return what the network says of a frame that ``preprocess`` made ready."""
        return self.task.decode(self.run_tensor(prepared.tensor), prepared.placement)

    @overload
    def __call__(self, value: list[Any], colour: Colour = "BGR") -> list[Result]: ...

    @overload
    def __call__(self, value: Any, colour: Colour = "BGR") -> Result: ...

    def __call__(self, value: Any, colour: Colour = "BGR") -> Result | list[Result]:
        """Return what the network says of one picture or one set of inputs; of a list, a list.

        Args:
            value: for a network that takes one image, a picture: (height, width, 3) uint8 of any size, (height, width)
                uint8 for grey, or the path of a picture file. Otherwise one array in the input's shape, with or
                without the batch of 1, or a mapping from input name to array. A list of any of these gives a list.
            colour: the order of a picture's channels, ``BGR`` as OpenCV reads them, or ``RGB``.

        Raises:
            InputError: the value is not what the network takes.
        """
        if isinstance(value, list):
            return [self(one, colour) for one in value]
        if isinstance(value, Mapping):
            return self.task.decode(self.run(self.pictures(value, colour)), None)
        if self.preprocess is not None:
            return self.infer(self.preprocess(_picture(value, colour)))
        if len(self._inputs) != 1:
            raise InputError(f"the network takes several inputs, give them by name: {describe(self.signature.inputs)}")
        return self.task.decode(self.run({next(iter(self._inputs)): value}), None)

    def close(self) -> None:
        """Release the interpreter."""
        self.model.close()

    def pictures(self, inputs: Mapping[str, Any], colour: Colour = "BGR") -> dict[str, Any]:
        """Return inputs with the pictures made ready: those of image inputs that are not in the input's shape yet.

        Args:
            inputs: by the signature's names; a picture as ``__call__`` takes it, (frames, height, width, 3) for a clip.
            colour: the order of the pictures' channels.
        """
        found = dict(inputs)
        for entry in self.signature.inputs:
            value = found.get(entry.name)
            if entry.format is not None and value is not None and np.shape(value) != entry.shape:
                found[entry.name] = self._prepared(entry, value, colour)
        return found

    def _prepared(self, entry: Input, value: Any, colour: Colour) -> Array:
        """Return one picture, or the frames of a clip, as the input's tensor."""
        assert entry.format is not None
        spec = self._inputs[entry.name]
        if len(entry.shape) != 5:
            return Preprocessor(spec, entry.format)(_picture(value, colour)).tensor
        if len(value) != entry.shape[1]:
            raise InputError(f"input {entry.name!r} takes clips of {entry.shape[1]} frames, got {len(value)}")
        prepare = Preprocessor(replace(spec, shape=(1, *spec.shape[2:])), entry.format)
        return np.stack([prepare(_picture(frame, colour)).tensor[0] for frame in value])[None]

    def _in_file_order(self, arrays: Sequence[Array]) -> list[Array]:
        by_spec = {id(spec): array for spec, array in zip(self._inputs.values(), arrays, strict=True)}
        return [by_spec[id(spec)] for spec in self.model.inputs]

    def _named(self, arrays: Sequence[Array]) -> Outputs:
        by_spec = {
            id(spec): Tensor(array, spec)
            for spec, array in zip(self.model.outputs, self.model.run(arrays), strict=True)
        }
        return {name: by_spec[id(spec)] for name, spec in self._outputs.items()}


def open_session(path: str | Path, options: SessionOptions | None = None) -> Session:
    """Open a bundle, or a .tflite or .onnx file.

    Backend, threads and precision are those of ``options``, else of the tuning record beside the bundle, else the
    preferred ones. Raises FileError, InputError or MissingExtra with one line that says what to do.
    """
    path, options = Path(path), options or SessionOptions()
    if not path.exists():
        raise FileError(f"model {path} does not exist")
    if options.threads is not None and options.threads < 1:
        raise InputError(f"threads must be at least 1, got {options.threads}")
    if path.is_dir() and not is_bundle(path):
        raise FileError(f"model {path} is a folder with no manifest.json: expected a bundle, or a model file")
    if is_bundle(path):
        return _open_bundle(path, options)
    if options.precision is not None:
        raise InputError(f"a precision is chosen among a bundle's files; {path.name} is one file")
    backend = backends.for_file(path, options.backend)
    return Session(Runnable(path, path.stem), backend, options.threads or backends.default_threads(), options)


def _open_bundle(path: Path, options: SessionOptions) -> Session:
    if given := options.of_a_bare_file():
        raise InputError(f"a bundle states its own task and input format; leave out {', '.join(given)}")
    bundle = open_bundle(path)
    tuning = _fitting_tuning(read_tuning(path, this_device()), options)
    backend = backends.backend(tuning.backend) if tuning else _backend_for(bundle, options)
    precision = tuning.precision if tuning else options.precision
    threads = options.threads or (tuning.threads if tuning else backends.default_threads())
    return Session(bundle.runnable(backend.formats, precision, backend.targets), backend, threads, options)


def _fitting_tuning(tuning: Tuning | None, options: SessionOptions) -> Tuning | None:
    """Return ``tuning`` unless something else was asked for, or its backend is no longer installed."""
    if tuning is None or tuning.backend not in backends.available():
        return None
    agrees = options.backend in (None, tuning.backend) and options.precision in (None, tuning.precision)
    return tuning if agrees else None


def _backend_for(bundle: Bundle, options: SessionOptions) -> Backend:
    """Return the asked backend, else one for the bundle's preferred file that is installed."""
    if options.backend is not None:
        return backends.backend(options.backend)
    missing: MissingExtra | None = None
    for artifact in bundle.fitting(tuple(backends.PREFERENCE), precision=options.precision):
        try:
            return backends.for_file(bundle.path(artifact))
        except MissingExtra as error:
            missing = error
    if missing is not None:
        raise missing
    bundle.runnable(tuple(backends.PREFERENCE), options.precision)  # raises: it lists what the bundle has
    raise InputError(f"bundle {bundle.manifest.name!r} has no file to run")


def _labels(runnable: Runnable, options: SessionOptions) -> tuple[tuple[str, ...] | None, str]:
    """Return the class names and where they came from; those of a bundle without any are None."""
    if options.labels is not None:
        return tuple(labels.read(options.labels)), str(options.labels)
    return runnable.labels or None, "the bundle"


def _asked(options: SessionOptions, names: tuple[str, ...] | None) -> Asked:
    form = {key: getattr(options, key) for key in ("colour", "mean", "std", "resize")}
    return Asked(
        task=options.task,
        decoder=options.decoder,
        parameters=options.parameters,
        labels=None if names is None else len(names),
        format={key: value for key, value in form.items() if value is not None},
    )


def _order(
    specs: Sequence[TensorSpec], names: Sequence[str], in_file: Mapping[str, str], path: Path
) -> dict[str, TensorSpec]:
    """Return the file's tensor of each of the signature's ``names``, in their order.

    in_file: the file's name of each; empty when the file has them in the signature's order.
    """
    if len(specs) != len(names):
        raise InputError(f"{path.name} must have {len(names)} tensors for {', '.join(names)}, it has {describe(specs)}")
    if not in_file:
        return dict(zip(names, specs, strict=True))
    by_name = {spec.name: spec for spec in specs}
    for name in names:
        if in_file[name] not in by_name:
            raise InputError(
                f"the signature names the tensor {in_file[name]!r}, which {path.name} lacks; it has {describe(specs)}"
            )
    return {name: by_name[in_file[name]] for name in names}


def _fitting(value: Any, spec: TensorSpec) -> Array:
    """Return ``value`` as the file's input: the batch of 1 is added when it is missing, real values are quantized."""
    array = np.asarray(value)
    if array.shape == spec.shape[1:]:
        array = array[None]
    if array.shape != spec.shape or array.dtype.kind not in "fiub":
        raise InputError(f"input {spec.name!r} must be numbers of shape {spec.shape}, got {array.shape} {array.dtype}")
    if array.dtype == spec.dtype:
        return np.ascontiguousarray(array)
    return np.ascontiguousarray(quantize(array, spec))


def _picture(value: Any, colour: Colour) -> Image:
    """Return (height, width, 3) uint8 BGR of a picture or of a picture file."""
    if isinstance(value, (str, Path)):
        from edge.sources.images import read_image

        found = read_image(Path(value))
        if found is None:
            raise FileError(f"picture {value} is missing, damaged or no picture")
        return found
    image = np.asarray(value)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise InputError(
            f"a picture must be (height, width, 3) or (height, width) uint8, got {image.shape} {image.dtype}"
        )
    if not image.size:
        raise InputError(f"a picture must have pixels, got {image.shape}")
    if image.ndim == 2 or image.shape[2] == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8) if colour == "RGB" else image
