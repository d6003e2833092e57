"""uint8 .tflite files as TensorFlow 1 made them, of one operation each, with random scales and zero points."""

import numpy as np

from tests.deploy.placement_report.made import Network

MAP, LONG = (1, 5, 6, 8), (1, 40)
VALID, RELU6 = 1, 3


class Uint8(Network):
    """A graph of uint8 tensors under construction."""

    def __init__(self, seed):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def linear(self):
        """Return the quantization of a new activation."""
        return {"scales": (float(self.rng.uniform(0.01, 0.05)),), "zero_point": int(self.rng.integers(0, 256))}

    def entry(self, shape=MAP, **linear):
        return self.input(shape, kind="UINT8", **(linear or self.linear()))

    def weights(self, least, most, *shape):
        """Return weights whose zero point is 128: from least to most after it is taken off."""
        values = self.rng.integers(least, most, shape, endpoint=True)
        values.flat[:2] = least, most
        return self.constant((values + 128).astype(np.uint8), (0.02,), 128)

    def numbers(self, values):
        return self.constant(np.array(values, np.int32))

    def bias(self, entry):
        """Return a bias for each output of the weights, which are the last tensor, with the scale of its sums."""
        scales = [self.graph.tensors[index].quantization.scale[0] for index in (entry, -1)]
        shape = self.graph.tensors[-1].shape
        values = self.rng.integers(-2000, 2000, shape[-1] if shape[0] == 1 else shape[0]).astype(np.int32)
        return self.tensor(values.shape, "INT32", (float(np.float32(scales[0]) * np.float32(scales[1])),), data=values)

    def layer(self, entry, weights, name, shape, linear, **options):
        """Add an operation with weights and a bias."""
        return self.give(name, [entry, weights, self.bias(entry)], shape, linear=linear, **options)

    def give(self, name, inputs, *shapes, linear=None, **options):
        kind = options.pop("kind", "UINT8")
        return self.operation(name, inputs, *shapes, kind=kind, **(linear or self.linear()), **options)


def convolution(net, least=-127, most=127):
    fields = {"strideW": 1, "strideH": 1, "padding": VALID, "fusedActivationFunction": RELU6}
    inputs = net.entry(), net.weights(least, most, 4, 3, 3, 8)
    return net.layer(*inputs, "CONV_2D", (1, 3, 4, 4), {"scales": (0.1,), "zero_point": 9}, **fields)


def depthwise(net):
    fields = {"strideW": 1, "strideH": 1, "padding": VALID, "depthMultiplier": 1}
    inputs = net.entry(), net.weights(-127, 127, 1, 3, 3, 8)
    return net.layer(*inputs, "DEPTHWISE_CONV_2D", (1, 3, 4, 8), {"scales": (0.1,), "zero_point": 120}, **fields)


def dense(net):
    inputs = net.entry(LONG), net.weights(-127, 127, 7, 40)
    return net.layer(*inputs, "FULLY_CONNECTED", (1, 7), {"scales": (0.2,), "zero_point": 120})


def transposed(net):
    inputs = [net.numbers([1, 10, 12, 4]), net.weights(-127, 127, 4, 2, 2, 8), net.entry()]
    fields = {"strideW": 2, "strideH": 2, "linear": {"scales": (0.1,), "zero_point": 120}}
    return net.give("TRANSPOSE_CONV", inputs, (1, 10, 12, 4), **fields)


def pooling(name, width=3, height=3):
    def built(net):
        linear = net.linear()
        fields = {"padding": VALID, "strideW": 1, "strideH": 1, "filterWidth": width, "filterHeight": height}
        return net.give(name, [net.entry(**linear)], (1, 6 - height, 7 - width, 8), linear=linear, **fields)

    return built


def moving(name, shape, *constants, first=False, **options):
    """Return a builder of an operation that keeps values and their scale."""

    def built(net):
        linear = net.linear()
        data, more = net.entry(**linear), [net.numbers(values) for values in constants]
        return net.give(name, [*more, data] if first else [data, *more], shape, linear=linear, **options)

    return built


def scaling(name, linear=None, **options):
    """Return a builder of an operation of one input whose output has a scale of its own."""
    return lambda net: net.give(name, [net.entry()], MAP, linear=linear, **options)


def joining(name, alike=False):
    """Return a builder of an operation of two inputs; whether they and the output have one scale."""

    def built(net):
        linear = net.linear() if alike else None
        return net.give(name, [net.entry(**(linear or {})), net.entry(**(linear or {}))], MAP, linear=linear)

    return built


def packing(name, shape, **options):
    def built(net):
        linear = net.linear()
        return net.give(name, [net.entry(**linear), net.entry(**linear)], shape, linear=linear, **options)

    return built


