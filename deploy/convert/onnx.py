"""From a TFLite file to ONNX, so that both hold the same network, quantized alike.

Going from Keras directly leaves grouped convolutions as function calls that no runtime knows, and stores
the weights of a quantized network as floats; from the TFLite file, convolutions are real grouped ``Conv``
nodes and int8 weights stay int8 between QuantizeLinear and DequantizeLinear.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from edge.deploy._tensorflow import need

OPSET = 17


def from_tflite(tflite: Path, target: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write ``target`` from a TFLite file; checked by ``onnx.checker``, batch 1, with ``metadata_props``.

    Layout stays NHWC at the border; dtypes are the TFLite file's.
    """
    onnx = need("onnx")
    tf2onnx = need("tf2onnx.convert")
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    model, _ = tf2onnx.from_tflite(str(tflite), opset=OPSET)
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param or dimension.dim_value < 1:
                dimension.Clear()
                dimension.dim_value = 1
    model.producer_name = "edgekit"
    onnx.helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model, full_check=True)
    target.write_bytes(model.SerializeToString())
