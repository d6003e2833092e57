"""The mapping of pixels to the network's input that most dataset tasks use: 0 to 255 becomes -1 to 1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MEAN = STD = 127.5
"""The network's input is (pixel - MEAN) / STD."""

FACTS = {"mean": [MEAN], "std": [STD]}
"""What the training record says about the normalization."""


def normalize(images: Any) -> NDArray[np.float32]:
    """Map pixels from 0 to 255, of any shape and dtype, to float32 from -1 to 1."""
    return (np.asarray(images, np.float32) - np.float32(MEAN)) / np.float32(STD)
