"""Tables of TFLite Metadata (``metadata_schema.fbs``) and of the options that MediaPipe keeps in it.

https://github.com/google-ai-edge/mediapipe/tree/master/mediapipe/tasks/metadata has the schemas. The numbers of fields,
enumerations and unions are theirs.
"""

from collections.abc import Sequence
from typing import Any

from edge.deploy.metadata.flatbuffer_writer import Blob, Number, Numbers, Row, buffer

METADATA, OPTIONS = "M001", "V001"
"""The identifiers of TFLite Metadata, and of MediaPipe's options."""

ENTRY = "TFLITE_METADATA"
"""The name of the metadata among the entries of a TFLite file."""

PARSER = "1.5.0"
"""The version of the schema that has custom metadata, the newest part that is used here."""

UNKNOWN, RGB, GREY = 0, 1, 2
AXIS_LABELS, VALUE_LABELS, CALIBRATION = 2, 3, 4
FEATURE, IMAGE, BOXES = 1, 2, 3
NORMALIZATION, SCORE_CALIBRATION, SCORE_THRESHOLDING = 1, 2, 3
BOUNDARIES, RATIO = 1, 0
NO_ACTIVATION, SIGMOID, SOFTMAX = 0, 1, 2

PER_KEYPOINT = 2
"""The numbers of each keypoint. MediaPipe ends the process with any other number, also where there are no keypoints."""


def model(name: str, description: str, graph: Row) -> bytes:
    """Return the buffer of ``ModelMetadata``."""
    fields = {0: name, 1: description, 3: [graph], 7: PARSER}
    return buffer(Row(fields), METADATA)


def graph(inputs: Sequence[Row], outputs: Sequence[Row], groups: Sequence[Row] = (), custom: Sequence[Row] = ()) -> Row:
    """Return ``SubGraphMetadata``: its tensors in the file's order, groups of outputs, and custom metadata."""
    fields: dict[int, Any] = {2: list(inputs), 3: list(outputs)}
    if groups:
        fields[8] = list(groups)
    if custom:
        fields[9] = list(custom)
    return Row(fields)


def tensor(name: str, description: str, content: Row, units: Sequence[Row] = (), files: Sequence[Row] = ()) -> Row:
    """Return ``TensorMetadata`` with its content, process units and associated files."""
    fields: dict[int, Any] = {0: name, 1: description, 3: content}
    if units:
        fields[4] = list(units)
    if files:
        fields[6] = list(files)
    return Row(fields)


def image_content(colour_space: int, width: int, height: int) -> Row:
    """Return the ``Content`` of pictures of a colour space, UNKNOWN, RGB or GREY, and a size in pixels."""
    size = Row({0: Number(width), 1: Number(height)})
    return _content(IMAGE, Row({0: Number(colour_space, "B"), 1: size}))


def box_content() -> Row:
    """Return the ``Content`` of boxes ymin, xmin, ymax, xmax in fractions of the input.

    The index names the places of left, top, right and bottom.
    """
    order = Numbers((1, 0, 3, 2), "I")
    return _content(BOXES, Row({0: order, 1: Number(BOUNDARIES, "B"), 2: Number(RATIO, "B")}))


def feature_content() -> Row:
    """Return the ``Content`` of other numbers."""
    return _content(FEATURE, Row())


def _content(kind: int, properties: Row) -> Row:
    return Row({0: Number(kind, "B"), 1: properties})


def normalization(mean: Sequence[float], std: Sequence[float]) -> Row:
    """Return the process unit for real = (pixel - mean) / std, with as many numbers of each."""
    return _unit(NORMALIZATION, Row({0: Numbers(mean), 1: Numbers(std)}))


def sigmoid_calibration() -> Row:
    """Return the process unit that applies a sigmoid with the parameters in a calibration file."""
    return _unit(SCORE_CALIBRATION, Row())


def score_threshold(least: float) -> Row:
    """Return the process unit with the least score."""
    return _unit(SCORE_THRESHOLDING, Row({0: Number(least, "f")}))


def _unit(kind: int, options: Row) -> Row:
    return Row({0: Number(kind, "B"), 1: options})


def associated_file(name: str, description: str, kind: int) -> Row:
    """Return ``AssociatedFile`` of the kind AXIS_LABELS, VALUE_LABELS or CALIBRATION."""
    return Row({0: name, 1: description, 2: Number(kind, "B")})


def group(name: str, tensors: Sequence[str]) -> Row:
    """Return ``TensorGroup``: the outputs of these names belong together."""
    return Row({0: name, 1: list(tensors)})


def custom_metadata(name: str, content: bytes) -> Row:
    """Return ``CustomMetadata``, a buffer of another schema."""
    return Row({0: name, 1: Blob(content)})


def segmenter_options(activation: int) -> bytes:
    """Return ``ImageSegmenterOptions``: what is still to be applied to the output."""
    return buffer(Row({0: Number(activation, "B"), 1: "1.0.0"}), OPTIONS)


def detector_options(anchors: Sequence[Row], decoding: Row) -> bytes:
    """Return ``ObjectDetectorOptions`` of rows from ``anchor`` and ``decoding``."""
    return buffer(Row({0: "1.0.0", 1: Row({0: Row({0: list(anchors)})}), 2: decoding}), OPTIONS)


def anchor(centre_y: float, centre_x: float, height: float, width: float) -> Row:
    """Return ``FixedAnchor``, in fractions of the input."""
    return Row({index: Number(value, "f") for index, value in enumerate((centre_x, centre_y, width, height))})


def decoding(classes: int, boxes: int, variances: Sequence[float], sigmoid: bool) -> Row:
    """Return ``TensorsDecodingOptions`` of offsets that are divided by the scales 1 / variance.

    Args:
        classes: the columns of the scores.
        boxes: the number of anchors.
        variances: of centre y, centre x, height and width.
        sigmoid: whether a sigmoid is still to be applied to the scores.
    """
    y, x, height, width = (Number(1 / variance, "f") for variance in variances)
    counts = {0: Number(classes, "i"), 1: Number(boxes, "i"), 2: Number(4, "i"), 5: Number(PER_KEYPOINT, "i")}
    scales = {6: x, 7: y, 8: width, 9: height}
    return Row({**counts, **scales, 10: Number(1, "B"), 11: Number(int(sigmoid), "B")})
