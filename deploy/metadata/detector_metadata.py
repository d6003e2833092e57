"""How a detector with anchors is stated for MediaPipe: its anchors, and the scales of its offsets."""

from edge.decoders.ssd import anchors_from
from edge.deploy.metadata import schema
from edge.signature import Signature


def detector_options(signature: Signature) -> bytes | None:
    """Return ``ObjectDetectorOptions`` for the decoder ``ssd``.

    None for other decoders, and for what MediaPipe cannot decode: offsets in the order xywh, and scores that still
    need a softmax.
    """
    task = signature.task
    parameters = task.parameters
    activation = parameters.get("activation", "none")
    if task.decoder != "ssd" or parameters.get("offsets", "yxhw") != "yxhw" or activation == "softmax":
        return None
    image = signature.image
    assert image is not None, "the decoder has checked it"
    anchors = anchors_from(parameters.get("anchors"), image.size)
    centre, side = (float(value) for value in parameters.get("variances", (0.1, 0.2)))
    columns = signature.one("scores").shape[-1]
    decoding = schema.decoding(columns, len(anchors), (centre, centre, side, side), activation == "sigmoid")
    return schema.detector_options([schema.anchor(*map(float, row)) for row in anchors], decoding)
