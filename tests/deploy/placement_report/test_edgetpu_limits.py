"""Each limit of the compiler's documentation: a file within it is mapped, one beyond it is not, and says why."""

import re

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

from edge.deploy.placement_report import edgetpu, edgetpu_limits
from tests.deploy.placement_report.made import Network, int8

IMAGE = (1, 8, 8, 16)


def conv(net, kernel=(16, 3, 3, 16), output=IMAGE, weights=None, **options):
    options = {"dilationWFactor": 1, "dilationHFactor": 1, **options}
    weights = net.constant(int8(*kernel)) if weights is None else weights
    net.operation(
        "CONV_2D", [net.input(IMAGE), weights, net.constant(np.zeros(kernel[0], np.int32))], output, **options
    )


def depthwise(net, **options):
    weights = net.constant(int8(1, 3, 3, 16), scales=[0.5] * 16)
    net.operation("DEPTHWISE_CONV_2D", [net.input(IMAGE), weights, -1], IMAGE, **options)


def unary(name, shape, output=None, **options):
    return lambda net: net.operation(name, [net.input(shape)], output or shape, **options)


def with_axes(name, shape, values, output):
    return lambda net: net.operation(name, [net.input(shape), net.constant(np.array(values))], output)


def dense(net, shape=(1, 16), kernel=(10, 16), output=(1, 10), computed=False, **options):
    weights = net.input(kernel) if computed else net.constant(int8(*kernel))
    net.operation("FULLY_CONNECTED", [net.input(shape), weights, -1], output, **options)


def concatenation(constant=None, count=1, zero_point=0, **options):
    def build(net):
        inputs = [net.input(IMAGE) for _ in range(count)]
        if constant is not None:
            inputs.append(net.constant(np.full(IMAGE, constant, np.int8), zero_point=zero_point))
        net.operation("CONCATENATION", inputs, (1, 8, 8, 16 * len(inputs)), axis=3, **options)

    return build


def resize(source, target, name="RESIZE_BILINEAR"):
    return with_axes(name, source, target[1:3], target)


def sliced(strides=(1, 1, 1, 1), **options):
    def build(net):
        begin, end = net.constant(np.zeros(4, np.int32)), net.constant(np.array([1, 4, 4, 16], np.int32))
        inputs = [net.input(IMAGE), begin, end, net.constant(np.array(strides, np.int32))]
        net.operation("STRIDED_SLICE", inputs, (1, 4, 4, 16), **options)

    return build


def split(axis, shapes):
    return lambda net: net.operation(
        "SPLIT", [net.constant(np.array(axis, np.int32)), net.input((2, 8, 8))], *shapes, numSplits=2
    )


def prelu(shape):
    return lambda net: net.operation("PRELU", [net.input(IMAGE), net.constant(int8(*shape))], IMAGE)


