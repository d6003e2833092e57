"""OpenCV's own runtime (``cv2.dnn``) on the CPU, for float ``.onnx`` files. It is there wherever OpenCV is.

It computes some operations otherwise than ONNX defines them, without an error: in OpenCV 5.0 a convolution with
``auto_pad`` and a stride, or a ``Resize`` to a smaller size. Therefore it runs only what ``CHECKED`` lists, and takes
no input with NaN or infinity; ``_onnx_checked`` says more. It opens no ``.tflite``: some published files end the
process in OpenCV's importer, and it refused the others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.backends import _onnx_file, _opening
from edge.backends._onnx_checked import ATTRIBUTES, VALUES, Checked, check_finite, refuse
from edge.backends._onnx_file import Declared
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.errors import InputError
from edge.quiet import anything, quiet
from edge.tensors import Array, TensorSpec

CHECKED = Checked(
    "OpenCV",
    {name: names for name, names in ATTRIBUTES.items() if name not in ("LogSoftmax", "Softplus")},
    {
        **VALUES,
        ("Gelu", "approximate"): ("none",),
        ("Conv", "auto_pad"): ("NOTSET", "VALID"),
        ("ConvTranspose", "auto_pad"): ("NOTSET", "VALID"),
    },
    frozenset({("nearest", "asymmetric", "floor"), ("linear", "align_corners")}),
    whole_nearest=True,
    prelu_slopes=False,
)
"""What equals ONNX Runtime's results. OpenCV's Softplus of a large number is infinite, and its Gelu knows one form."""


class OpenCvDnn(Backend):
    """It runs float32 networks. The thread count is OpenCV's, so that it holds for all of OpenCV in this process."""

    name = "opencv_dnn"
    formats = (".onnx",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend."""
        import cv2

        _opening.no_device(self.name, options)
        _opening.readable(path)
        declared = _onnx_file.read(path)
        refuse(path, declared, CHECKED)
        inputs = tuple(_spec(path, row) for row in declared.inputs)
        if not inputs or not declared.outputs:
            raise InputError(f"model {path} is not an ONNX file that can be loaded: it has no input or no output")
        try:
            with quiet(anything):  # what is logged is raised as well
                net = cv2.dnn.readNetFromONNX(str(path))
                net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
                cv2.setNumThreads(options.threads)
                return OpenCvModel(net, path, inputs, declared.outputs)
        except InputError:
            raise
        except (cv2.error, ValueError) as error:  # a name in a damaged file may not be text
            raise InputError(
                f"model {path} cannot be loaded by OpenCV: {_reason(str(error))}; run it with --backend onnxruntime"
            ) from error

    def version(self) -> str:
        """See Backend."""
        import cv2

        return f"opencv {cv2.__version__}"


class OpenCvModel(Model):
    """A network of cv2.dnn. The batch is 1 where the file leaves it open."""

    def __init__(self, net: Any, path: Path, inputs: tuple[TensorSpec, ...], outputs: Sequence[Declared]) -> None:
        """Run the network once on zeros, because only a run shows whether OpenCV can compute it.

        Args:
            net: the network of OpenCV.
            path: its file, for messages.
            inputs: its inputs.
            outputs: the outputs that the file declares.

        Raises:
            InputError: an output is not float32, or not what the file declares.
        """
        self._path, self._net = path, net
        self.inputs, self._outputs = inputs, [row.name for row in outputs]
        found = self._run([np.zeros(spec.shape, spec.dtype) for spec in inputs])
        for row, array in zip(outputs, found, strict=True):
            if row.type != _onnx_file.FLOAT or array.dtype != np.float32 or not _fits(array.shape, row.sizes):
                raise InputError(
                    f"model {path}: OpenCV gives output {row.name!r} as {array.shape} {array.dtype}, the file states "
                    "something else; run it with --backend onnxruntime"
                )
        self.outputs = tuple(TensorSpec(row.name, a.shape, a.dtype) for row, a in zip(outputs, found, strict=True))

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """See Model. When a kernel refuses the values, the InputError has the kernel's message."""
        if self._net is None:
            raise _opening.closed()
        _opening.check_inputs(self.inputs, arrays)
        check_finite(self._path, "OpenCV", self.inputs, arrays)
        return self._run(arrays)

    def close(self) -> None:
        """See Model."""
        self._net = None

    def _run(self, arrays: Sequence[Array]) -> list[Array]:
        import cv2

        try:
            for spec, array in zip(self.inputs, arrays, strict=True):
                self._net.setInput(np.ascontiguousarray(array), spec.name)
            return [np.array(array) for array in self._net.forward(self._outputs)]  # the net's own ones are reused
        except cv2.error as error:
            raise InputError(
                f"model {self._path} failed while running: {_reason(str(error))}; run it with --backend onnxruntime"
            ) from error


def _spec(path: Path, row: Declared) -> TensorSpec:
    if row.type != _onnx_file.FLOAT:
        raise InputError(
            f"model {path}: input {row.name!r} must be float32 for OpenCV; run it with --backend onnxruntime"
        )
    return TensorSpec(row.name, _opening.batch_of_one(path, row.name, row.sizes), np.dtype(np.float32))


def _fits(shape: tuple[int, ...], declared: Sequence[int | None]) -> bool:
    """Return whether an output's shape is the declared one, in which None is any size."""
    if not declared:
        return True
    return len(shape) == len(declared) and all(b is None or a == b for a, b in zip(shape, declared, strict=True))


def _reason(words: str) -> str:
    """Return OpenCV's message in one line, without the place in its source code."""
    line = " ".join(words.split()).split("error: ")[-1]
    short = line if len(line) <= 200 else f"{line[:200].rsplit(' ', 1)[0]} …"
    return short.rstrip(". ") or "no reason given"
