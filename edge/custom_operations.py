"""The custom operations of a TFLite file: what they compute stands in no schema, only in a program that knows them.

A runtime may know one by chance: LiteRT 2.3 computes MediaPipe's ``Convolution2DTransposeBias``, tflite_runtime and
the browser's LiteRT.js do not, and the latter gives garbage without a word. So a file with an operation that does not
belong to every TFLite runtime is refused wherever it is opened.
"""

import mmap
from pathlib import Path

from edge import flatbuffer
from edge.flatbuffer import Damaged

CUSTOM = 32
"""The number of CUSTOM among TFLite's builtin operators."""

EVERYWHERE = frozenset({"TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram", "NumericVerify"})
"""Custom operations that TFLite's own interpreter has registered on every platform."""


def custom_operations(path: Path) -> tuple[str, ...]:
    """Return the names of a ``.tflite`` file's custom operations, sorted, without those that every runtime has.

    A file that is damaged has none: the runtime says what is wrong with it.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            codes = list(flatbuffer.root(data).tables(1))
            custom = {code.text(1) for code in codes if CUSTOM in (code.number(3), code.number(0, "<b"))}
    except (Damaged, OSError, ValueError):
        return ()
    return tuple(sorted(custom - EVERYWHERE))
