"""``annotated_picture`` draws an answer into the picture that a network was given, as a JPEG for the report."""

import cv2
import numpy as np

from edge.deploy.samples import NetworkInfo, Sample
from edge.errors import EdgeError
from edge.imaging import Image
from edge.placement import Placement
from edge.signature import Input
from edge.sinks.overlay import annotated
from edge.tasks.base import Task
from edge.tensors import Array, Outputs

SHORTER_SIDE = (192, 384)
"""The least and the most pixels of the shorter side of a picture, so that text and lines can be read."""

QUALITY = 85


def annotated_picture(network: NetworkInfo, task: Task, sample: Sample, outputs: Outputs) -> bytes | None:
    """Return the JPEG of a sample's picture with an answer drawn in.

    Args:
        network: what the signature says of the network.
        task: the network's task.
        sample: the sample.
        outputs: the network's outputs for it.

    Returns:
        The JPEG, or None for a network that does not take exactly one picture.
    """
    entry = network.signature.image
    if entry is None or len(network.signature.inputs) != 1:
        return None
    seen = pixels(entry, sample.inputs[entry.name])
    height, width = seen.shape[:2]
    shorter = min(height, width)
    factor = (SHORTER_SIDE[0] if shorter < SHORTER_SIDE[0] else SHORTER_SIDE[1]) / shorter
    size = (round(width * factor), round(height * factor))
    picture = cv2.resize(seen, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)
    placement = Placement(size, (width, height), (width / size[0], height / size[1]))
    try:
        result = task.decode(outputs, placement)
    except EdgeError:
        return None
    return jpeg(annotated(picture, result))


def pixels(entry: Input, values: Array) -> Image:
    """Return the pixels (height, width, 3) uint8 BGR of an image input's values; of a clip its middle frame.

    Args:
        entry: the input, whose format says how pixels became values.
        values: the input's real values, with batch size 1.
    """
    form = entry.format
    assert form is not None, "an image input has a format"
    array = np.asarray(values, np.float32)[0]
    if len(entry.shape) == 5:
        array = array[len(array) // 2]
    if form.layout == "NCHW" and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    array = array[..., None] if array.ndim == 2 else array
    mean, std = (np.asarray(values_, np.float32) for values_ in (form.mean, form.std))
    bytes_ = np.clip(np.rint(array * std + mean), 0, 255).astype(np.uint8)
    if bytes_.shape[-1] == 1:
        return np.repeat(bytes_, 3, axis=-1)
    return np.ascontiguousarray(bytes_[..., ::-1] if form.colour == "RGB" else bytes_)


def jpeg(picture: Image) -> bytes:
    """Return a picture as the bytes of a JPEG."""
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(encoded.tobytes())
