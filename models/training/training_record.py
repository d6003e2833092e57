"""The reading of training records: the signature of the network, and the options that read its data again.

A training record, ``train.json``, holds facts about the data and the task. Old records have no signature, but they hold
the same facts, so this module makes the signature of old and of new records alike. It imports no TensorFlow.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge.errors import InputError

Record = Mapping[str, Any]

TEXT = "vocabulary.txt"
"""The name of the file beside the model that holds its vocabulary."""

SELECTION = {"score_threshold": 0.4, "iou_threshold": 0.45, "max_detections": 100}
"""The default selection of a detector's results; see ``edge.decoders.select``."""

VARIANCES = (0.1, 0.2)
"""The factors of the offsets of centres and of sides; see ``edge.decoders.ssd``."""


def signature_of(record: Record, outputs: Sequence[str] = ()) -> dict[str, Any]:
    """Return the signature of the network, in the form of the key ``signature`` of ``train.json``.

    Args:
        record: the training record. If it has a signature, that is returned.
        outputs: the names of the network's outputs in its order; by default those of this project's networks.

    Returns:
        ``inputs`` holds the kind of the input. For images it also holds mean, std, colour and resize; for tensors it
        holds how they are made, as ``sound``, ``text`` or ``clip``. ``outputs`` holds the name and the role of each
        output in the network's order. ``task`` holds name, decoder and parameters, as ``edge.signature.TaskSpec`` does.

    Raises:
        InputError: the task has another number of outputs than ``outputs``.
    """
    if "signature" in record:
        return dict(record["signature"])
    make = next((TASK_BY_KEY[key] for key in TASK_BY_KEY if key in record), _classify)
    task, roles = make(record)
    names = list(outputs) or [name for name, _ in roles]
    if len(names) != len(roles):
        raise InputError(f"a network for {task['name']} has {len(roles)} output(s), got {', '.join(names)}")
    rows = [{"name": name, "role": role} for name, (_, role) in zip(names, roles, strict=True)]
    return {"inputs": [_input(record)], "outputs": rows, "task": task}


def task_of(record: Record) -> str:
    """Return the dataset task of the record, a key of ``edge.models.training.task_table.DATASET_TASKS``."""
    return next((DATASET_TASK_BY_KEY[key] for key in DATASET_TASK_BY_KEY if key in record), "classify")


def reader_options(record: Record) -> dict[str, Any]:
    """Return the options with which the reader of the dataset task reads the data as the training did."""
    if "sound" in record:
        kind = record["sound"]["kind"]
        speakers = {"speakers": tuple(record["speakers"]["report"])}
        return speakers if kind == "waveform" else {**speakers, "features": kind}
    if "clip" in record:
        return {"step": record["clip"]["step"]}
    given = {**record.get("anchors", {}), **record.get("embedding", {})}
    return given | {key: record[key] for key in OPTIONS.get(task_of(record), ()) if key in record}


TaskAndOutputs = tuple[dict[str, Any], tuple[tuple[str, str], ...]]
"""The task of a signature, and the name and the role of each output."""


def _task(name: str, decoder: str | None = None, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "decoder": decoder, "parameters": parameters}


def _classify(record: Record) -> TaskAndOutputs:
    return _task("classify", activation="none"), (("probabilities", "scores"),)


def _segment(record: Record) -> TaskAndOutputs:
    return _task("segment", activation="none", view=record["view"]), (("probabilities", "mask"),)


def _detect(record: Record) -> TaskAndOutputs:
    anchors = {name: list(record["anchors"][name]) for name in ("strides", "ratios", "scales")}
    task = _task(
        "detect", "ssd", anchors=anchors, variances=list(VARIANCES), background=True, activation="none", **SELECTION
    )
    return task, (("boxes", "boxes"), ("scores", "scores"))


def _keypoints(record: Record) -> TaskAndOutputs:
    points = record["keypoints"]
    edges = [list(pair) for pair in points["edges"]]
    return _task("keypoints", "heatmaps", names=list(points["names"]), edges=edges), (("heatmaps", "heatmaps"),)


def _embed(record: Record) -> TaskAndOutputs:
    unit = bool(record.get("build", {}).get("normalize"))
    return _task("embed", normalize=not unit), (("unit_length" if unit else "vector", "embedding"),)


TASK_BY_KEY: dict[str, Callable[[Record], TaskAndOutputs]] = {
    "anchors": _detect,
    "view": _segment,
    "keypoints": _keypoints,
    "embedding": _embed,
}
"""Functions by a key that only the records of their task have. A record without such a key is a classifier's."""

DATASET_TASK_BY_KEY = {
    "anchors": "detect",
    "view": "segment",
    "keypoints": "keypoints",
    "embedding": "embed",
    "sound": "speech",
    "text": "text",
    "clip": "clips",
}
"""Dataset tasks by a key that only their records have."""

OPTIONS = {
    "detect": ("loss", "upside_down"),
    "segment": ("view", "turns", "elastic", "loss"),
    "keypoints": ("sigma",),
    "text": ("forget",),
}
"""The options of each reader that stand in the record under their own names."""


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
