"""What each layer must compute, by its settings and its weights; its own call is not asked."""

import numpy as np

from edge.deploy._tensorflow import need
from tests.reference import convolution

need("tensorflow")

from tf_keras import layers as L  # noqa: E402, N812

from edge.models.layers import AveragePool, ChannelShuffle, ChannelSplit  # noqa: E402


def _convolution(layer, images, kernel, bias=0.0):
    how = (layer.strides, layer.padding, layer.dilation_rate, layer.groups)
    return convolution.convolve(images, kernel, bias, *how)


def _depthwise(layer, images, kernel, bias=0.0):
    return convolution.depthwise(images, kernel, bias, layer.strides, layer.padding, layer.dilation_rate)


def _separable(layer, images, kernel, pointwise, bias=0.0):
    return convolution.convolve(_depthwise(layer, images, kernel), pointwise, bias)


def _transpose(layer, images, kernel, bias=0.0):
    return convolution.transpose(images, kernel, bias, layer.strides, layer.padding, layer.dilation_rate)


def _max(layer, images):
    return convolution.max_pool(images, layer.pool_size, layer.strides, layer.padding)


def _average(layer, images):
    return convolution.average_pool(images, layer.pool_size, layer.strides, layer.padding)


def _average_with_border(layer, images):
    kernel = np.full((layer.size, layer.size, images.shape[-1], 1), 1 / layer.size**2)
    return convolution.depthwise(images, kernel, 0.0, layer.stride, "same")


def _shuffle(layer, images):
    out, each = np.empty(images.shape), images.shape[-1] // layer.groups
    for group in range(layer.groups):
        for k in range(each):
            out[..., k * layer.groups + group] = images[..., group * each + k]
    return out


def _swap(layer, images):
    half = images.shape[-1] // 2
    return np.concatenate([images[..., half:], images[..., :half]], axis=-1)


REFERENCES = {
    **dict.fromkeys((L.Conv1D, L.Conv2D, L.Conv3D), _convolution),
    **dict.fromkeys((L.DepthwiseConv1D, L.DepthwiseConv2D), _depthwise),
    **dict.fromkeys((L.SeparableConv1D, L.SeparableConv2D), _separable),
    **dict.fromkeys((L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose), _transpose),
    **dict.fromkeys((L.MaxPooling1D, L.MaxPooling2D, L.MaxPooling3D), _max),
    **dict.fromkeys((L.AveragePooling1D, L.AveragePooling2D, L.AveragePooling3D), _average),
    **dict.fromkeys(
        (L.GlobalMaxPooling1D, L.GlobalMaxPooling2D, L.GlobalMaxPooling3D),
        lambda layer, images: convolution.global_max(images),
    ),
    **dict.fromkeys(
        (L.GlobalAveragePooling1D, L.GlobalAveragePooling2D, L.GlobalAveragePooling3D),
        lambda layer, images: convolution.global_average(images),
    ),
    AveragePool: _average_with_border,
    ChannelShuffle: _shuffle,
    ChannelSplit: _swap,
}
"""For each type of layer its reference: (layer, images, *weights) to the output in float64."""
