"""A float .onnx file is the source of an int8 .onnx file, where there is no frozen graph to convert.

ONNX Runtime's quantizer writes the file: QuantizeLinear and DequantizeLinear around each operation, uint8 activations,
int8 weights with a scale for each channel. The ranges and the rounding of the weights are ours.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.tensor_ranges import TensorRanges
from edge.calibration.weighted_layers import Progress, observe
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy._threads import at_once
from edge.deploy.conversion import attention_masks, factors, onnx_layers, onnx_plain, output_limits
from edge.deploy.conversion.mixed_ends import WIDEST
from edge.deploy.conversion.onnx_pads import MERGE_PADS, keep_pads
from edge.deploy.conversion.post_training import Settings
from edge.errors import InputError
from edge.private_folders import PrivateFolder

Samples = Sequence[Mapping[str, NDArray[Any]]]

NESTED = ("If", "Loop", "Scan")
"""Operations with graphs inside."""

RECURRENT = ("LSTM", "GRU", "RNN")
"""Operations that keep a state, for which ONNX has no int8 form."""

THROUGH = (
    *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "MaxPool", "GlobalMaxPool", "Identity"),
    *("Softmax", "Sigmoid", "Split"),
)
"""Operations whose output has the range of their input, or a fixed range with the order of their input."""

JOIN = "Concat"
"""The operation whose output has the ranges of all its inputs."""


PER_CHANNEL = 13
"""The first opset whose DequantizeLinear takes a scale for each channel."""


def refusal(path: Path) -> str:
    """Return why a float file cannot become int8, or an empty text when it may. Nothing is run."""
    nodes = need("onnx").load(str(path), load_external_data=False).graph.node
    kinds = sorted({node.op_type for node in nodes} & {*NESTED, *RECURRENT})
    return f"it has {', '.join(kinds)}, and no ranges can be observed inside" if kinds else ""


def to_int8(path: Path, samples: Samples, settings: Settings, progress: Progress) -> bytes:
    """Return the int8 file of a float32 file. Its inputs and outputs stay float32.

    Args:
        path: the file, for which ``refusal`` has no reason.
        samples: inputs by name, with batch size 1 and the file's dtypes.
        settings: how ranges are computed; ``io`` does not matter.
        progress: takes the number of samples done and their total.

    Raises:
        InputError: the quantizer refuses the file.
    """
    model = _folded(path)
    keep_pads(model.graph)
    factors.fold_onnx(model.graph)
    names, run = _observable(model)
    number = {name: index for index, name in enumerate(names)}
    border = {number[name] for name in _border(model.graph) if name in number}
    known = {number[name]: values for name, values in settings.bounds.items() if name in number}
    ranges, layers = (
        TensorRanges(range(len(names)), border, settings.method, known),
        onnx_layers.layers(model.graph, number),
    )
    observe(_values(run, samples), len(samples), ranges, [bound.layer for bound in layers], progress)
    for _ in at_once(layers.pop().round for _ in list(layers)):
        pass  # what was observed of a layer's inputs is freed with the layer
    found = {names[index]: bounds for index, bounds in ranges.ranges().items()}
    found = attention_masks.clip_onnx_masks(model.graph, found) | output_limits.moved(model.graph, settings.bounds)
    return _quantized(model, output_limits.clip_onnx_outputs(model.graph, found, settings.limits), path)


def _folded(path: Path) -> Any:
    """Return the file as ONNX Runtime simplifies it for any processor: constants and batch normalization folded."""
    onnx, runtime = need("onnx"), need("onnxruntime")
    with PrivateFolder("onnx") as folder:
        options = runtime.SessionOptions()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        options.log_severity_level = 4
        runtime.InferenceSession(
            _recent(path).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=[MERGE_PADS],
        )
        return onnx.load(options.optimized_model_filepath)


def _recent(path: Path) -> Any:
    """Return the model in the first version of ONNX's operations that has scales per channel, or in its own later."""
    onnx = need("onnx")
    model = onnx.load(str(path))
    version = next((row.version for row in model.opset_import if row.domain in ("", "ai.onnx")), PER_CHANNEL)
    if version < PER_CHANNEL:
        try:
            model = onnx.version_converter.convert_version(model, PER_CHANNEL)
        except Exception as error:  # its errors are of many classes
            raise InputError(
                f"{path.name} is of opset {version}, int8 needs {PER_CHANNEL}, and it cannot be converted to that: "
                f"{error}"
            ) from error
    onnx_plain.make_plain(model)
    return model


