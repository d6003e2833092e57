"""Cross-layer equalization: channels between two layers are scaled so that one int8 step suits all of them.

The first layer's outputs are multiplied by a factor for each channel, and the second layer's weights are divided by it.
The network computes the same. A channel with small values otherwise has few of the 256 steps, because a tensor has one
scale for all its channels.

Source: Nagel et al. 2019, https://arxiv.org/abs/1906.04721 (data-free quantization, section 4.1); the compromise of
``factors`` is that of Xiao et al. 2023, https://arxiv.org/abs/2211.10438 (SmoothQuant, equation 4).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARE = 0.6
"""How much of the difference between channels goes into the weights of the second layer (SmoothQuant's alpha).

GPTQ makes up for the rounding of weights, so activations get more than half. From 0.5 to 0.75 the results are alike.
"""

LIMIT = 100.0
"""The factors are at most this, because a channel that was almost never active may be later."""


def factors(largest: Floats, weights: Floats | None) -> Floats:
    """Return the factor of each channel, (channels,). That of a channel without values or without weights is 1.

    Args:
        largest: (channels,), the largest magnitude of each channel between the layers.
        weights: (channels,), the largest magnitude of the second layer's weights for each channel. None for a depthwise
            layer, whose weights have a scale for each channel anyway: then all channels get the same range.
    """
    ones = np.ones_like(largest)
    used = largest > 0 if weights is None else (largest > 0) & (weights > 0)
    if not used.any():
        return ones
    alpha, by_weight = (1.0, ones) if weights is None else (SHARE, np.where(used, weights, 1.0))
    wanted = np.where(used, largest, 1.0) ** -alpha * by_weight ** (1 - alpha)
    wanted *= largest[used].max() / (wanted * largest)[used].max()
    return np.where(used, np.clip(wanted, 1 / LIMIT, LIMIT), 1.0)
