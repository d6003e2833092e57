"""Many variants of each operation that OpenVINO or OpenCV may run, with every attribute that is checked."""

from itertools import product

import numpy as np

from tests.backends.operations import IMAGE, ROWS, Row, _ints, _normal, _positive, _resize

_BOOL, _INT64, _INT32 = 9, 7, 6
_PADS = ([0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1])
_SAME = ("SAME_UPPER", "SAME_LOWER", "VALID")
_FLAGS = np.random.default_rng(1).uniform(size=(1, 3, 9, 10)) > 0.5


def _pools():
    for name, kernel, strides, pads in product(
        ("MaxPool", "AveragePool"), ([3, 3], [2, 2], [3, 2]), ([1, 1], [3, 2]), _PADS
    ):
        rest = {"kernel_shape": kernel, "strides": strides, "pads": pads}
        yield Row(name, attributes={**rest, "ceil_mode": 0})
        if name == "AveragePool":
            yield Row(name, attributes={**rest, "count_include_pad": 1})
    for name, auto in product(("MaxPool", "AveragePool"), _SAME):
        yield Row(name, attributes={"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": auto})
    yield Row("MaxPool", attributes={"kernel_shape": [2, 2], "dilations": [2, 2], "storage_order": 0})
    yield Row("MaxPool", (1, 3, 9), (), {"kernel_shape": [3], "strides": [2]})
    yield Row("AveragePool", (1, 2, 4, 5, 6), (), {"kernel_shape": [2, 2, 2]})