def lstm(computed=False):
    def build(net):
        weights = [net.input((4, 16)) if computed else net.constant(int8(4, 16)) for _ in range(8)]
        state = net.tensor((1, 4), variable=True)
        cell = net.tensor((1, 4), "INT16", variable=True)
        inputs = [net.input((1, 5, 16)), *weights, *[-1] * 9, state, cell]
        net.operation("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 5, 4))

    return build


def transpose_conv(computed=False):
    def build(net):
        weights = net.input((16, 2, 2, 16)) if computed else net.constant(int8(16, 2, 2, 16))
        net.operation(
            "TRANSPOSE_CONV", [net.constant(np.array([1, 16, 16, 16])), weights, net.input(IMAGE)], (1, 16, 16, 16)
        )

    return build


def pack(axis):
    return lambda net: net.operation(
        "PACK",
        [net.input((8, 16)), net.input((8, 16))],
        (2, 8, 16) if axis == 0 else (8, 2, 16),
        axis=axis,
        valuesCount=2,
    )


WITHIN = {
    "conv": conv,
    "conv dilated alike": lambda net: conv(net, dilationWFactor=2, dilationHFactor=2, fusedActivationFunction=3),
    "depthwise, per channel": depthwise,
    "dense": dense,
    "dense, kept dimensions": lambda net: dense(net, (1, 1, 16), output=(1, 1, 10), keepNumDims=True),
    "average pool": unary("AVERAGE_POOL_2D", IMAGE, (1, 4, 4, 16)),
    "concatenation": concatenation(count=3),
    "concatenation with zeros": concatenation(constant=0),
    "concatenation with quantized zeros": concatenation(constant=-5, zero_point=-5),
    "l2 norm": unary("L2_NORMALIZATION", (1, 64)),
    "mean of pixels": with_axes("MEAN", IMAGE, [1, 2], (1, 16)),
    "mean of channels": with_axes("MEAN", IMAGE, [-1], (1, 8, 8)),
    "mean of 64x128": with_axes("MEAN", (1, 64, 128, 3), [1, 2], (1, 3)),
    "sum": with_axes("SUM", IMAGE, [3], (1, 8, 8)),
    "reduce max": with_axes("REDUCE_MAX", IMAGE, [1], (1, 8, 16)),
    "pack": pack(1),
    "pad": with_axes("PAD", IMAGE, [[0, 0], [1, 1], [1, 1], [2, 0]], (1, 10, 10, 18)),
    "prelu": prelu((1, 1, 16)),
    "requantize": lambda net: net.operation("QUANTIZE", [net.input(IMAGE, kind="UINT8")], IMAGE),
    "resize": resize(IMAGE, (1, 16, 16, 16)),
    "resize nearest": resize((1, 40, 40, 256), (1, 80, 80, 256), "RESIZE_NEAREST_NEIGHBOR"),
    "softmax": unary("SOFTMAX", (1, 16000)),
    "strided slice": sliced(),
    "split": split(2, [(2, 8, 4), (2, 8, 4)]),
    "transpose of 3": with_axes("TRANSPOSE", (1, 64, 2, 8), [0, 1, 3, 2], (1, 64, 8, 2)),
    "5 dimensions, 3 above 1": unary("RELU", (1, 1, 8, 8, 16)),
    "lstm": lstm(),
    "transposed convolution": transpose_conv(),
    "uint8": lambda net: net.operation("RELU6", [net.input(IMAGE, kind="UINT8")], IMAGE, kind="UINT8"),
}

BEYOND = {
    "conv dilated by 2x1": (lambda net: conv(net, dilationWFactor=2), "dilation is 2x1"),
    "conv, computed weights": (lambda net: conv(net, weights=net.input((16, 3, 3, 16))), "'t0' is computed"),
    "grouped conv": (lambda net: conv(net, kernel=(16, 3, 3, 4)), r"grouped convolution \(16 channels, 4 in a group\)"),
    "depthwise dilated by 1x3": (lambda net: depthwise(net, dilationWFactor=1, dilationHFactor=3), "dilation is 1x3"),
    "dense, computed weights": (lambda net: dense(net, computed=True), "is computed, and the compiler needs"),
    "dense on rows": (lambda net: dense(net, (5, 16), output=(5, 10)), "output is 5x10, and the output of a dense"),
    "dense, shuffled weights": (lambda net: dense(net, weightsFormat=1), "weights are shuffled"),
    "average pool, fused": (
        unary("AVERAGE_POOL_2D", IMAGE, (1, 4, 4, 16), fusedActivationFunction=1), "fused activation"),
    "max pool, fused": (unary("MAX_POOL_2D", IMAGE, (1, 4, 4, 16), fusedActivationFunction=3), "fused activation"),
    "concatenation, fused": (concatenation(count=2, fusedActivationFunction=1), "fused activation"),
    "concatenation with ones": (concatenation(constant=1), "joins the constant 't1'"),
    "concatenation of three with zeros": (concatenation(constant=0, count=2), "joins the constant 't2'"),
    "mean of 6 channels": (with_axes("MEAN", (1, 8, 8, 6), [3], (1, 8, 8)), "6 channels, which must be a mul"),
    "mean of the batch": (with_axes("MEAN", IMAGE, [0], (8, 8, 16)), "reduces the batch"),
    "mean of 256x128": (with_axes("MEAN", (1, 256, 128, 3), [1, 2], (1, 3)), "averages 32,768 pixels"),
    "sum of the batch": (with_axes("SUM", (2, 8, 8), [-3], (8, 8)), "reduces the batch"),
    "reduce min of the batch": (with_axes("REDUCE_MIN", (2, 8, 8), [0], (8, 8)), "reduces the batch"),
    "pack the batch": (pack(0), "packs along the batch"),
    "pad the batch": (with_axes("PAD", (1, 8, 16), [[1, 0], [0, 0], [0, 0]], (2, 8, 16)), "pads the batch"),
    "prelu, a slope a pixel": (prelu((8, 8, 16)), "slopes are 8x8x16"),
    "resize of a pixel": (resize((1, 1, 1, 16), (1, 33, 33, 16)), "enlarges a single pixel"),
    "resize to 1024x1024x3": (resize((1, 512, 512, 3), (1, 1024, 1024, 3), "RESIZE_NEAREST_NEIGHBOR"), "too large"),
    "softmax of 16,001": (unary("SOFTMAX", (1, 16001)), "one vector of at most 16,000"),
    "softmax of pixels": (unary("SOFTMAX", (1, 8, 8, 2)), "input is 1x8x8x2"),
    "strided slice with a stride": (sliced((1, 2, 2, 1)), "strides are 1x2x2x1"),
    "strided slice with a new axis": (sliced(newAxisMask=1), "adds an axis"),
    "strided slice with an ellipsis": (sliced(ellipsisMask=1), "ellipsis"),
    "split the batch": (split(0, [(1, 8, 8), (1, 8, 8)]), "splits the batch"),
    "transpose of 5": (
        with_axes("TRANSPOSE", (1, 8, 8, 2, 8), [0, 1, 2, 4, 3], (1, 8, 8, 8, 2)), "is 1x8x8x2x8, and only the 3"),
    "transpose of the batch": (with_axes("TRANSPOSE", (1, 8, 8, 16), [3, 1, 2, 0], (16, 8, 8, 1)), "moves the batch"),
    "batch of 2": (unary("RELU", (2, 8, 8, 16)), "is 2x8x8x16, and only the 3 innermost sizes"),
    "lstm, computed weights": (lstm(computed=True), "is computed"),
    "transposed convolution, computed weights": (transpose_conv(computed=True), "is computed"),
    "int16": (
        lambda net: net.operation("RELU", [net.input(IMAGE, kind="INT16")], IMAGE, kind="INT16"), "works on int16"),
    "no scale": (lambda net: net.operation("RELU", [net.input(IMAGE, scales=())], IMAGE), "'t0' has no scale"),
    "scales of channels": (
        lambda net: net.operation("RELU", [net.input(IMAGE, scales=[0.1] * 16)], IMAGE), "'t0' has 16 scales"),
    "float constant": (
        lambda net: net.operation("ADD", [net.input(IMAGE), net.constant(np.ones(16, np.float32))], IMAGE),
        "constant 't1' is float32"),
    "hard-swish": (unary("HARD_SWISH", IMAGE), "hard-swish has no kernel"),
    "leaky relu": (unary("LEAKY_RELU", IMAGE), "leaky relu has no kernel"),
}  # fmt: skip


DOCUMENTED = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED L2_NORMALIZATION
    LOGISTIC UNIDIRECTIONAL_SEQUENCE_LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE
    REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE
    SOFTMAX SPACE_TO_DEPTH SPLIT SQUEEZE STRIDED_SLICE SUB SUM SQUARED_DIFFERENCE TANH TRANSPOSE TRANSPOSE_CONV
"""


@pytest.mark.parametrize("case", WITHIN)
def test_within_the_limits_it_is_mapped(tmp_path, case):
    net = Network()
    WITHIN[case](net)
    (row,) = edgetpu.report(net.write(tmp_path / "x.tflite")).operations
    assert (row.placement, row.fix) == ("tpu", None), row.reason


@pytest.mark.parametrize("case", BEYOND)
def test_beyond_a_limit_it_is_on_the_cpu_with_a_reason_and_a_fix(tmp_path, case):
    build, reason = BEYOND[case]
    net = Network()
    build(net)
    (row,) = edgetpu.report(net.write(tmp_path / "x.tflite")).operations
    assert row.placement == "cpu"
    assert re.search(reason, row.reason), row.reason
    assert row.fix


def test_the_table_is_that_of_the_documentation():
    """The operations of https://coral.ai/docs/edgetpu/models-intro, table "Supported operations", runtime 14."""
    assert set(edgetpu_limits.SUPPORTED) == set(DOCUMENTED.split())
