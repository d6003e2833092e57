"""``describe`` states a network's signature as TFLite Metadata, which MediaPipe Tasks and other tools read.

MediaPipe finds the outputs of a detector by the names ``location``, ``category``, ``score`` and
``number of detections``, and everything else by the kind of an entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.deploy.metadata import schema
from edge.deploy.metadata.detector_metadata import detector_options
from edge.deploy.metadata.flatbuffer_writer import Row
from edge.imaging import InputFormat
from edge.signature import ROLES, Input, Output, Signature

LABELS, CALIBRATION = "labels.txt", "score_calibration.txt"
"""The names of the associated files."""

DETECTION_NAMES = {
    "boxes": "location",
    "classes": "category",
    "scores": "score",
    "count": "number of detections",
}
"""MediaPipe's names for the roles of a detector's outputs."""

COLOURS = {"RGB": schema.RGB, "GRAY": schema.GREY}
ACTIVATIONS = {"none": schema.NO_ACTIVATION, "sigmoid": schema.SIGMOID, "softmax": schema.SOFTMAX}
SIGMOID_LINE = "1,1,0"
"""A line of a calibration file: scale, slope and offset of scale / (1 + exp(-(slope * score + offset)))."""


@dataclass(frozen=True)
class Described:
    """TFLite Metadata of one file.

    Attributes:
        buffer: the metadata.
        files: the associated files by name.
    """

    buffer: bytes
    files: Mapping[str, bytes]


def describe(
    name: str, signature: Signature, labels: Sequence[str], inputs: Sequence[Input], outputs: Sequence[Output]
) -> Described:
    """Return the TFLite Metadata of a file.

    Args:
        name: the network's name.
        signature: the network's signature.
        labels: the class names; empty when there are none.
        inputs: the signature's inputs in the file's order.
        outputs: the signature's outputs in the file's order.
    """
    network = _Network(signature, labels)
    files = network.files()
    rows = [network.output(output, files) for output in outputs]
    groups = []
    if network.post_processed:
        groups = [schema.group("detection_result", [network.name_of(output) for output in outputs])]
    graph = schema.graph([_input(entry) for entry in inputs], rows, groups, network.custom())
    words = f"{name}: task {signature.task.name}, converted by EdgeKit"
    return Described(schema.model(name, words, graph), files)


def _input(entry: Input) -> Row:
    """Return the metadata of an input: for a picture its colour, size and normalization."""
    form = entry.format
    if form is None or len(entry.shape) == 5:
        return schema.tensor(entry.name, f"numbers of shape {entry.shape}", schema.feature_content())
    width, height = entry.size
    content = schema.image_content(COLOURS.get(form.colour, schema.UNKNOWN), width, height)
    description = f"a picture of {width} x {height} pixels, {form.colour}, resize {form.resize}"
    units = [] if form.raw else [schema.normalization(*_mean_and_std(form))]
    return schema.tensor(entry.name, description, content, units)


def _mean_and_std(form: InputFormat) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return as many numbers of each: readers of the metadata expect that."""
    count = max(len(form.mean), len(form.std))
    mean, std = (values * count if len(values) == 1 else values for values in (form.mean, form.std))
    return mean, std


@dataclass(frozen=True)
class _Network:
    """The part of a signature that describes the outputs."""

    signature: Signature
    labels: Sequence[str]

    @property
    def post_processed(self) -> bool:
        """Whether the network selects its boxes itself."""
        return self.signature.task.decoder == "tflite_detection"

    def name_of(self, output: Output) -> str:
        """Return the name of an output in the metadata."""
        return DETECTION_NAMES.get(output.role, output.name) if self.signature.task.name == "detect" else output.name

    def files(self) -> dict[str, bytes]:
        """Return the associated files by name: a label on each line, and a line of calibration for each score."""
        found = {}
        if names := self._names():
            found[LABELS] = "".join(f"{label}\n" for label in names).encode("utf-8")
        if self._needs_sigmoid():
            found[CALIBRATION] = f"{SIGMOID_LINE}\n".encode() * self.signature.one("scores").shape[-1]
        return found

    def _needs_sigmoid(self) -> bool:
        task = self.signature.task
        return task.name == "classify" and task.parameters.get("activation") == "sigmoid"

    def _names(self) -> list[str]:
        """Return a name for each class number or column, with the background where the network has one."""
        task = self.signature.task
        if not self.labels:
            return []
        first = task.parameters.get("first_class", 0) if self.post_processed else 0
        if task.decoder == "ssd" and task.parameters.get("background", True):
            first = 1
        return ["background"] * first + list(self.labels)

    def output(self, output: Output, files: Mapping[str, bytes]) -> Row:
        """Return the metadata of an output."""
        name, role = self.name_of(output), output.role
        if role == "boxes" and self.signature.task.decoder in ("ssd", "tflite_detection"):
            return schema.tensor(name, ROLES[role], schema.box_content())
        labelled = "classes" if self.post_processed else "mask" if role == "mask" else "scores"
        kind = schema.VALUE_LABELS if self.post_processed else schema.AXIS_LABELS
        attached, units = [], []
        if role == labelled and LABELS in files and self._labels_fit(output):
            attached.append(schema.associated_file(LABELS, "names of the classes", kind))
        if role == "scores" and CALIBRATION in files:
            attached.append(schema.associated_file(CALIBRATION, "a sigmoid", schema.CALIBRATION))
            units.append(schema.sigmoid_calibration())
        if role == "scores" and (least := self._threshold()):
            units.append(schema.score_threshold(least))
        return schema.tensor(name, ROLES[role], schema.feature_content(), units, attached)

    def _labels_fit(self, output: Output) -> bool:
        """Return whether there is a label for each column. One column stands for two labels."""
        return self.post_processed or output.shape[-1] == len(self._names())

    def _threshold(self) -> float:
        """Return the least score that the signature states, or 0."""
        key = {"classify": "threshold", "detect": "score_threshold"}.get(self.signature.task.name, "")
        return float(self.signature.task.parameters.get(key, 0.0))

    def custom(self) -> list[Row]:
        """Return what MediaPipe needs besides: how boxes are decoded, or what activation a mask still needs."""
        task = self.signature.task
        if task.name == "segment":
            activation = ACTIVATIONS.get(str(task.parameters.get("activation", "none")), schema.NO_ACTIVATION)
            return [schema.custom_metadata("SEGMENTER_METADATA", schema.segmenter_options(activation))]
        options = detector_options(self.signature)
        return [] if options is None else [schema.custom_metadata("DETECTOR_METADATA", options)]