def _convolutions():
    for group, stride, pads, dilation in product((1, 3), (1, 2), _PADS, (1, 2)):
        rest = {"group": group, "strides": [stride] * 2, "pads": pads, "dilations": [dilation] * 2}
        yield Row("Conv", IMAGE, (_normal(6, 3 // group, 3, 3),), {**rest, "kernel_shape": [3, 3]})
        yield Row("ConvTranspose", IMAGE, (_normal(3, 4, 3, 3), _normal(4 * group)), rest)
        if stride == 2:
            yield Row("ConvTranspose", IMAGE, (_normal(3, 4, 3, 3),), {**rest, "output_padding": [1, 1]})
    for auto in _SAME:
        yield Row("Conv", IMAGE, (_normal(6, 3, 3, 3),), {"auto_pad": auto, "strides": [2, 2]})
        yield Row("ConvTranspose", IMAGE, (_normal(3, 4, 3, 3),), {"auto_pad": auto, "kernel_shape": [3, 3]})
    yield Row("Conv", (1, 3, 9), (_normal(4, 3, 3),), {"pads": [1, 1]})
    yield Row("Conv", (1, 2, 4, 5, 6), (_normal(4, 2, 3, 3, 3),))


def _reductions():
    names = ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceProd", "ReduceSumSquare")
    for name, axes, kept in product(names, ([1], [2, 3], [-1], [3, 1]), (0, 1)):
        yield Row(name, attributes={"axes": axes, "keepdims": kept}, opset=11)
        yield Row(name, IMAGE, (_ints(*axes),), {"keepdims": kept}, 18)
    for name, axis, kept in product(("ArgMax", "ArgMin"), (1, -1), (0, 1)):
        yield Row(name, attributes={"axis": axis, "keepdims": kept, "select_last_index": 0}, result=_INT64)
        yield Row(name, attributes={"axis": axis, "keepdims": kept, "select_last_index": 1}, result=_INT64)


def _elementwise():
    for name, shape in product(
        ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"), ((), (1,), (10,), (9, 1), (3, 1, 1), (2, 1, 1, 1))
    ):
        for place in (0, 1):
            yield Row(name, IMAGE, (_positive(*shape),), place=place)
    for name in ("Asinh", "Atan", "Ceil", "Cos", "Floor", "Reciprocal", "Round", "Sign", "Sin", "Softplus"):
        yield Row(name)
    for name in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
        yield Row(name, IMAGE, (_normal(3, 1, 1),), result=_BOOL)
    for name, alpha in product(("LeakyRelu", "Elu", "Celu", "ThresholdedRelu"), (0.1, 0.6)):
        yield Row(name, attributes={"alpha": alpha})
    yield Row("HardSigmoid", attributes={"alpha": 0.3, "beta": 0.4})
    yield Row("Selu", attributes={"alpha": 1.2, "gamma": 0.9})
    for shape in ((1,), (3, 1, 1), (1, 3, 1, 1), (10,), (9, 1), (9, 10), (3, 9, 10)):
        yield Row("PRelu", IMAGE, (_normal(*shape),))
    yield Row("PRelu", (1, 10), (_normal(10),))
    yield Row("Mod", IMAGE, (np.float32(0.3),), {"fmod": 1})
    yield Row("Where", IMAGE, (_FLAGS, _normal(10)), place=1)
    yield Row("Clip", attributes={"min": -0.1, "max": 0.2}, opset=10)
    yield Row("Clip", IMAGE, (None, np.float32(0.2)))
    for to in (1, _INT32, _INT64, _BOOL):
        yield Row("Cast", attributes={"to": to}, result=to)
    for way in ("none", "tanh"):
        yield Row("Gelu", attributes={"approximate": way}, opset=20)


def _normalizations():
    for name, axis, opset in product(("Softmax", "LogSoftmax"), (0, 1, 2, 3, -1), (11, 13)):
        yield Row(name, attributes={"axis": axis}, opset=opset)
    statistics = tuple(_positive(3) for _ in range(4))
    yield Row("BatchNormalization", IMAGE, statistics, {"epsilon": 0.01, "momentum": 0.5})
    yield Row("BatchNormalization", IMAGE, statistics, {"training_mode": 0}, 14)
    yield Row("InstanceNormalization", IMAGE, statistics[:2], {"epsilon": 0.1})
    for axis, shape in ((-1, (10,)), (1, (3, 9, 10)), (-2, (9, 10))):
        rest = {"axis": axis, "epsilon": 0.1, "stash_type": 1}
        yield Row("LayerNormalization", IMAGE, (_normal(*shape), _normal(*shape)), rest, 17)
    yield Row("LRN", attributes={"size": 3, "alpha": 0.1, "beta": 0.75, "bias": 1.0})
    for p in (1, 2):
        yield Row("LpNormalization", attributes={"axis": 1, "p": p})


def _shapes():
    for axis in (0, 1, 2, 3, -1):
        yield Row("Flatten", attributes={"axis": axis})
        yield Row("Concat", attributes={"axis": axis}, twice=True)
        for places in (_ints(0, -1), np.int64(-1), np.int64(0)):
            yield Row("Gather", IMAGE, (np.minimum(places, 0),), {"axis": axis})
    for start, end, axis, step in ((1, 3, 2, 1), (0, 9, 2, 2), (-1, -100, 2, -1), (-3, 999, -1, 1), (8, 0, 2, -2)):
        yield Row("Slice", IMAGE, (_ints(start), _ints(end), _ints(axis), _ints(step)))
    yield Row("Slice", attributes={"starts": [1, 0], "ends": [3, -1], "axes": [1, 3]}, opset=9)
    yield Row("Split", attributes={"axis": 1, "split": [1, 2]}, opset=11, outputs=2)
    yield Row("Split", attributes={"axis": 3, "num_outputs": 3}, opset=18, outputs=3)
    yield Row("Split", IMAGE, (_ints(4, 6),), {"axis": -1}, outputs=2)
    yield Row("Squeeze", (1, 4, 1, 3), attributes={"axes": [0, 2]}, opset=11)
    yield Row("Unsqueeze", (4, 5), attributes={"axes": [0, 3]}, opset=11)
    yield Row("Reshape", IMAGE, (_ints(0, -1),), {"allowzero": 0}, 14)
    yield Row("Transpose", attributes={"perm": [3, 0, 2, 1]})
    for mode, edges in product(
        ("constant", "reflect", "edge"), (_ints(0, 0, 1, 1, 0, 0, 1, 1), _ints(0, 1, 1, 2, 0, 2, 0, 1))
    ):
        yield Row("Pad", IMAGE, (edges,), {"mode": mode})
    for mode in ("DCR", "CRD"):
        yield Row("DepthToSpace", (1, 8, 3, 5), attributes={"blocksize": 2, "mode": mode})


def _others():
    for first, second, alpha, beta in product((0, 1), (0, 1), (1.0, 0.5), (1.0, 2.0)):
        rest = {"transA": first, "transB": second, "alpha": alpha, "beta": beta}
        shape, weights = (5, 3) if first else (3, 5), (4, 5) if second else (5, 4)
        yield Row("Gemm", shape, (_normal(*weights), _normal(4)), rest)
    for shape in ((10, 3), (1, 3, 10, 2), (3, 10, 2)):
        yield Row("MatMul", IMAGE, (_normal(*shape),))
    for reverse, exclusive in product((0, 1), (0, 1)):
        yield Row("CumSum", IMAGE, (np.int64(2),), {"reverse": reverse, "exclusive": exclusive})
    yield Row("Einsum", IMAGE, (_normal(3, 2),), {"equation": "bchw,cd->bdhw"})
    yield Row("GatherElements", IMAGE, (np.zeros((1, 2, 9, 10), np.int64),), {"axis": 1})
    yield Row("GatherND", IMAGE, (_ints(0, -1).reshape(1, 2),))
    yield Row("ScatterND", IMAGE, (_ints(0, 1).reshape(1, 2), _normal(1, 9, 10)))
    for largest in (0, 1):
        yield Row("TopK", IMAGE, (_ints(3),), {"axis": -1, "largest": largest, "sorted": 1}, outputs=2)
    yield Row("TopK", attributes={"axis": 1, "k": 2}, opset=9, outputs=2)


def _resizes():
    kinds = [("nearest", rounding) for rounding in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")]
    places = ("asymmetric", "align_corners", "half_pixel", "pytorch_half_pixel")
    factors = ((2, 2), (3, 5), (7, 1), (1.5, 3), (0.5, 0.5), (0.7, 2.3), (0.3, 0.2))
    for (mode, rounding), place, scales in product([*kinds, ("linear", ""), ("cubic", "")], places, factors):
        yield _resize(mode, place, scales, rounding)
    rest = {"mode": "cubic", "cubic_coeff_a": -0.5}
    yield Row("Resize", IMAGE, (None, np.array([1, 1, 2, 2], np.float32)), rest)
    for sizes in ((1, 3, 18, 20), (1, 3, 5, 4), (1, 3, 13, 23)):
        for mode, place in (("nearest", "asymmetric"), ("linear", "align_corners"), ("linear", "half_pixel")):
            attributes = {"mode": mode, "coordinate_transformation_mode": place, "nearest_mode": "floor"}
            yield Row("Resize", IMAGE, (None, None, _ints(*sizes)), attributes)
    for mode in ("nearest", "linear"):
        yield Row("Resize", IMAGE, (np.array([1, 1, 2, 2], np.float32),), {"mode": mode}, 10)


GRID = [
    *ROWS,
    *(
        row
        for rows in (_pools, _convolutions, _reductions, _elementwise, _normalizations, _shapes, _others, _resizes)
        for row in rows()
    ),
]
"""All rows. A runtime may refuse some of them."""


def opsets(row: Row) -> list[int]:
    """Return the versions from 7 to 21 in which the row's operation was given its present form or a later one."""
    import onnx

    forms = {}
    for version in range(7, 22):
        try:
            schema = onnx.defs.get_schema(row.name, version)
        except onnx.defs.SchemaError:
            continue
        given = 1 + row.twice + len(row.constants)
        if set(row.attributes) <= set(schema.attributes) and schema.min_input <= given <= schema.max_input:
            forms.setdefault(schema.since_version, version)
    return [*forms.values()]