def _observable(model: Any) -> tuple[list[str], Any]:
    """Return the names of the float32 activations, and a session that returns their values in that order."""
    onnx, runtime = need("onnx"), need("onnxruntime")
    known = onnx.shape_inference.infer_shapes(model).graph
    types = {one.name: one.type.tensor_type.elem_type for one in (*known.input, *known.value_info, *known.output)}
    constants = {tensor.name for tensor in model.graph.initializer}
    made = [one.name for one in model.graph.input] + [name for node in model.graph.node for name in node.output]
    names = [name for name in made if name not in constants and types.get(name) == onnx.TensorProto.FLOAT]
    watched = type(model)()
    watched.CopyFrom(model)
    taken, given = {one.name for one in model.graph.output}, {one.name for one in model.graph.input}
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in taken | given)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return names, _Watched(
        runtime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"]), names, given
    )


class _Watched:
    """Runs a network and returns the values of its activations."""

    def __init__(self, session: Any, names: Sequence[str], inputs: set[str]) -> None:
        self._session, self._names, self._inputs = session, names, inputs

    def __call__(self, sample: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        made = [name for name in self._names if name not in self._inputs]
        found = dict(zip(made, self._session.run(made, dict(sample)), strict=True))
        return [sample[name] if name in self._inputs else found[name] for name in self._names]


def _values(run: _Watched, samples: Samples) -> Iterator[Callable[[int], NDArray[np.float32]]]:
    for sample in samples:
        yield run(sample).__getitem__


def _border(graph: Any) -> set[str]:
    """Return the inputs and outputs, and the tensors that decide the range or order of an output."""
    found = {one.name for one in (*graph.input, *graph.output)}
    for node in reversed(graph.node):
        if (node.op_type in THROUGH or node.op_type == JOIN) and not found.isdisjoint(node.output):
            found |= set(node.input if node.op_type == JOIN else node.input[:1])
    return found


ARITHMETIC = (
    *(*THROUGH, JOIN, "Add", "Sub", "Mul", "Div", "Exp", "Pow", "Clip", "Expand", "Tile", "Gather", "Cast"),
    *("GatherElements", "GatherND", "Max", "Min", "Mod", "ReduceMax", "TopK", "Where"),
)
"""Operations by which a head makes boxes of what its last convolutions give, and chooses the best of them."""


def _mixed_ends(graph: Any, ranges: Mapping[str, tuple[float, float]]) -> set[int]:
    """Return the numbers of the nodes that join values of unlike ranges before an output, and of the arithmetic there.

    A YOLO head gives boxes of hundreds of pixels and scores from 0 to 1 in one output. With one scale for both, every
    score would be rounded to 0; and rounded offsets, times the stride, would move the boxes by several pixels. The
    arithmetic reaches back to the head's convolutions, which have a bias. The one without a bias, which takes the
    mean of a distribution of offsets (Li et al. 2020, https://arxiv.org/abs/2006.04388), belongs to it.
    """
    makers = {name: number for number, node in enumerate(graph.node) for name in node.output}
    found: set[int] = set()
    for output in graph.output:
        name, passed = output.name, set()
        while name in makers and graph.node[makers[name]].op_type in THROUGH:
            passed.add(makers[name])
            name = graph.node[makers[name]].input[0]
        join = graph.node[makers[name]] if name in makers else None
        if join is not None and join.op_type == JOIN and _are_unlike(join, ranges):
            found |= passed | _arithmetic(graph, makers, name)
    return found


def _are_unlike(join: Any, ranges: Mapping[str, tuple[float, float]]) -> bool:
    spans = [max(map(abs, ranges[part])) for part in join.input if part in ranges]
    return len(spans) > 1 and max(spans) > WIDEST * min(spans)


def _arithmetic(graph: Any, makers: Mapping[str, int], name: str) -> set[int]:
    """Return the numbers of the nodes of arithmetic from the tensor ``name`` back to the convolutions of a head."""
    found: set[int] = set()
    waiting = [name]
    while waiting:
        number = makers.get(waiting.pop())
        if number is None or number in found:
            continue
        node = graph.node[number]
        if node.op_type in ARITHMETIC or (node.op_type == "Conv" and len(node.input) == 2):
            found.add(number)
            waiting += node.input
    return found


def _left_float(graph: Any, ranges: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names of the operations that stay float; every node is given a name.

    They are those whose int8 form ONNX Runtime lacks, and those at the end that would spoil scores.
    """
    mixed = _mixed_ends(graph, ranges)
    constants = {tensor.name for tensor in graph.initializer}
    found = []
    for number, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{number}"
        groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
        if (
            (node.op_type == "MatMul" and node.input[0] in constants)
            or (node.op_type == "ConvTranspose" and groups > 1)
            or number in mixed
        ):
            found.append(node.name)
    return found


LEAST_WEIGHT = 1e-20
"""A weight that is 0 in int8 beside any bias that counts."""


def _mark_zero_channels(graph: Any) -> None:
    """Give each output of a convolution or dense layer that has only zeros as weights, as pruning leaves it, one more.

    ONNX Runtime's quantizer takes 1 for the scale of such weights, so that the bias would be rounded to steps of the
    input. Beside any weight that is not 0 it takes a scale that keeps the bias.
    """
    numpy_helper = need("onnx").numpy_helper
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        tensor = constants.get(node.input[1]) if node.op_type in ("Conv", "Gemm") and len(node.input) > 2 else None
        if tensor is None or tensor.data_type != need("onnx").TensorProto.FLOAT:
            continue
        transposed = node.op_type == "Gemm" and not any(one.name == "transB" and one.i for one in node.attribute)
        weights = np.array(numpy_helper.to_array(tensor))
        rows = np.moveaxis(weights, 1 if transposed else 0, 0)  # a view: rows of it are weights of the file
        for channel in rows:
            if not channel.any():
                channel.flat[0] = LEAST_WEIGHT
        tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))


def _ranges_of_outputs(graph: Any, ranges: Mapping[str, tuple[Any, ...]]) -> dict[str, list[dict[str, Any]]]:
    """Return the ranges of the outputs that a ReLU reads too, whose range ONNX Runtime's quantizer would give them."""
    read = {node.input[0] for node in graph.node if node.op_type in ("Relu", "Clip")}
    kept = [one.name for one in graph.output if one.name in read and one.name in ranges]
    return {name: [{"rmin": ranges[name][0], "rmax": ranges[name][1]}] for name in kept}


def _quantized(model: Any, ranges: Mapping[str, tuple[float, float]], path: Path) -> bytes:
    quantization = need("onnxruntime.quantization")
    calibrate = need("onnxruntime.quantization.calibrate")
    registry = need("onnxruntime.quantization.registry")
    _mark_zero_channels(model.graph)
    bounds = {name: tuple(np.float32(value) for value in pair) for name, pair in ranges.items()}
    quantizer = need("onnxruntime.quantization.qdq_quantizer").QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=False,
        weight_qType=quantization.QuantType.QInt8,
        activation_qType=quantization.QuantType.QUInt8,
        tensors_range=calibrate.TensorsData(calibrate.CalibrationMethod.MinMax, bounds),
        nodes_to_quantize=[],
        nodes_to_exclude=_left_float(model.graph, ranges),
        op_types_to_quantize=sorted({*registry.QLinearOpsRegistry, *registry.QDQRegistry}),
        extra_options={
            "ActivationSymmetric": False,
            "WeightSymmetric": True,
            "TensorQuantOverrides": _ranges_of_outputs(model.graph, bounds),
        },
    )
    try:
        with quiet_conversion():
            quantizer.quantize_model()
    except (ValueError, RuntimeError, LookupError, TypeError) as error:
        raise InputError(f"ONNX Runtime's quantizer refuses {path.name}: {error}") from error
    quantizer.model.topological_sort()
    made = quantizer.model.model
    return bytes(made.SerializeToString(deterministic=True))
