"""``ClipPreprocessor`` turns camera frames into the input of a network for clips: a window of the last frames."""

from dataclasses import replace

import numpy as np

from edge.errors import InputError
from edge.imaging import Image, InputFormat, Prepared, Preprocessor
from edge.tensors import TensorSpec


class ClipPreprocessor:
    """Turns BGR frames of any size into an input of the last n frames, with the oldest first.

    Each call returns a whole clip, so that every frame has a result. Until n frames have arrived, copies of the first
    frame fill the window. Frames that were dropped or skipped are not in it.
    """

    def __init__(self, spec: TensorSpec, form: InputFormat, rotation: int = 0) -> None:
        """Check the format against the input, and allocate the buffers.

        Args:
            spec: the clip input, batch 1: (1, frames, height, width, channels), or (1, frames, channels, height,
                width) when ``form.layout`` is NCHW.
            form: how the pixels of each frame become the input's values.
            rotation: the clockwise rotation of each frame before it is resized: 0, 90, 180 or 270 degrees.

        Raises:
            InputError: the input is not a clip of this format.
        """
        if len(spec.shape) != 5 or spec.shape[0] != 1 or spec.shape[1] < 1:
            raise InputError(
                f"a clip network's input must have shape (1, frames, height, width, channels), got {spec.shape}"
            )
        self._prepare = Preprocessor(replace(spec, shape=(1, *spec.shape[2:])), form, rotation)
        self._ring = np.empty(spec.shape[1:], spec.dtype)
        self._tensor = np.empty(spec.shape, spec.dtype)
        self._count = 0

    def __call__(self, image: Image) -> Prepared:
        """Add a frame and return the clip that ends with it, and where that frame lies in the input.

        Args:
            image: (height, width, 3) uint8 BGR.
        """
        frame, placement = self._prepare(image)
        at = self._count % len(self._ring)
        if self._count:
            self._ring[at] = frame[0]
        else:
            self._ring[:] = frame[0]
        self._count += 1
        oldest = (at + 1) % len(self._ring)
        np.concatenate([self._ring[oldest:], self._ring[:oldest]], out=self._tensor[0])
        return Prepared(self._tensor, placement)
