"""``logits`` cuts the softmax off the end of a file, so that what it is computed from can be compared.

The outputs of an int8 softmax have steps of 1/256, whatever the network: most of its values are 0 in every file.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.samples import Sample
from edge.tensors import dequantize, quantize


def without_softmax(path: Path) -> Path | None:
    """Return a file beside ``path`` whose output is what its only softmax reads; None for a file without one."""
    target = path.with_name(f"{path.stem}_logits{path.suffix}")
    content = _cut_onnx(path) if path.suffix == ".onnx" else _cut_tflite(path)
    if content is None:
        return None
    target.write_bytes(content)
    return target


def _cut_tflite(path: Path) -> bytes | None:
    file = TFLiteObject(path.read_bytes())
    found = [int(one.inputs[0]) for code, one in file.operations() if code == file.schema.BuiltinOperator.SOFTMAX]
    if len(found) != 1:
        return None
    file.set_border(file.inputs(), found)
    return file.to_bytes()


def _cut_onnx(path: Path) -> bytes | None:
    onnx = need("onnx")
    model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    found = [node.input[0] for node in model.graph.node if node.op_type == "Softmax"]
    if len(found) != 1:
        return None
    inputs = [one.name for one in model.graph.input]
    cut = onnx.utils.Extractor(model).extract_model(inputs, found)
    cut.metadata_props.extend(model.metadata_props)  # they have the scale of the input
    return bytes(cut.SerializeToString())


def real_outputs(path: Path, samples: list[Sample], names: dict[str, str]) -> NDArray[np.float32]:
    """Return the real values of a file's only output for each sample, (samples, values).

    Args:
        path: the file.
        samples: the samples.
        names: the file's name of each input of the model.
    """
    rows = []
    with open_model(path) as model:
        (spec,) = model.outputs
        channels_first = path.suffix == ".onnx" and len(spec.shape) == 4
        for sample in samples:
            given = {names[name]: array for name, array in sample.inputs.items()}
            arrays = [np.ascontiguousarray(quantize(given[one.name], one)) for one in model.inputs]
            real = dequantize(model.run(arrays)[0], spec).astype(np.float32)
            rows.append((np.moveaxis(real, 1, -1) if channels_first else real).ravel())
    return np.stack(rows)
