"""``without_background`` leaves the background's scores out of a trained detector, because nobody reads them.

A softmax over classes needs a column for the background. Our decoder skips it, but other tools do not: MediaPipe's
ObjectDetector takes the best column of each box as its class, and would report the background some hundred times.
"""

from collections.abc import Mapping
from typing import Any

from edge.deploy._tensorflow import need
from edge.models.training.training_record import signature_of

Record = Mapping[str, Any]


def without_background(model: Any, record: Record | None) -> tuple[Any, Record | None]:
    """Return a detector whose scores have a column for each class alone, and the record that says so.

    Args:
        model: a Keras model.
        record: its training record.

    Returns:
        Both as they are when the record states no SSD with a background, or the model has no outputs of these names.
    """
    signature, keras = _stated(record), need("tf_keras")
    if record is None or not signature or not isinstance(model, keras.Model):
        return model, record
    roles = {row["name"]: row["role"] for row in signature["outputs"]}
    if list(model.output_names) != list(roles):
        return model, record
    outputs = {
        name: tensor[..., 1:] if roles[name] == "scores" else tensor
        for name, tensor in zip(roles, model.outputs, strict=True)
    }
    task = signature["task"]
    stated = {**task, "parameters": {**task["parameters"], "background": False}}
    return keras.Model(model.inputs, outputs, name=model.name), {**record, "signature": {**signature, "task": stated}}


def _stated(record: Record | None) -> dict[str, Any]:
    """Return the signature of an SSD with a background, or an empty one.

    A record that is damaged has none here; ``find_signature`` refuses it with one line.
    """
    if record is None or "anchors" not in record:
        return {}
    try:
        signature = signature_of(record)
        return signature if signature["task"]["parameters"].get("background") is True else {}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
