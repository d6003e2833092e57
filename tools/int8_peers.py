"""Other tools that quantize after training, each with its own calibration and its default settings.

Each takes the float files that EdgeKit makes of a network and the same samples. ``ai-edge-quantizer`` comes with the
extra ``peers``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion.source import SourceModel

Sample = Mapping[str, NDArray[Any]]
MODULE = "ai_edge_quantizer"
SIGNATURE = "serving_default"


@dataclass(frozen=True)
class FloatNetwork:
    """A network before it is quantized.

    Attributes:
        source: the network.
        tflite: its float32 TFLite file.
        onnx: its float32 ONNX file, in which batch normalization is folded.
        samples: the calibration samples, inputs by name with batch size 1.
    """

    source: SourceModel
    tflite: Path
    onnx: Path
    samples: Sequence[Sample]

    def rows(self) -> Iterator[list[NDArray[Any]]]:
        """Yield the samples as TFLite's converter takes them."""
        return (list(sample.values()) for sample in self.samples)


def stock_converter(network: FloatNetwork, path: Path) -> None:
    """Write the int8 file of TFLite's own converter. A network that is a file is calibrated by the same two steps."""
    tf = need("tensorflow")
    frozen = network.source.frozen
    with quiet_conversion():
        if frozen is not None:
            converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.traced])
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = network.rows
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            content = bytes(converter.convert())
        else:
            content = private.quantize(private.calibrated_by_tflite(network.tflite.read_bytes(), network.rows))
    path.write_bytes(content)


def ai_edge_quantizer(network: FloatNetwork, path: Path) -> None:
    """Write the file of ``ai-edge-quantizer``'s recipe ``static_wi8_ai8``."""
    signed = _with_signature(network.tflite.read_bytes(), network.samples[0])
    with quiet_conversion():
        quantizer = need(f"{MODULE}.quantizer").Quantizer(signed, need(f"{MODULE}.recipe").static_wi8_ai8())
        found = quantizer.calibrate({SIGNATURE: list(map(dict, network.samples))}, num_threads=2)
        result = quantizer.quantize(found, enable_progress_report=False)
    path.write_bytes(bytes(result.quantized_model))


def _with_signature(content: bytes, inputs: Iterable[str]) -> bytes:
    """Return a file with the signature that ``ai-edge-quantizer`` requires, in which inputs have the given names."""
    tools, schema = private.flatbuffer_tools()
    model = tools.convert_bytearray_to_object(bytearray(content))
    graph, signature = model.subgraphs[0], schema.SignatureDefT()

    def named(names: Iterable[str], tensors: Iterable[int]) -> list[Any]:
        rows = []
        for name, index in zip(names, tensors, strict=True):
            rows.append(schema.TensorMapT())
            rows[-1].name, rows[-1].tensorIndex = name, int(index)
        return rows

    outputs = [f"output_{number}" for number in range(len(graph.outputs))]
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs, signature.outputs = named(inputs, graph.inputs), named(outputs, graph.outputs)
    model.signatureDefs = [signature]
    return bytes(tools.convert_object_to_bytearray(model))


def onnxruntime(method: str, network: FloatNetwork, path: Path) -> None:
    """Write the file of ONNX Runtime's ``quantize_static``: uint8 activations, int8 weights with a scale per channel.

    Args:
        method: ``Percentile`` or ``Entropy``.
        network: the network.
        path: the file to write.
    """
    quantization = need("onnxruntime.quantization")
    simple = path.with_name("simple.onnx")
    need("onnxruntime.quantization.shape_inference").quant_pre_process(
        str(network.onnx), str(simple), skip_symbolic_shape=True
    )
    quantization.quantize_static(
        str(simple), str(path), _Reader(_onnx_rows(network)), per_channel=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        calibrate_method=quantization.CalibrationMethod[method],
    )  # fmt: skip


def _onnx_rows(network: FloatNetwork) -> Iterator[Sample]:
    session = need("onnxruntime").InferenceSession(str(network.onnx), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return (dict(zip(names, sample.values(), strict=True)) for sample in network.samples)


class _Reader:
    """The samples as ONNX Runtime's quantizer takes them: one a call, then None."""

    def __init__(self, rows: Iterator[Sample]) -> None:
        self._rows = rows

    def get_next(self) -> Sample | None:
        """Return the next sample."""
        return next(self._rows, None)


Peer = Callable[[FloatNetwork, Path], None]

PEERS: dict[str, Peer] = {
    "TFLite's converter": stock_converter,
    "ai-edge-quantizer": ai_edge_quantizer,
    "ONNX Runtime, percentile": partial(onnxruntime, "Percentile"),
    "ONNX Runtime, entropy": partial(onnxruntime, "Entropy"),
}
"""The tools by the name in the table. Each takes a network and writes an int8 file."""

FILES = {
    "TFLite's converter": "stock.tflite",
    "ai-edge-quantizer": "ai_edge_quantizer.tflite",
    "ONNX Runtime, percentile": "onnxruntime_percentile.onnx",
    "ONNX Runtime, entropy": "onnxruntime_entropy.onnx",
}
"""The name of each tool's file."""


def installed() -> dict[str, Peer]:
    """Return the tools that are installed."""
    return {name: peer for name, peer in PEERS.items() if peer is not ai_edge_quantizer or find_spec(MODULE)}
