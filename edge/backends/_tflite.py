"""The TFLite ``Interpreter`` as a Model. LiteRT and tflite_runtime share its interface."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from edge.backends import _opening
from edge.backends.base import Model, OpenOptions
from edge.custom_operations import EDGE_TPU, custom_operations
from edge.errors import EdgeError, InputError
from edge.quiet import info, quiet
from edge.recurrent_operations import starts_over
from edge.tensors import Array, Quantization, TensorSpec

# What the binding raises for a file that it cannot use. In a damaged file a name may not be text, a type number may be
# unknown, and a size may be larger than any memory.
_REFUSALS = (ValueError, RuntimeError, TypeError, MemoryError)


def open_model(interpreter_class: Any, path: Path, options: OpenOptions) -> "TFLiteModel":
    """Load ``path`` with an ``Interpreter`` class, see ``Backend.open``."""
    _opening.no_device("this backend", options)
    _opening.readable(path)
    refuse_custom_operations(path)
    return load(interpreter_class, path, TFLiteModel, num_threads=options.threads)


def refuse_custom_operations(path: Path, known: Sequence[str] = ()) -> None:
    """Refuse a file with a custom operation that is not ``known``. Raises InputError."""
    if custom := [name for name in custom_operations(path) if name not in known]:
        named = next((name for name in custom if name == EDGE_TPU or name.startswith("Flex")), custom[0])
        raise InputError(_refusal(path, f"unresolved custom op: {named}"))


def load(interpreter_class: Any, path: Path, model_class: "type[TFLiteModel]", **arguments: Any) -> "TFLiteModel":
    """Make an interpreter of a file, allocate its tensors, and return it as a ``model_class``.

    Args:
        interpreter_class: the runtime's ``Interpreter``.
        path: the model file.
        model_class: what the model becomes.
        arguments: of the interpreter, besides the file.

    Raises:
        InputError: the interpreter refuses the file.
        EdgeError: what ``model_class.refusal`` returns for the interpreter's message.
    """
    try:
        with quiet(info):
            interpreter = interpreter_class(model_path=str(path), **arguments)
            inputs = _fix_batch(interpreter, path)
            interpreter.allocate_tensors()
            return model_class(interpreter, path, inputs)
    except InputError:
        raise
    except _REFUSALS as error:
        raise model_class.refusal(path, str(error)) from error


class TFLiteModel(Model):
    """A network in a TFLite interpreter. The batch is 1 where the file leaves it open."""

    def __init__(self, interpreter: Any, path: Path, inputs: tuple[TensorSpec, ...]) -> None:
        """Wrap an interpreter.

        Args:
            interpreter: an interpreter whose tensors are allocated.
            path: its file, for messages.
            inputs: its inputs, in its order.
        """
        outputs = interpreter.get_output_details()
        self._path = path
        self._interpreter = interpreter
        indices = [int(detail["index"]) for detail in interpreter.get_input_details()]
        self._inputs = [(index, spec.shape, spec.dtype) for index, spec in zip(indices, inputs, strict=True)]
        self._outputs = [int(detail["index"]) for detail in outputs]
        self._starts_over = starts_over(path)
        self.inputs = inputs
        self.outputs = tuple(_spec(path, detail, detail["shape"]) for detail in outputs)
        if any(_is_open(detail) for detail in outputs):
            self.outputs = self._outputs_of_a_run()

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """See Model. When a kernel refuses the values, the InputError has the kernel's message."""
        interpreter = self._interpreter
        if interpreter is None:
            raise _opening.closed()
        if len(arrays) != len(self._inputs):
            _opening.check_inputs(self.inputs, arrays)
        try:
            # The checks are written out, and compare by identity first. A network that has just run leaves none of
            # this code in the processor's caches, so each line takes several times as long as in a loop of its own.
            for (index, shape, dtype), array in zip(self._inputs, arrays):  # noqa: B905
                if type(array) is not ndarray or array.dtype is not dtype or array.shape != shape:
                    _opening.check_inputs(self.inputs, arrays)
                interpreter.set_tensor(index, array)
            if self._starts_over:
                interpreter.reset_all_variables()
            interpreter.invoke()
            outputs = []
            for index in self._outputs:
                outputs.append(interpreter.get_tensor(index))
            return outputs
        except InputError:
            raise
        except _REFUSALS as error:
            raise self.failure(str(error)) from error

    @classmethod
    def refusal(cls, path: Path, reason: str) -> EdgeError:
        """Return the error for a file that the interpreter refused with ``reason``."""
        return InputError(_refusal(path, reason))

    def failure(self, reason: str) -> EdgeError:
        """Return the error for a run that ended with ``reason``."""
        return InputError(f"model {self._path} failed while running: {one_line(reason)}")

    def operations(self) -> list[dict[str, Any]]:
        """Return the interpreter's operations: ``index``, ``op_name``, ``inputs`` and ``outputs`` as tensor numbers.

        Those of the file come first, in its order; a delegate's parts follow, beside the operations that they replace.
        """
        if self._interpreter is None:
            raise _opening.closed()
        # The only interface that shows delegates; LiteRT 2.1 to 2.3 and tflite_runtime 2.14 have it.
        operations: list[dict[str, Any]] = self._interpreter._get_ops_details()
        return operations

    def close(self) -> None:
        """See Model."""
        self._interpreter = None

    def _outputs_of_a_run(self) -> tuple[TensorSpec, ...]:
        """Return the outputs with the shapes that a run on zeros gives, because their size is only known then."""
        arrays = self.run([np.zeros(spec.shape, spec.dtype) for spec in self.inputs])
        self._interpreter.reset_all_variables()
        return tuple(
            TensorSpec(spec.name, array.shape, spec.dtype, spec.quantization)
            for spec, array in zip(self.outputs, arrays, strict=True)
        )


