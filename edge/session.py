"""A network that is ready to run: from a bundle or a bare file to an object that takes an image and returns a result.

``edge.load``, ``edge-camera``, ``edge-bench`` and the conversion's gate all run networks through a ``Session``.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from edge import tasks, tiles
from edge.backends.base import Backend, Model, OpenOptions
from edge.binding import bind
from edge.clips import ClipPreprocessor
from edge.closing import Closing
from edge.errors import DeviceError, InputError
from edge.faults import check_numbers, check_shapes
from edge.imaging import Colour, Prepared, Preprocessor
from edge.inputs import as_picture, as_tensor, check_not_pixels
from edge.placement import Placement
from edge.results import Result
from edge.runnable import Runnable
from edge.session_options import SessionOptions
from edge.signature import Input, Signature, describe
from edge.standby import Standby
from edge.tasks.base import Task
from edge.tensors import Array, Outputs, Tensor
from edge.tiles import TilePreprocessor

if TYPE_CHECKING:
    from edge.manifest import Golden
    from edge.recognize import Found

__all__ = ["Session", "SessionOptions"]


class Session(Closing):
    """An opened network with its preprocessing and its task. A context manager that closes the network.

    Attributes:
        name: of the network, and the file's precision where a bundle states it.
        backend: the runtime's name.
        threads: of the network.
        signature: what the network takes and gives.
        labels: class names; None where nobody gave any.
        task: what decodes the outputs.
        preprocess: turns frames into what ``infer`` takes; None for a network that takes no image, or not only one.
        notes: what was assumed of a bare file, and which accelerator or preferred runtime is not used, one line each.
        refusals: what preferred runtimes said of the file, by name.
        tuned: whether a tuning record chose the runtime.
    """

    def __init__(
        self,
        runnable: Runnable,
        backend: Backend,
        threads: int,
        options: SessionOptions,
        standby: Standby | None = None,
    ) -> None:
        """Open a network.

        Args:
            runnable: the model file and what is known of it.
            backend: the runtime.
            threads: of the network.
            options: what the user asked for.
            standby: what takes over when an accelerator stops. None lets the run end with its error.

        Raises:
            EdgeError: what ``Backend.open`` raises, and InputError when file, signature, labels and task do not fit.
        """
        self._runnable = runnable  # holds an unpacked bundle's folder
        self._standby, self.tuned = standby, False
        self.model: Model = backend.open(runnable.path, OpenOptions(threads, options.device))
        self.refusals: Mapping[str, str] = getattr(backend, "refusals", {})
        try:
            self._bind(runnable, options)
        except BaseException:
            self.model.close()
            raise
        self.name = " ".join(filter(None, (runnable.name, runnable.precision)))
        self.backend, self.threads = backend.name, threads
        self.notes += tuple(f"runs on {backend.name}; {name}: {why}" for name, why in self.refusals.items())

    def _bind(self, runnable: Runnable, options: SessionOptions) -> None:
        """Find the signature, and which tensor of the file is which name in it."""
        self.labels, origin = options.class_names(runnable.labels)
        self.notes: tuple[str, ...] = ()
        signature = runnable.signature
        if signature is None:
            found = _recognized(runnable.path, self.model, options, self.labels)
            signature, self.notes = found.signature, found.notes
            if self.labels is None and found.labels:
                self.labels, origin = found.labels, "the file's metadata"
        self.signature: Signature = signature.with_parameters(options.parameters)
        tiles.check(self.signature)
        names = runnable.tensors
        inputs = bind(self.model.inputs, signature.inputs, names.inputs, runnable.path)
        self._inputs = {name: replace(spec, name=name) for name, (_, spec) in inputs.items()}
        self._input_order = sorted(inputs, key=lambda name: inputs[name][0])
        self._outputs = bind(self.model.outputs, signature.outputs, names.outputs, runnable.path)
        self._names = (self.labels, origin)
        self.task: Task = tasks.load(signature.task.name)(self.signature, *self._names)
        self._own_task = self.task
        own: Sequence[str] = getattr(self.task, "labels", ()) or getattr(
            getattr(self.task, "decoder", None), "labels", ()
        )
        named = self.labels is not None or any(not label.isdecimal() for label in own)
        if runnable.signature is None and not named and signature.task.name in ("classify", "detect", "segment"):
            self.notes += ("no labels given: each class is named by its number",)
        entry = self.signature.image if len(self.signature.inputs) == 1 else None
        self.preprocess: Preprocessor | TilePreprocessor | ClipPreprocessor | None = None
        if entry is not None and entry.format is not None:
            whole = TilePreprocessor if self.signature.tiled else Preprocessor
            prepare = ClipPreprocessor if len(entry.shape) == 5 else whole
            self.preprocess = prepare(self._inputs[entry.name], entry.format, options.rotation)
        takes_labels = getattr(self.task, "takes_labels", True)
        options.check_use(self.signature, takes_labels, turns=self.preprocess is not None)

    @property
    def path(self) -> Path:
        """The model file."""
        return self._runnable.path

    @property
    def golden(self) -> "Golden | None":
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
        arrays = {name: as_tensor(inputs[name], spec) for name, spec in self._inputs.items()}
        return self._named([arrays[name] for name in self._input_order])

    def run_tensor(self, tensor: Array) -> Outputs:
        """Run a network of one input on a tensor that ``preprocess`` made."""
        return self._named([tensor])

    def infer(self, prepared: Prepared) -> Result:
        """Return what the network says of a frame that ``preprocess`` made ready; with tiles it runs once a window.

        Raises BrokenOutput for NaN.
        """
        if isinstance(self.preprocess, TilePreprocessor):
            return self.preprocess.infer(prepared, self._one)
        return self._one(prepared)

    def _one(self, prepared: Prepared) -> Result:
        return self._decoded(self.run_tensor(prepared.tensor), prepared.placement)

    def retune(self, score_threshold: float | None) -> None:
        """Decode with another score threshold from 0 to 1, None with the network's own. Some tasks have none."""
        self.task = self._own_task
        with suppress(InputError):  # such as segmentation
            changed = self.signature.with_parameters(
                {} if score_threshold is None else {"score_threshold": score_threshold}
            )
            self.task = tasks.load(changed.task.name)(changed, *self._names)

    @overload
    def __call__(self, value: list[Any], colour: Colour = "BGR") -> list[Result]: ...

    @overload
    def __call__(self, value: Any, colour: Colour = "BGR") -> Result: ...

    def __call__(self, value: Any, colour: Colour = "BGR") -> Result | list[Result]:
        """Return what the network says of one picture or one set of inputs; of a list, a list.

        Args:
            value: for a network that takes one image, a picture: (height, width, 3) uint8 of any size, (height, width)
                uint8 for grey, or the path of a picture file. For one that takes a clip, (frames, height, width, 3)
                uint8. The network's own numbers have the input's shape; the batch of 1 may be left out where the
                input is no image. A mapping has any of these by the input's name. A list gives a list.
            colour: the order of a picture's channels, ``BGR`` as OpenCV reads them, or ``RGB``.

        Raises:
            InputError: the value is not what the network takes.
            BrokenOutput: the network's outputs hold NaN.
        """
        if isinstance(value, list):
            return [self._answer(one, colour) for one in value]
        return self._answer(value, colour)

    def _answer(self, value: Any, colour: Colour) -> Result:
        if isinstance(value, Mapping):
            return self._decoded(self.run(self.pictures(value, colour)))
        prepare = self.preprocess
        if isinstance(prepare, Preprocessor | TilePreprocessor) and np.shape(value) != self.signature.inputs[0].shape:
            return self.infer(prepare(as_picture(value, colour)))
        if len(self._inputs) != 1:
            raise InputError(f"the network takes several inputs, give them by name: {describe(self.signature.inputs)}")
        return self._decoded(self.run(self.pictures({next(iter(self._inputs)): value}, colour)))

    def _decoded(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        check_shapes(outputs, self.signature.task)
        check_numbers(outputs, self.signature.task)
        return self.task.decode(outputs, placement)

    def close(self) -> None:
        """Release the interpreter."""
        self.model.close()

    def pictures(self, inputs: Mapping[str, Any], colour: Colour = "BGR") -> dict[str, Any]:
        """Return inputs with the pictures made ready: those of image inputs that are not in the input's shape yet.

        Args:
            inputs: by the signature's names; a picture as ``__call__`` takes it, (frames, height, width, 3) for a clip.
            colour: the order of the pictures' channels.

        Raises:
            InputError: an input is no picture, or pixels stand where the network's own numbers are expected.
        """
        found = dict(inputs)
        for entry in self.signature.inputs:
            value = found.get(entry.name)
            if entry.format is None or value is None:
                continue
            if np.shape(value) == entry.shape:
                check_not_pixels(np.asarray(value), self._inputs[entry.name])
            else:
                found[entry.name] = self._prepared(entry, value, colour)
        return found

    def _prepared(self, entry: Input, value: Any, colour: Colour) -> Array:
        """Return one picture, or the frames of a clip, as the input's tensor."""
        assert entry.format is not None
        spec = self._inputs[entry.name]
        if len(entry.shape) != 5:
            picture = as_picture(value, colour)
            if self.signature.tiled:
                tiles.check_one_window(entry, picture)
            return Preprocessor(spec, entry.format)(picture).tensor
        if isinstance(value, (str, Path)):
            raise InputError(
                f"input {entry.name!r} takes a clip, ({entry.shape[1]}, height, width, 3) uint8, got the path {value}; "
                "edge-camera runs on videos and folders"
            )
        if len(value) != entry.shape[1]:
            raise InputError(f"input {entry.name!r} takes clips of {entry.shape[1]} frames, got {len(value)}")
        prepare = Preprocessor(replace(spec, shape=(1, *spec.shape[2:])), entry.format)
        return np.stack([prepare(as_picture(frame, colour)).tensor[0] for frame in value])[None]

    def _named(self, arrays: Sequence[Array]) -> Outputs:
        """Run the model on arrays in the file's order and return its outputs by name."""
        try:
            found = self.model.run(arrays)
        except DeviceError as error:
            if self._standby is None:
                raise
            self._take_over(self._standby, error)
            found = self.model.run(arrays)
        return {name: Tensor(found[place], spec) for name, (place, spec) in self._outputs.items()}

    def _take_over(self, standby: Standby, error: DeviceError) -> None:
        """Go on with the standby, once, and say so."""
        self._standby = None
        lost, self.model = self.model, standby.open_for(self.model, self.threads)
        lost.close()
        self._runnable, self.backend = standby.runnable, standby.backend.name
        line = f"{error}; goes on with {self.path.name} on {self.backend}"
        self.notes += (line,)
        standby.report(line)


def _recognized(path: Path, model: Model, options: SessionOptions, names: tuple[str, ...] | None) -> "Found":
    """Return the signature of a bare file, what it was told by, and the labels inside."""
    from edge.recognize import Asked, recognize  # a bundle needs none of it

    asked = Asked(
        task=options.task,
        decoder=options.decoder,
        parameters=options.parameters,
        labels=None if names is None else len(names),
        format=options.of_pixels(),
    )
    return recognize(path, model.inputs, model.outputs, asked)
