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
    if record is None or "anchors" not in record:
        return model, record
    signature = signature_of(record)
    task, names = signature["task"], [row["name"] for row in signature["outputs"]]
    keras = need("tf_keras")
    if not task["parameters"].get("background") or not isinstance(model, keras.Model):
        return model, record
    if list(model.output_names) != names:
        return model, record
    outputs = {row["name"]: tensor for row, tensor in zip(signature["outputs"], model.outputs, strict=True)}
    scores = next(row["name"] for row in signature["outputs"] if row["role"] == "scores")
    outputs[scores] = outputs[scores][..., 1:]
    stated = {**task, "parameters": {**task["parameters"], "background": False}}
    return keras.Model(model.inputs, outputs, name=model.name), {**record, "signature": {**signature, "task": stated}}
