"""OpenVINO on the CPU, for float ``.onnx`` and ``.tflite`` files and for its own ``.xml`` with the ``.bin`` beside it.

It refuses quantized networks. Its optimizer joins and drops steps of quantization, so that the outputs of our int8
networks were up to 24 steps from those of LiteRT and ONNX Runtime, which agree with each other.

Of ONNX files it runs only the operations in ``CHECKED``, and it takes no input with NaN or infinity;
``_onnx_checked`` says more. The operations of ``.tflite`` and ``.xml`` are not listed: only whole networks were
compared with LiteRT.
"""

import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.backends import _onnx_file, _opening, _tflite
from edge.backends._onnx_checked import ATTRIBUTES, VALUES, Checked, check_finite, refuse
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.errors import InputError
from edge.quiet import anything, quiet
from edge.tensors import Array, TensorSpec

_CONVERTER = "openvino.tools.ovc"
"""OpenVINO's own converter, which nothing here uses. It takes half of the import's time, and loads the telemetry."""

_QUANTIZED, _STATE = "FakeQuantize", "ReadValue"
"""Operations of OpenVINO's graphs: any step of quantization, and what is kept from run to run."""

_PLAIN = (
    "Asinh Atan Ceil Cos Equal Floor GatherND Greater GreaterOrEqual Less LessOrEqual Reciprocal Round ScatterND Sign "
    "Sin Sum Where"
)
_PLACES = ("asymmetric", "half_pixel", "pytorch_half_pixel")
_ROUNDINGS = ("floor", "ceil", "round_prefer_floor")

CHECKED = Checked(
    "OpenVINO",
    {
        **ATTRIBUTES,
        **dict.fromkeys(_PLAIN.split(), ""),
        **dict.fromkeys(("ReduceProd", "ReduceSumSquare"), "axes keepdims"),
        **dict.fromkeys(("ArgMax", "ArgMin"), "axis keepdims select_last_index"),
        "Cast": "to",
        "Celu": "alpha",
        "CumSum": "exclusive reverse",
        "Einsum": "equation",
        "GatherElements": "axis",
        "LRN": "alpha beta bias size",
        "LpNormalization": "axis p",
        "Mod": "fmod",
        "ThresholdedRelu": "alpha",
        "TopK": "axis k largest sorted",
    },
    {
        **{key: values for key, values in VALUES.items() if key[1] != "auto_pad"},
        ("Cast", "to"): (1, 6, 7, 9),  # float32, int32, int64, bool
        ("TopK", "sorted"): (1,),
    },
    frozenset(
        {
            *((mode, place) for mode in ("linear", "cubic") for place in (*_PLACES, "align_corners")),
            *(("nearest", place, rounding) for place in _PLACES for rounding in _ROUNDINGS),
        }
    ),
    exact_scales=True,
)
"""What equals ONNX Runtime's results in ONNX files."""

_SETTINGS = {
    "INFERENCE_PRECISION_HINT": "f32",  # some processors would compute in bfloat16 or float16
    "NUM_STREAMS": 1,
    "ENABLE_CPU_PINNING": False,  # other threads of this process, and other processes, need the cores too
}


class OpenVino(Backend):
    """It runs float networks. It sends no telemetry, and writes no cache."""

    name = "openvino"
    formats = (".onnx", ".tflite", ".xml")

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend."""
        openvino = _imported()
        _opening.no_device(self.name, options)
        _opening.readable(path)
        if path.suffix.lower() == ".tflite":
            _tflite.refuse_custom_operations(path)
        try:
            with quiet(anything):  # what is logged is raised as well
                graph = _graph(openvino, path)
                _refuse(path, {node.get_type_name() for node in graph.get_ops()})
                if path.suffix.lower() == ".onnx":
                    refuse(path, _onnx_file.read(path), CHECKED)
                names = _names(path, graph)
                _fix_batch(path, graph, names.inputs)
                settings = {**_SETTINGS, "INFERENCE_NUM_THREADS": options.threads}
                return OpenVinoModel(openvino.Core().compile_model(graph, "CPU", settings), path, names)
        except InputError:
            raise
        except Exception as error:  # its exceptions have no base class of their own
            raise InputError(_refusal(path, str(error))) from error

    def version(self) -> str:
        """See Backend."""
        from importlib import metadata

        return f"openvino {metadata.version('openvino')}"


class OpenVinoModel(Model):
    """A network in an OpenVINO request. The batch is 1 where the file leaves it open."""

    def __init__(self, compiled: Any, path: Path, names: "_Names") -> None:
        """Wrap a compiled network, and run it on zeros where the file does not tell the shapes of its outputs.

        Args:
            compiled: the network.
            path: its file.
            names: the names of its inputs and outputs in the file.
        """
        self._path = path
        self._request = compiled.create_infer_request()
        self.inputs = tuple(map(partial(_spec, path), names.inputs, compiled.inputs, map(_sizes, compiled.inputs)))
        shapes: list[Sequence[int | None]] = [_sizes(port) for port in compiled.outputs]
        if any(None in shape for shape in shapes):
            shapes = [array.shape for array in self._run([np.zeros(s.shape, s.dtype) for s in self.inputs])]
        self.outputs = tuple(map(partial(_spec, path), names.outputs, compiled.outputs, shapes))

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """See Model. When a kernel refuses the values, the InputError has the kernel's message."""
        if self._request is None:
            raise _opening.closed()
        _opening.check_inputs(self.inputs, arrays)
        check_finite(self._path, "OpenVINO", self.inputs, arrays)
        return self._run(arrays)

    def close(self) -> None:
        """See Model."""
        self._request = None

    def _run(self, arrays: Sequence[Array]) -> list[Array]:
        try:
            found = self._request.infer([np.ascontiguousarray(array) for array in arrays], share_inputs=True)
        except Exception as error:  # see OpenVino.open
            raise InputError(f"model {self._path} failed while running: {_reason(str(error))}") from error
        return [found[place] for place in range(len(found))]


