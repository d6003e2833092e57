"""ONNX Runtime on the CPU, for ``.onnx``."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge import device
from edge.backends import _opening
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.errors import InputError
from edge.quiet import about_the_processor, quiet
from edge.tensors import Array, Quantization, TensorSpec

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(uint32)": np.uint32,
    "tensor(int64)": np.int64,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
}
_INEXACT = ["WeightBiasQuantization", "Pad_Fusion"]
"""Optimizers that change results. The first rounds float weights between two quantized tensors to int8 with one scale
for all of them, although the file holds them exactly (https://github.com/microsoft/onnxruntime/pull/22969). The second
makes the zeros around a MaxPool's input its padding, which counts as minus infinity: negative maxima are wrong."""
_INTEGER_KERNELS = "QDQSelectorActionTransformer"
"""The optimizer that puts int8 kernels into a quantized network."""
_EXACT_SUMS = "session.x64quantprecision"
"""The setting that makes int8 kernels exact on x86 processors without VNNI. There the sum of two products of a uint8
and an int8 saturates at 16 bits (https://github.com/microsoft/onnxruntime/issues/14642): a MobileNetV2 gave another
answer on 3.4 % of 3,000 images. With this setting ONNX Runtime rewrites int8 weights as uint8, whose kernels sum in 32
bits. They take up to 1.5 times as long; without integer kernels it would be two to five times."""


class OnnxRuntime(Backend):
    """It runs ``.onnx`` files, float or quantized (QDQ or QOperator)."""

    name = "onnxruntime"
    formats = (".onnx",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend."""
        with quiet(about_the_processor):
            import onnxruntime  # noqa: F401  a missing one is no fault of the file

        _opening.no_device(self.name, options)
        _opening.readable(path)
        try:
            return OnnxModel(_exact_session(path, options.threads), path)
        except InputError:
            raise
        except Exception as error:  # its exceptions have no base class of their own, and moved between releases
            raise InputError(_refusal(path, str(error))) from error

    def version(self) -> str:
        """See Backend."""
        from importlib import metadata

        return f"onnxruntime {metadata.version('onnxruntime')}"


def _exact_session(path: Path, threads: int) -> Any:
    """Return a session whose int8 kernels do not saturate on this processor.

    ``session.x64quantprecision`` cannot be applied to some files: those with weights that share their zero points, and
    those with QLinearConv of int8 by int8, which does not saturate. They are opened without integer kernels instead.
    """
    if not device.saturates_int8():
        return _session(path, threads, _INEXACT, {})
    try:
        return _session(path, threads, _INEXACT, {_EXACT_SUMS: "1"})
    except Exception:  # see OnnxRuntime.open; a damaged file fails again
        return _session(path, threads, [*_INEXACT, _INTEGER_KERNELS], {})


def _session(path: Path, threads: int, left_out: list[str], entries: Mapping[str, str]) -> Any:
    """Return a session without the optimizers in ``left_out``, with these entries of its configuration."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 4  # errors are raised as exceptions; the log would only repeat them
    for name, value in entries.items():
        settings.add_session_config_entry(name, value)
    return onnxruntime.InferenceSession(
        str(path), settings, providers=["CPUExecutionProvider"], disabled_optimizers=left_out, enable_fallback=0
    )


class OnnxModel(Model):
    """A network in an ONNX Runtime session. The batch is 1 where the file leaves it open.

    An ONNX file keeps scales inside the graph and declares none for its inputs and outputs. So ``quantization`` comes
    from the file's metadata ``edge.quantization``, a JSON object of tensor name to [scale, zero point]; without it, it
    is None.
    """

    def __init__(self, session: Any, path: Path) -> None:
        self._path = path
        self._session = session
        inputs, outputs = session.get_inputs(), session.get_outputs()
        self._inputs = [argument.name for argument in inputs]
        self._outputs = [argument.name for argument in outputs]
        self._open_batch = any(None in _sizes(argument)[:1] for argument in inputs)
        scales = _quantizations(path, session.get_modelmeta().custom_metadata_map)
        self.inputs = tuple(
            TensorSpec(a.name, _opening.batch_of_one(path, a.name, _sizes(a)), _dtype(path, a), scales.get(a.name))
            for a in inputs
        )
        dtypes = [_dtype(path, argument) for argument in outputs]
        shapes = self._output_shapes([_sizes(argument) for argument in outputs])
        self.outputs = tuple(map(TensorSpec, self._outputs, shapes, dtypes, map(scales.get, self._outputs)))

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """See Model. When a kernel refuses the values, the InputError has the kernel's message."""
        if self._session is None:
            raise _opening.closed()
        _opening.check_inputs(self.inputs, arrays)
        return self._run(arrays)

    def close(self) -> None:
        """See Model."""
        self._session = None

    def _run(self, arrays: Sequence[Array]) -> list[Array]:
        try:
            results: list[Array] = self._session.run(self._outputs, dict(zip(self._inputs, arrays, strict=True)))
        except Exception as error:  # see OnnxRuntime.open
            raise InputError(f"model {self._path} failed while running: {_reason(str(error))}") from error
        return results

    def _output_shapes(self, declared: list[list[int | None]]) -> list[tuple[int, ...]]:
        """Return the shapes at batch 1. A run on zeros tells the dimensions that the file leaves open.

        Where no input leaves its batch open, an output's open first dimension is no batch. ONNX Runtime gives no
        dimensions for a single number, and neither where it does not know how many there are.
        """
        batches = self._open_batch
        if any(not shape or None in (shape[1:] if batches else shape) for shape in declared):
            return [array.shape for array in self._run([np.zeros(s.shape, s.dtype) for s in self.inputs])]
        return [tuple(1 if size is None else size for size in shape) for shape in declared]


def _quantizations(path: Path, metadata_props: Mapping[str, str]) -> dict[str, Quantization]:
    """Return the quantizations that ``edge-convert`` wrote into the file, by tensor name."""
    try:
        rows = json.loads(metadata_props.get("edge.quantization", "{}"))
        return {name: Quantization(float(scale), int(zero)) for name, (scale, zero) in rows.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"model {path}: its metadata edge.quantization is not valid: {error}") from error


def _sizes(argument: Any) -> list[int | None]:
    """Return the declared sizes, with None for a symbolic or unknown one."""
    return [size if isinstance(size, int) and size > 0 else None for size in argument.shape]


def _dtype(path: Path, argument: Any) -> np.dtype[Any]:
    if argument.type not in _DTYPES:
        raise InputError(f"model {path}: {argument.name!r} must be a tensor of numbers, it is {argument.type}")
    return np.dtype(_DTYPES[argument.type])


def _refusal(path: Path, words: str) -> str:
    """Return the message for a file that ONNX Runtime refused, with what to do about it."""
    reason = _reason(words)
    if "Unsupported model IR version" in words or "Current official support" in words:
        return (
            f"model {path} is newer than this runtime: {reason}; update onnxruntime, or convert it for an older opset"
        )
    if any(sign in words for sign in ("No Op registered", "No opset import", "Could not find an implementation")):
        return (
            f"model {path} needs an operation that ONNX Runtime lacks: {reason}; export the network again with ONNX's "
            "own operations, or so that it ends before that one"
        )
    return f"model {path} is not an ONNX file that can be loaded: {reason}; get or convert it again"


def _reason(words: str) -> str:
    """Return ONNX Runtime's message in one line, without its error number and its source file."""
    line = " ".join(words.split())
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
    line = re.sub(r"^Load model from .*? failed: ?", "", line)
    start = max(line.find(sign) for sign in ("Unsupported model IR", "Opset ", "No Op registered", "No opset import"))
    reason = line[max(0, start) :]
    if newest := re.search(r"Current official support .*? opset \d+", reason):
        reason = f"{reason.split('. ')[0]}. {newest.group()}"
    short = reason if len(reason) <= 200 else f"{reason[:200].rsplit(' ', 1)[0]} …"
    return short.rstrip(". ")


def save_optimized(path: Path, destination: Path) -> list[str]:
    """Write the network as ONNX Runtime optimizes it, with its operations fused, to an ONNX file.

    All of its optimizers take part, those too that ``OnnxRuntime.open`` leaves out for their results. Layouts of
    tensors that depend on the processor do not, so that the file is readable.

    Args:
        path: an ``.onnx`` file.
        destination: the file to write.

    Returns:
        The execution providers that ran, by name.

    Raises:
        InputError: ONNX Runtime does not load the file.
    """
    import onnxruntime

    _opening.readable(path)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    settings.optimized_model_filepath = str(destination)
    try:
        # Without enable_fallback it would print what it could not load, and load it again.
        session = onnxruntime.InferenceSession(
            str(path), settings, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # see OnnxRuntime.open
        raise InputError(_refusal(path, str(error))) from error
    return list(session.get_providers())
