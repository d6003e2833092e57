"""Convolution and pooling written out, one kernel position after the other; numpy in float64, shared with nobody.

Images are channels-last: (batch, *sides, channels) with one side, two or three. ``stride``, ``dilation`` and
``window`` hold one integer a side; a single integer serves all sides. ``padding`` is valid or same, the latter as
TensorFlow means it (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2): an odd zero goes behind.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

ALL = slice(None)


@dataclass(frozen=True)
class Grid:
    """Where the windows lie over an image's sides. All fields but padding hold one integer a side."""

    sides: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str

    @property
    def out(self):
        """Return the output's sides: every stride-th position for same, the windows wholly inside for valid."""
        rows = zip(self.sides, extents(self.window, self.dilation), self.stride, strict=True)
        if self.padding == "same":
            return tuple(ceil(size / stride) for size, _, stride in rows)
        return tuple((size - extent) // stride + 1 for size, extent, stride in rows)

    @property
    def before(self):
        """Return how many zeros precede each side: half of what the last window lacks, rounded down."""
        if self.padding == "valid":
            return (0,) * len(self.sides)
        rows = zip(self.out, self.sides, extents(self.window, self.dilation), self.stride, strict=True)
        return tuple(max((out - 1) * stride + extent - size, 0) // 2 for out, size, extent, stride in rows)

    def taps(self):
        """Yield (output position, kernel position, image position) of everything that lies inside the image."""
        before = self.before
        for at in np.ndindex(*self.out):
            for k in np.ndindex(*self.window):
                rows = zip(at, self.stride, k, self.dilation, before, strict=True)
                source = tuple(p * stride + q * dilation - zeros for p, stride, q, dilation, zeros in rows)
                if all(0 <= i < size for i, size in zip(source, self.sides, strict=True)):
                    yield at, k, source


def extents(window, dilation):
    """Return how far a window reaches along each side, its holes counted."""
    return tuple((size - 1) * step + 1 for size, step in zip(window, dilation, strict=True))


def grid(sides, window, stride=1, padding="valid", dilation=1):
    """Return the Grid over ``sides``; a single integer serves all of them."""
    each = [(value,) * len(sides) if isinstance(value, int) else tuple(value) for value in (window, stride, dilation)]
    return Grid(tuple(sides), *each, padding)


def convolve(images, kernel, bias=0.0, stride=1, padding="valid", dilation=1, groups=1):
    """Return the convolution; group g reads the g-th part of the channels and makes the g-th part of the filters.

    kernel: (*window, channels / groups, filters). bias: (filters,).
    out[p, f] = bias[f] + sum over k, c of images[p * stride + k * dilation - before, c] * kernel[k, c, f]
    """
    where = grid(images.shape[1:-1], kernel.shape[:-2], stride, padding, dilation)
    parts = zip(np.split(images, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    return np.concatenate([_convolve(channels, filters, where) for channels, filters in parts], axis=-1) + bias


def _convolve(images, kernel, where):
    out = np.zeros((len(images), *where.out, kernel.shape[-1]))
    for at, k, source in where.taps():
        out[(ALL, *at)] += images[(ALL, *source)] @ kernel[k].astype(np.float64)
    return out


def depthwise(images, kernel, bias=0.0, stride=1, padding="valid", dilation=1):
    """Return the depthwise convolution; output channel c * multiplier + m reads channel c alone.

    kernel: (*window, channels, multiplier). bias: (channels * multiplier,).
    """
    where = grid(images.shape[1:-1], kernel.shape[:-2], stride, padding, dilation)
    channels, multiplier = kernel.shape[-2:]
    out = np.zeros((len(images), *where.out, channels * multiplier))
    for at, k, source in where.taps():
        for c in range(channels):
            for m in range(multiplier):
                out[(ALL, *at, c * multiplier + m)] += images[(ALL, *source, c)] * kernel[(*k, c, m)]
    return out + bias


def transpose(images, kernel, bias=0.0, stride=1, padding="valid", dilation=1):
    """Return the transposed convolution: each input position adds to the outputs that a convolution read it from.

    kernel: (*window, filters, channels). bias: (filters,).
    The output has n * stride positions a side for same, (n - 1) * stride + max(extent, stride) for valid.
    """
    over = grid(images.shape[1:-1], kernel.shape[:-2], stride, padding, dilation)
    rows = list(zip(over.sides, over.stride, extents(over.window, over.dilation), strict=True))
    same = tuple(size * step for size, step, _ in rows)
    valid = tuple((size - 1) * step + max(extent, step) for size, step, extent in rows)
    where = grid(same if padding == "same" else valid, over.window, stride, padding, dilation)
    out = np.zeros((len(images), *where.sides, kernel.shape[-2]))
    for at, k, target in where.taps():
        out[(ALL, *target)] += images[(ALL, *at)] @ kernel[k].T.astype(np.float64)
    return out + bias


def max_pool(images, window, stride=1, padding="valid"):
    """Return the largest value of each window; positions beyond the border do not take part."""
    where = grid(images.shape[1:-1], window, stride, padding)
    out = np.full((len(images), *where.out, images.shape[-1]), -np.inf)
    for at, _, source in where.taps():
        out[(ALL, *at)] = np.maximum(out[(ALL, *at)], images[(ALL, *source)])
    return out


def average_pool(images, window, stride=1, padding="valid"):
    """Return the mean of each window, over the positions inside the image only."""
    where = grid(images.shape[1:-1], window, stride, padding)
    total = np.zeros((len(images), *where.out, images.shape[-1]))
    count = np.zeros((*where.out, 1))
    for at, _, source in where.taps():
        total[(ALL, *at)] += images[(ALL, *source)]
        count[at] += 1
    return total / count


def global_max(images):
    """Return the largest value of each channel, (batch, channels)."""
    return images.reshape(len(images), -1, images.shape[-1]).max(axis=1).astype(np.float64)


def global_average(images):
    """Return the mean of each channel, (batch, channels)."""
    return images.reshape(len(images), -1, images.shape[-1]).mean(axis=1, dtype=np.float64)