def _imported() -> Any:
    """Import the package without its converter."""
    if "openvino" in sys.modules or _CONVERTER in sys.modules:
        import openvino

        return openvino
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]  # an import of it fails, which the package allows for
    try:
        import openvino
    finally:
        del sys.modules[_CONVERTER]
    return openvino


def _graph(openvino: Any, path: Path) -> Any:
    """Read a file as what its suffix says. ``Core.read_model`` would try every format that it knows, TensorFlow's too.

    Files are read into memory, because one that is replaced while it is mapped ends the process.
    """
    framework = {".onnx": "onnx", ".tflite": "tflite"}.get(path.suffix.lower())
    if framework is None:
        core = openvino.Core()
        core.set_property({"ENABLE_MMAP": False})
        return core.read_model(str(path), str(path.with_suffix(".bin")))
    reader = openvino.frontend.FrontEndManager().load_by_framework(framework)
    return reader.convert(reader.load(str(path), False))


class _Names(NamedTuple):
    """The names of a network's inputs and outputs in its file, in the file's order."""

    inputs: Sequence[str]
    outputs: Sequence[str]


def _names(path: Path, graph: Any) -> _Names:
    """Return the names in the file. OpenVINO's own are others where an input is handed on as an output."""
    if path.suffix.lower() == ".onnx":
        declared = _onnx_file.read(path)
        return _Names([row.name for row in declared.inputs], [row.name for row in declared.outputs])
    return _Names([_name(port) for port in graph.inputs], [_name(port) for port in graph.outputs])


def _name(port: Any) -> str:
    """Return the name of an input or output. OpenVINO adds ``/sink_port_0`` to those of outputs."""
    name = re.sub(r"/sink_port_\d+$", "", str(port.get_node().get_friendly_name()))
    names = port.get_names()
    return name if name in names or not names else min(names)


def _fix_batch(path: Path, graph: Any, names: Sequence[str]) -> None:
    """Set an open batch to 1, see ``batch_of_one``."""
    rows = zip(names, graph.inputs, strict=True)
    shapes = {port: _opening.batch_of_one(path, name, _sizes(port)) for name, port in rows}
    if any(port.get_partial_shape().is_dynamic for port in graph.inputs):
        graph.reshape({port: list(shape) for port, shape in shapes.items()})


def _sizes(port: Any) -> list[int | None]:
    """Return the declared sizes, with None for an open one. One None stands for an unknown number of dimensions."""
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return [None, None]
    return [None if size.is_dynamic else int(size.get_length()) for size in shape]


def _spec(path: Path, name: str, port: Any, shape: Sequence[int | None]) -> TensorSpec:
    dtype = np.dtype(port.get_element_type().to_dtype())
    if dtype.kind not in "fiub":
        raise InputError(f"model {path}: tensor {name!r} must hold numbers, it holds {dtype.name}")
    return TensorSpec(name, tuple(int(size or 1) for size in shape), dtype)


def _refuse(path: Path, operations: set[str]) -> None:
    """Refuse a network that OpenVINO would compute otherwise than its file says. Raises InputError."""
    other = _other(path)
    if _QUANTIZED in operations:
        raise InputError(
            f"model {path} is quantized, and OpenVINO rounds such networks otherwise than their file says; {other}"
        )
    if _STATE in operations:
        raise InputError(f"model {path} keeps values from run to run, which this backend does not support; {other}")


def _other(path: Path) -> str:
    """Return what to do with a file that another runtime may run."""
    other = {".onnx": "onnxruntime", ".tflite": "litert"}.get(path.suffix.lower())
    return f"run it with --backend {other}" if other else "take the ONNX or TFLite file that it was made of"


def _refusal(path: Path, words: str) -> str:
    """Return the message for a file that OpenVINO refused, with what to do about it."""
    reason = _reason(words)
    if lacking := re.search(r"No conversion rule found for operations: ([^\n]+)", words):
        return f"model {path} needs operations that OpenVINO lacks: {lacking[1].strip(' .')[:100]}; {_other(path)}"
    if "Unexpected type" in words or "not supported" in words:
        return f"model {path} cannot be run by OpenVINO: {reason}; {_other(path)}"
    return f"model {path} is not a file that OpenVINO can load: {reason}; {_other(path)}, or get it again"


def _reason(words: str) -> str:
    """Return OpenVINO's message in one line, without the places in its own source code."""
    line = " ".join(words.split())
    line = re.sub(r"(Exception from |Check '.*?' failed at )\S+?:\d+:\s*", "", line)
    line = re.sub(r"FrontEnd API failed with \w+:\s*", "", line)
    short = line if len(line) <= 200 else f"{line[:200].rsplit(' ', 1)[0]} …"
    return short.strip().rstrip(".") or "no reason given"