def _fix_batch(interpreter: Any, path: Path) -> tuple[TensorSpec, ...]:
    """Resize an open batch to 1 and return the inputs, see ``batch_of_one``."""
    specs = []
    for detail in interpreter.get_input_details():
        signature = detail["shape_signature"] if len(detail["shape_signature"]) else detail["shape"]
        sizes = [None if open_ < 0 else int(size) for open_, size in zip(signature, detail["shape"], strict=True)]
        shape = _opening.batch_of_one(path, str(detail["name"]), sizes)
        if shape != tuple(detail["shape"]):
            interpreter.resize_tensor_input(detail["index"], shape)
        specs.append(_spec(path, detail, shape))
    return tuple(specs)


def _spec(path: Path, detail: dict[str, Any], shape: Sequence[int]) -> TensorSpec:
    dtype = np.dtype(detail["dtype"])
    if dtype.kind not in "fiubc":
        raise InputError(f"model {path}: tensor {detail['name']!r} must hold numbers, it holds {dtype.name}")
    return TensorSpec(str(detail["name"]), tuple(int(size) for size in shape), dtype, _quantization(detail))


def _quantization(detail: dict[str, Any]) -> Quantization | None:
    """Return the quantization of a whole tensor; None for float tensors and where the file gives no single scale."""
    scales = detail["quantization_parameters"]["scales"]
    if np.dtype(detail["dtype"]).kind == "f" or len(scales) != 1 or not scales[0] > 0:
        return None
    return Quantization(float(scales[0]), int(detail["quantization_parameters"]["zero_points"][0]))


def _is_open(detail: dict[str, Any]) -> bool:
    """Return whether an output's shape is only known after a run: it has no shape, or more than its batch is open."""
    return len(detail["shape"]) == 0 or any(size < 0 for size in detail["shape_signature"][1:])


def _refusal(path: Path, reason: str) -> str:
    """Return the message for a file that the interpreter refused, with what to do about it."""
    custom = re.search(r"unresolved custom op: ([^\s.]+)", reason)
    if custom and custom[1] == EDGE_TPU:
        return (
            f"model {path} is compiled for a Coral Edge TPU, which this backend does not drive; "
            "use the file it was compiled from, usually the same name without _edgetpu"
        )
    if "op: Flex" in reason or "Select TensorFlow op" in reason:
        return f"model {path} needs TensorFlow operations (Flex); convert it with TFLite operations only"
    if custom:
        return (
            f"model {path} needs the custom operation {custom[1]}, which this runtime does not have; make the file "
            "again so that it ends before that operation (of a frozen graph: edge-convert MODEL.pb --outputs NAME, the "
            "tensor before it), or by its maker's option that leaves the operation out"
        )
    if "op for builtin opcode" in reason or "op version" in reason.lower():
        return f"model {path} is newer than this runtime: {one_line(reason)}; update the runtime"
    return f"model {path} is not a TFLite file that can be loaded: {one_line(reason)}; get or convert it again"


def one_line(reason: str) -> str:
    """Return a message of the interpreter as one line of at most 200 characters, without its full stop."""
    return " ".join(reason.split())[:200].rstrip(".")