def padded_with_a_value(net):
    linear = net.linear()
    value = net.constant(np.array(77, np.uint8), linear["scales"], linear["zero_point"])
    sizes = net.numbers([[0, 0], [1, 2], [1, 1], [0, 0]])
    return net.give("PADV2", [net.entry(**linear), sizes, value], (1, 8, 8, 8), linear=linear)


def sloped(net):
    slopes = net.constant(net.rng.integers(0, 256, (1, 1, 8)).astype(np.uint8), (0.01,), 100)
    return net.give("PRELU", [net.entry(), slopes], MAP)


def largest(net):
    return net.operation("ARG_MAX", [net.entry(), net.numbers(3)], MAP[:3], kind="INT64", scales=(), outputType=4)


def to_float(net):
    return net.operation("DEQUANTIZE", [net.entry()], MAP, kind="FLOAT32", scales=())


def halves(net):
    linear = net.linear()
    both = net.give("SPLIT", [net.numbers(3), net.entry(**linear)], (1, 5, 6, 4), (1, 5, 6, 4), linear=linear,
                    numSplits=2)  # fmt: skip
    return both[1:]


SHARES = {"scales": (1 / 256,), "zero_point": 0}
OPERATIONS = {
    "ADD": joining("ADD"),
    "ARG_MAX": largest,
    "AVERAGE_POOL_2D": pooling("AVERAGE_POOL_2D"),
    "CONCATENATION": packing("CONCATENATION", (1, 5, 6, 16), axis=3),
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "DEPTH_TO_SPACE": moving("DEPTH_TO_SPACE", (1, 10, 12, 2), blockSize=2),
    "DEQUANTIZE": to_float,
    "EXPAND_DIMS": moving("EXPAND_DIMS", (1, 1, 5, 6, 8), 0),
    "FULLY_CONNECTED": dense,
    "GATHER": moving("GATHER", (1, 6, 8), [0]),
    "HARD_SWISH": scaling("HARD_SWISH"),
    "LEAKY_RELU": scaling("LEAKY_RELU", alpha=0.2),
    "LOGISTIC": scaling("LOGISTIC", SHARES),
    "LOG_SOFTMAX": scaling("LOG_SOFTMAX", {"scales": (16 / 256,), "zero_point": 255}),
    "MAXIMUM": joining("MAXIMUM", alike=True),
    "MAX_POOL_2D": pooling("MAX_POOL_2D"),
    "MINIMUM": joining("MINIMUM", alike=True),
    "MUL": joining("MUL"),
    "PACK": packing("PACK", (2, 1, 5, 6, 8), valuesCount=2),
    "PAD": moving("PAD", (1, 8, 8, 8), [[0, 0], [1, 2], [1, 1], [0, 0]]),
    "PADV2": padded_with_a_value,
    "PRELU": sloped,
    "QUANTIZE": scaling("QUANTIZE"),
    "RELU": scaling("RELU"),
    "RELU6": scaling("RELU6"),
    "RELU_N1_TO_1": scaling("RELU_N1_TO_1"),
    "RESHAPE": moving("RESHAPE", (1, 240), [1, 240]),
    "RESIZE_NEAREST_NEIGHBOR": moving("RESIZE_NEAREST_NEIGHBOR", (1, 11, 13, 8), [11, 13]),
    "SLICE": moving("SLICE", (1, 3, 3, 8), [0, 1, 1, 0], [1, 3, 3, 8]),
    "SOFTMAX": scaling("SOFTMAX", SHARES, beta=1.0),
    "SPACE_TO_DEPTH": lambda net: moving("SPACE_TO_DEPTH", (1, 5, 6, 8), blockSize=1)(net),
    "SPLIT": halves,
    "SQUEEZE": moving("SQUEEZE", (5, 6, 8)),
    "STRIDED_SLICE": moving("STRIDED_SLICE", (1, 2, 2, 8), [0, 1, 1, 0], [1, 5, 5, 8], [1, 2, 2, 1]),
    "SUB": joining("SUB"),
    "TRANSPOSE": moving("TRANSPOSE", (1, 8, 5, 6), [0, 3, 1, 2]),
    "TRANSPOSE_CONV": transposed,
}
"""A builder for each operation."""

UNEQUAL = {
    "AVERAGE_POOL_2D": pooling("AVERAGE_POOL_2D", 2, 4),
    "L2_NORMALIZATION": scaling("L2_NORMALIZATION", {"scales": (1 / 128,), "zero_point": 128}),
}
"""Operations whose kernels round differently."""


def write(path, build, seed=0):
    """Write the file of one builder and return its path."""
    net = Uint8(seed)
    return net.write(path, *build(net))
