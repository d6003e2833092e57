"""What the tests of decoders share: signatures, runs of shared model files, and the check of published answers."""

from pathlib import Path

import numpy as np

from edge import decoders
from edge.backends import open_model
from edge.decoders.select import Selection, overlaps, select
from edge.imaging import InputFormat, Preprocessor
from edge.recognize import Asked, recognize
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tensors import Tensor, TensorSpec, real_outputs
from tests.shared import shared


def spec(name, shape, dtype=np.float32):
    return TensorSpec(name, tuple(shape), np.dtype(dtype))


def image(size, channels=3, name="image"):
    """Return the spec of an NHWC input. size: width and height."""
    return spec(name, (1, size[1], size[0], channels))


def signature(decoder, outputs, size=(64, 48), **parameters):
    """Return a signature of one image input. outputs: name to (role, shape). size: width and height."""
    entry = Input("image", "image", (1, size[1], size[0], 3), "float32", InputFormat())
    rows = tuple(Output(name, role, tuple(shape)) for name, (role, shape) in outputs.items())
    return Signature((entry,), rows, TaskSpec(decoders.task_of(decoder), decoder, parameters))


def decode(decoder, outputs, size=(64, 48), **parameters):
    """Return what a decoder makes of arrays. outputs: name to (role, array)."""
    shapes = {name: (role, np.shape(array)) for name, (role, array) in outputs.items()}
    made = decoders.load(decoder)(signature(decoder, shapes, size, **parameters))
    return made(real_outputs({name: np.asarray(array, np.float32) for name, (_, array) in outputs.items()}))


def run(path: Path, picture: Path):
    """Return what the decoder of a file says of a picture, the signature that was recognized, and the placement."""
    import cv2

    with open_model(path, threads=1) as model:
        found = recognize(path, model.inputs, model.outputs, Asked())
        prepare = Preprocessor(model.inputs[0], found.signature.inputs[0].format)
        tensor, placement = prepare(cv2.imread(str(picture)))
        arrays = model.run([tensor])
    names = [output.name for output in found.signature.outputs]
    outputs = {n: Tensor(a, s) for n, a, s in zip(names, arrays, model.outputs, strict=True)}
    decoder = decoders.load(found.signature.task.decoder)(found.signature)
    return decoder(outputs), found, placement


def detections(name, picture):
    """Return boxes in the picture's pixels, scores and classes that a file of the shared folder finds."""
    candidates, found, placement = run(shared("models", "wild", name), shared("images", picture))
    chosen = select(candidates, Selection.of(found.signature.task.parameters))
    return placement.boxes_to_frame(chosen.boxes, clip=False), chosen.scores, chosen.classes


def assert_found(found, box, score, number=0):
    """Check that a class was found at an overlap of 0.8 with a score within 0.03, as the folder's README states it."""
    boxes, scores, classes = found
    overlap = overlaps(np.array([box], np.float32), boxes)[0]
    hits = (overlap >= 0.8) & (classes == number) & (np.abs(scores - score) <= 0.03)
    assert hits.any(), f"{box} {score} of class {number} not among {boxes}, {scores}, {classes}"
