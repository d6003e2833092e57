"""ONNX files of one operation each, with constants, to compare runtimes operation by operation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

IMAGE = (1, 3, 9, 10)
_draw = np.random.default_rng(0)


def _normal(*shape):
    return _draw.normal(size=shape).astype(np.float32)


def _positive(*shape):
    return _draw.uniform(0.5, 2, shape).astype(np.float32)


@dataclass(frozen=True)
class Row:
    """One operation: its input's shape, its further inputs, which are constants, and its attributes.

    opset: the first version of ONNX that has it so. outputs: how many. twice: whether it takes the input twice.
    place: of the input among all inputs. result: the type of the outputs, as TensorProto numbers it.
    """

    name: str
    shape: tuple[int, ...] = IMAGE
    constants: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 13
    outputs: int = 1
    twice: bool = False
    place: int = 0
    result: int = 1

    def __str__(self) -> str:
        return f"{self.name} {self.attributes or ''} {[np.shape(one) for one in self.constants] or ''}".strip()


def _ints(*values):
    return np.array(values, np.int64)


def _resize(mode, coordinates, scales, nearest="floor"):
    attributes = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        attributes["nearest_mode"] = nearest
    return Row("Resize", IMAGE, (None, np.array([1, 1, *scales], np.float32)), attributes)


_W, _B, _PADS = _normal(4, 3, 3, 3), _normal(4), [1, 1, 1, 1]
_POOL = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": _PADS}
_HALF = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}
_EDGES = _ints(0, 0, 1, 2, 0, 0, 3, 1)

ROWS = [
    Row("Conv", IMAGE, (_W, _B), {"strides": [2, 2], "pads": _PADS}),
    Row("Conv", IMAGE, (_W,), {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
    Row("Conv", IMAGE, (_W,), {"dilations": [2, 2]}),
    Row("Conv", IMAGE, (_normal(3, 1, 3, 3),), {"group": 3, "pads": _PADS}),
    Row("ConvTranspose", IMAGE, (_normal(3, 4, 3, 3), _B), {"strides": [2, 2]}),
    Row("ConvTranspose", IMAGE, (_normal(3, 4, 3, 3),), {"strides": [2, 2], "pads": _PADS, "output_padding": [1, 1]}),
    *[Row(name) for name in ("Relu", "Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu", "Exp", "Abs", "Neg")],
    *[Row(name) for name in ("Sqrt", "Log", "Erf", "Identity", "GlobalAveragePool", "GlobalMaxPool", "Flatten")],
    Row("HardSwish", opset=14),
    Row("Mish", opset=18),
    Row("Gelu", opset=20),
    Row("Dropout"),
    Row("LeakyRelu", IMAGE, (), {"alpha": 0.1}),
    Row("PRelu", IMAGE, (_positive(3, 1, 1),)),
    Row("Clip", IMAGE, (np.float32(0), np.float32(0.6))),
    *[
        Row(name, IMAGE, (_positive(*shape),))
        for name in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min")
        for shape in ((1, 3, 1, 1), IMAGE, (10,), ())
    ],
    Row("BatchNormalization", IMAGE, tuple(_positive(3) for _ in range(4))),
    Row("InstanceNormalization", IMAGE, (_positive(3), _positive(3))),
    Row("LayerNormalization", (1, 5, 6), (_positive(6), _normal(6)), {}, 17),
    Row("MaxPool", IMAGE, (), _POOL),
    Row("AveragePool", IMAGE, (), _POOL),
    Row("AveragePool", IMAGE, (), {**_POOL, "count_include_pad": 1}),
    Row("Softmax", IMAGE, (), {"axis": 1}),
    Row("Softmax"),
    Row("Softmax", (1, 7, 5), (), {"axis": 2}),
    Row("Reshape", IMAGE, (_ints(1, -1, 3),)),
    Row("Reshape", IMAGE, (_ints(0, -1),)),
    Row("Transpose", IMAGE, (), {"perm": [0, 2, 3, 1]}),
    Row("Squeeze", (1, 1, 5, 1), (_ints(1, 3),)),
    Row("Unsqueeze", (1, 5), (_ints(2),)),
    Row("Concat", IMAGE, (), {"axis": 1}, twice=True),
    Row("Slice", IMAGE, (_ints(1, 2), _ints(3, 9), _ints(1, 2), _ints(1, 2))),
    Row("Slice", IMAGE, (_ints(-4), _ints(-1), _ints(3))),
    Row("Gather", IMAGE, (_ints(2, 0),), {"axis": 1}),
    Row("Gather", IMAGE, (np.int64(1),), {"axis": 1}),
    Row("Pad", IMAGE, (_EDGES,)),
    Row("Pad", IMAGE, (_EDGES, np.float32(-2))),
    Row("Pad", IMAGE, (_EDGES,), {"mode": "reflect"}),
    Row("Pad", IMAGE, (_EDGES,), {"mode": "edge"}),
    *[
        Row(name, IMAGE, (), {"axes": axes, "keepdims": kept})
        for name in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2")
        for axes in ([2, 3], [1])
        for kept in (0, 1)
    ],
    Row("ReduceSum", IMAGE, (_ints(2, 3),), {"keepdims": 0}),
    Row("ReduceSum", IMAGE, (_ints(1),), {"keepdims": 1}),
    Row("Gemm", (1, 6), (_normal(4, 6), _B), {"transB": 1}),
    Row("Gemm", (1, 6), (_normal(6, 4), _B), {"alpha": 0.5, "beta": 2.0}),
    Row("MatMul", (1, 5, 6), (_normal(6, 4),)),
    Row("MatMul", (1, 2, 5, 6), (_normal(1, 2, 6, 4),)),
    *[_resize("nearest", "asymmetric", scales) for scales in ((2, 2), (3, 1))],
    *[_resize("linear", "align_corners", scales) for scales in ((2, 2), (0.5, 0.75))],
    Row("DepthToSpace", (1, 8, 3, 4), (), {"blocksize": 2}),
    Row("DepthToSpace", (1, 8, 3, 4), (), {"blocksize": 2, "mode": "CRD"}),
    Row("SpaceToDepth", (1, 2, 6, 4), (), {"blocksize": 2}),
    Row("Expand", (1, 3, 1, 1), (_ints(1, 3, 4, 5),)),
    Row("Tile", IMAGE, (_ints(1, 1, 2, 1),)),
    Row("Split", (1, 4, 3, 3), (), {"axis": 1}, outputs=2),
]

MORE = [
    Row("Softplus"),
    _resize("nearest", "asymmetric", (0.5, 0.75)),
    Row("PRelu", IMAGE, (_positive(10),)),
    Row("PRelu", IMAGE, (_positive(9, 1),)),
    Row("LogSoftmax", IMAGE, (), {"axis": 1}),
    Row("Conv", IMAGE, (_W,), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Row("Conv", IMAGE, (_W,), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    Row("ConvTranspose", IMAGE, (_normal(3, 4, 3, 3),), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    *[_resize("linear", kind, (0.5, 0.75)) for kind in ("half_pixel", "asymmetric", "pytorch_half_pixel")],
    *[_resize("nearest", kind, (0.5, 0.75)) for kind in ("half_pixel", "pytorch_half_pixel")],
    _resize("nearest", "asymmetric", (2, 2), "ceil"),
]
"""Operations that OpenVINO computes right. OpenCV computes them otherwise, or is not known to be right there."""

WRONG = [
    *[Row(name, IMAGE, (), {"axis": 1}, opset) for name in ("Softmax", "LogSoftmax") for opset in (11, 12)],
    Row("Softmax", IMAGE, (), {}, 11),
    Row("MaxPool", IMAGE, (), _HALF),
    Row("AveragePool", IMAGE, (), _HALF),
    Row("AveragePool", IMAGE, (), {**_POOL, "pads": [1, 0, 0, 1], "ceil_mode": 1, "count_include_pad": 1}),
    _resize("nearest", "asymmetric", (0.5, 0.4), "round_prefer_ceil"),
    _resize("nearest", "align_corners", (2, 2), "round_prefer_floor"),
    Row("Resize", IMAGE, (None, np.array([1, 1, 0.5, 0.5], np.float32)), {"mode": "linear", "antialias": 1}, 18),
    Row(
        "Resize",
        IMAGE,
        (None, None, _ints(20, 20)),
        {"keep_aspect_ratio_policy": "not_larger", "axes": [2, 3]},
        18,
    ),
    *[Row(name, IMAGE, (), {"axes": [1]}) for name in ("ReduceL1", "ReduceLogSum", "ReduceLogSumExp")],
    Row("Dropout", IMAGE, (np.float32(0.5), np.bool_(True))),
    _resize("nearest", "asymmetric", (0.7, 2.3)),
    _resize("cubic", "half_pixel", (1, 2.3)),
]
"""Operations that both compute otherwise than ONNX Runtime, or differently from one version to the next."""


def write(path: Path, row: Row) -> Path:
    """Write a file of the operation, with input ``x`` and outputs ``y0``, ``y1`` …."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    names, constants = [], []
    for place, value in enumerate(row.constants):
        names.append("" if value is None else f"c{place}")
        if value is not None:
            constants.append(numpy_helper.from_array(np.asarray(value), f"c{place}"))
    names[row.place : row.place] = ["x", "x"] if row.twice else ["x"]
    outputs = [f"y{place}" for place in range(row.outputs)]
    kinds = [TensorProto.INT64 if row.name == "TopK" and name != "y0" else row.result for name in outputs]
    graph = helper.make_graph(
        [helper.make_node(row.name, names, outputs, **row.attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, row.shape)],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(outputs, kinds, strict=True)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", row.opset)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def values(row: Row):
    """Return an input of the row; it is positive, where the operation needs that."""
    draw = np.random.default_rng(3)
    if row.name in ("Log", "Sqrt", "Pow"):
        return draw.uniform(0.1, 1.5, row.shape).astype(np.float32)
    return draw.normal(0, 1.5, row.shape).astype(np.float32)
