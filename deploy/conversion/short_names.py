"""``shorten`` gives the tensors of a TFLite file short names: in an unrolled network they take more than the data."""

from edge.deploy.conversion.float_layers import layer_name
from edge.deploy.conversion.tflite_object import TFLiteObject


def shorten(content: bytes) -> bytes:
    """Return the file with the layer's name and a number as the name of each tensor but the inputs and outputs."""
    file = TFLiteObject(content)
    kept = {*file.inputs(), *file.outputs()}
    taken = {file.name(index) for index in kept}
    for index in range(len(file.model.subgraphs[0].tensors)):
        if index not in kept:
            name = f"{layer_name(file.name(index))}_{index}"
            file.rename(index, f"{name}_" if name in taken else name)
    return file.to_bytes()
