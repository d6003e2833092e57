"""What a training record says of its network: the signature for later stages, and the options to read its data again.

``train.json`` holds facts of the data and of the task. Records from before signatures hold the same facts, so both are
made here, for new and for old records alike. Importing this imports no TensorFlow.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.errors import InputError

Record = Mapping[str, Any]

TEXT = "vocabulary.txt"
"""The file beside the model that holds the words of its tokens."""

SELECTION = {"score_threshold": 0.4, "iou_threshold": 0.45, "max_detections": 100}
"""What a detector's results are cut to when nobody says otherwise."""

VARIANCES = (0.1, 0.2)
"""What offsets of centres and of sides are multiplied by; see ``edge.decoders.ssd``."""


def signature_of(record: Record, outputs: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the network takes and gives, in the form of ``train.json``'s key ``signature``.

    Args:
        record: of a training, with or without a signature of its own.
        outputs: the names of the network's outputs in its order; by default those of our own networks.

    Returns:
        ``inputs``: kind, and for images mean, std, colour and resize; for tensors how they are made, under ``sound``,
        ``text`` or ``clip``. ``outputs``: name and role of each, in the
        network's order. ``task``: name, decoder and parameters as ``edge.signature.TaskSpec`` has them.

    Raises:
        InputError: ``outputs`` are more or fewer than the task has.
    """
    if "signature" in record:
        return dict(record["signature"])
    make = next((MAKERS[key] for key in MAKERS if key in record), _classify)
    task, roles = make(record)
    names = list(outputs) or [name for name, _ in roles]
    if len(names) != len(roles):
        raise InputError(f"a network for {task['name']} has {len(roles)} output(s), got {', '.join(names)}")
    rows = [{"name": name, "role": role} for name, (_, role) in zip(names, roles, strict=True)]
    return {"inputs": [_input(record)], "outputs": rows, "task": task}


def task_of(record: Record) -> str:
    """Return the row of the table of dataset tasks that the record was made by."""
    return next((ROWS[key] for key in ROWS if key in record), "classify")


def reader_options(record: Record) -> dict[str, Any]:
    """Return what the reader of the data has to be told to see them as the training of the record did."""
    if "sound" in record:
        kind = record["sound"]["kind"]
        speakers = {"speakers": tuple(record["speakers"]["report"])}
        return speakers if kind == "waveform" else {**speakers, "features": kind}
    if "clip" in record:
        return {"step": record["clip"]["step"]}
    given = {**record.get("anchors", {}), **record.get("embedding", {})}
    return given | {key: record[key] for key in OPTIONS.get(task_of(record), ()) if key in record}


Made = tuple[dict[str, Any], tuple[tuple[str, str], ...]]
"""The task, and name and role of each output."""


def _task(name: str, decoder: str | None = None, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "decoder": decoder, "parameters": parameters}


def _classify(record: Record) -> Made:
    return _task("classify", activation="none"), (("probabilities", "scores"),)


def _segment(record: Record) -> Made:
    return _task("segment", activation="none", view=record["view"]), (("probabilities", "mask"),)


def _detect(record: Record) -> Made:
    anchors = {name: list(record["anchors"][name]) for name in ("strides", "ratios", "scales")}
    task = _task(
        "detect", "ssd", anchors=anchors, variances=list(VARIANCES), background=True, activation="none", **SELECTION
    )
    return task, (("boxes", "boxes"), ("scores", "scores"))


def _keypoints(record: Record) -> Made:
    points = record["keypoints"]
    edges = [list(pair) for pair in points["edges"]]
    return _task("keypoints", "heatmaps", names=list(points["names"]), edges=edges), (("heatmaps", "heatmaps"),)


def _embed(record: Record) -> Made:
    unit = bool(record.get("build", {}).get("normalize"))
    return _task("embed", normalize=not unit), (("unit_length" if unit else "vector", "embedding"),)


MAKERS: dict[str, Callable[[Record], Made]] = {
    "anchors": _detect,
    "view": _segment,
    "keypoints": _keypoints,
    "embedding": _embed,
}
"""By a key that only the records of that task have; a record with none of them is a classifier's."""

ROWS = {
    "anchors": "detect",
    "view": "segment",
    "keypoints": "keypoints",
    "embedding": "embed",
    "sound": "speech",
    "text": "text",
    "clip": "clips",
}
"""Rows of the table of dataset tasks by the same kind of key."""

OPTIONS = {
    "detect": ("loss", "upside_down"),
    "segment": ("view", "turns", "elastic", "loss"),
    "keypoints": ("sigma",),
    "text": ("forget",),
}
"""Options of readers that stand in the record under their own names."""


def _input(record: Record) -> dict[str, Any]:
    for key in ("sound", "text", "clip"):
        if key in record:
            return {"kind": "tensor", key: {**record[key], **(_pixels(record) if key == "clip" else {})}}
    return {"kind": "image", **_pixels(record)}


def _pixels(record: Record) -> dict[str, Any]:
    return {
        "mean": list(record["mean"]),
        "std": list(record["std"]),
        "colour": "GRAY" if record["input_shape"][-1] == 1 else "RGB",
        "resize": "stretch",
    }
