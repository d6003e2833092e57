"""``describe`` makes ``model.json``, which states everything that the app needs to know of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from edge.binding import bind
from edge.bundle import Bundle
from edge.decoders.anchors import Boxes
from edge.decoders.select import Selection
from edge.deploy.web.choice import check_sizes
from edge.deploy.web.heads import FOMO_THRESHOLD, head
from edge.errors import InputError
from edge.imaging import InputFormat, Preprocessor
from edge.manifest import Artifact
from edge.session import Session
from edge.signature import Input, Signature
from edge.tasks.activation import find_activation, has_probability_steps
from edge.tasks.base import Task
from edge.tasks.classify import Classify
from edge.tasks.segment import Segment
from edge.tasks.shapes import likely_layout, map_channels
from edge.tensors import Array, Tensor, TensorSpec

SCHEMA = 1
ANCHORS = "anchors.bin"
GOLDEN_INPUT = "golden-input.rgba"


@dataclass(frozen=True)
class Description:
    """What the app is told of a network.

    Attributes:
        content: of ``model.json``.
        anchors: (n, 4) float32 for ``anchors.bin``. None when the decoder has none.
    """

    content: dict[str, Any]
    anchors: Boxes | None


def describe(bundle: Bundle, artifact: Artifact, session: Session, title: str) -> Description:
    """Return what the app is told of a network.

    Args:
        bundle: the bundle.
        artifact: the file to run.
        session: the opened file.
        title: the app's name.

    Raises:
        InputError: the app cannot show the network's results.
    """
    check_sizes(session.path, session.model.inputs, session.model.outputs)
    bound = bind(session.model.outputs, session.signature.outputs, artifact.tensors.outputs, session.path)
    specs = {name: spec for name, (_, spec) in bound.items()}
    task, anchors = task_of(session.signature, session.task, bundle.manifest.labels, specs)
    model = artifact.files[0]
    content = {
        "schema": SCHEMA,
        "title": title,
        "name": bundle.manifest.name,
        "precision": artifact.precision,
        "model": {"file": model.name, "bytes": model.bytes, "sha256": model.sha256},
        "input": _input(session),
        "outputs": _outputs(session, bound),
        "task": task,
        "signature": asdict(session.signature),
    }
    return Description(content, anchors)


def _input(session: Session) -> dict[str, Any]:
    entry = session.signature.inputs[0]
    assert entry.format is not None
    (spec,) = session.model.inputs
    width, height = entry.size
    return {
        "name": entry.name,
        "index": 0,
        "dtype": spec.dtype.name,
        "width": width,
        "height": height,
        "colour": entry.format.colour,
        "resize": entry.format.resize,
        "layout": entry.format.layout,
        "table": table_of(spec, entry, entry.format).ravel().tolist(),
    }


def table_of(spec: TensorSpec, entry: Input, form: InputFormat) -> Array:
    """Return the input's number for each pixel value, (256, channels): what the device's Preprocessor makes of it."""
    channels = 1 if form.colour == "GRAY" else 3
    sides = {3: (1, 1, 1), 4: (1, 1, 1, channels)}[len(spec.shape)]
    sides = (1, channels, 1, 1) if form.layout == "NCHW" and len(sides) == 4 else sides
    prepare = Preprocessor(replace(spec, shape=sides), replace(form, resize="stretch"))
    rows = [prepare(np.full((1, 1, 3), value, np.uint8)).tensor.ravel().copy() for value in range(256)]
    return np.stack(rows)


def _outputs(session: Session, bound: Mapping[str, tuple[int, TensorSpec]]) -> list[dict[str, Any]]:
    """Return the outputs in the order of the signature, each with its place in the file.

    LiteRT.js gives outputs in the order of the file's graph, also where a signature in the file has another order.
    """
    found = []
    for output in session.signature.outputs:
        place, spec = bound[output.name]
        found.append(
            {
                "name": output.name,
                "role": output.role,
                "index": place,
                "shape": list(spec.shape),
                "dtype": spec.dtype.name,
                "scale": None if spec.quantization is None else spec.quantization.scale,
                "zeroPoint": 0 if spec.quantization is None else spec.quantization.zero_point,
            }
        )
    return found


def task_of(
    signature: Signature, task: Task, labels: Sequence[str], specs: Mapping[str, TensorSpec]
) -> tuple[dict[str, Any], Boxes | None]:
    """Return the task's part of ``model.json`` with all parameters resolved, and the decoder's anchors.

    Args:
        signature: of the bundle.
        task: the device's task of this signature.
        labels: of the bundle.
        specs: the file's outputs by the signature's names.
    """
    if isinstance(task, Classify):
        return _classify(signature, task, labels, specs), None
    if isinstance(task, Segment):
        return _segment(signature, task, specs), None
    parameters = signature.task.parameters
    selection = Selection.of(parameters)
    if signature.task.decoder == "fomo" and "score_threshold" not in parameters:
        selection = replace(selection, score_threshold=FOMO_THRESHOLD)
    told, anchors = head(signature)
    if anchors is not None:
        told["anchorsFile"] = ANCHORS
    named = labels[bool(parameters.get("background_label", False)) :] or getattr(task.decoder, "labels", ())  # type: ignore[attr-defined]
    return {
        "name": "detect",
        "decoder": signature.task.decoder,
        "labels": list(named),
        "threshold": selection.score_threshold,
        "selection": _camel(asdict(selection)),
        "head": told,
    }, anchors


def _camel(names: dict[str, Any]) -> dict[str, Any]:
    """Return the dictionary with names as JavaScript writes them: scoreThreshold."""
    return {name.split("_")[0] + "".join(w.title() for w in name.split("_")[1:]): v for name, v in names.items()}


def _known_activation(spec: TensorSpec, stated: str) -> str:
    """Return the activation. That of quantized outputs is told by their scale, that of others only by each run."""
    if stated != "auto" or spec.quantization is None:
        return stated
    return find_activation([Tensor(np.zeros(spec.shape, spec.dtype), spec)])[0]


def _classify(
    signature: Signature, task: Classify, labels: Sequence[str], specs: Mapping[str, TensorSpec]
) -> dict[str, Any]:
    parameters, spec = signature.task.parameters, specs[signature.one("scores").name]
    top = parameters.get("top", task.classes if task.multi_label else 1)
    return {
        "name": "classify",
        "labels": list(labels) or [str(i) for i in range(task.classes)],
        "activation": _known_activation(spec, parameters.get("activation", "auto")),
        "two": task.two,
        "top": top,
        "threshold": task.threshold,
    }


def _segment(signature: Signature, task: Segment, specs: Mapping[str, TensorSpec]) -> dict[str, Any]:
    parameters, output = signature.task.parameters, signature.one("mask")
    layout, _spec = parameters.get("layout", likely_layout(signature, output)), specs[output.name]
    channels = map_channels(output, "segment", layout)
    rows, columns = output.shape[1:3] if layout == "NHWC" or len(output.shape) == 3 else output.shape[2:4]
    numbered = channels == 1 and (parameters.get("class_numbers", False) or np.dtype(output.dtype).kind in "iu")
    if channels > np.iinfo(np.uint16).max:
        raise InputError(f"a mask must have fewer than 65535 classes, got {channels}")
    return {
        "name": "segment",
        "labels": list(task.labels),
        "activation": parameters.get("activation", "auto"),
        "areProbabilities": None
        if specs[output.name].quantization is None
        else has_probability_steps(specs[output.name]),
        "threshold": parameters.get("threshold", 0.5),
        "numbered": numbered,
        "channels": channels,
        "layout": layout,
        "rows": rows,
        "columns": columns,
    }
