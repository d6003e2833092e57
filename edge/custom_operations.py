"""``custom_operations`` finds the custom operations of a TFLite file, which only some runtimes can compute.

The schema of TFLite does not define custom operations. LiteRT 2.3 computes MediaPipe's ``Convolution2DTransposeBias``,
for example, but tflite_runtime does not, and LiteRT.js in a browser returns wrong values without an error. Therefore a
file with an operation that is not part of every TFLite runtime is refused wherever it is opened.
"""

import mmap
from pathlib import Path

from edge import flatbuffer
from edge.flatbuffer import Damaged

CUSTOM = 32
"""The number of CUSTOM in TFLite's BuiltinOperator."""

EDGE_TPU = "edgetpu-custom-op"
"""The custom operation that holds a program for a Coral Edge TPU."""

EVERYWHERE = frozenset({"TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram", "NumericVerify"})
"""Custom operations that TFLite's interpreter registers on every platform."""


def custom_operations(path: Path) -> tuple[str, ...]:
    """Return the sorted names of the custom operations of a ``.tflite`` file, except those of every runtime.

    The result is empty for a damaged file. The runtime then reports the damage.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            codes = list(flatbuffer.root(data).tables(1))
            custom = {code.text(1) for code in codes if CUSTOM in (code.number(3), code.number(0, "<b"))}
    except (Damaged, OSError, ValueError):
        return ()
    return tuple(sorted(custom - EVERYWHERE))


def target_of(path: Path) -> str:
    """Return the hardware that a model file without a bundle is for: ``edgetpu`` or ``cpu``.

    A file that cannot be read is for the CPU, whose backends report what is wrong with it.
    """
    compiled = path.suffix.lower() == ".tflite" and EDGE_TPU in custom_operations(path)
    return "edgetpu" if compiled else "cpu"
