"""The signature and the labels of a network inside its file, so that a file says by itself what it is for.

``edge-convert`` writes the text of ``as_text`` into every file that it makes: a ``.tflite`` file has it as an entry
``edgekit`` of ``Model.metadata``, an ``.onnx`` file as the property ``edge.signature``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edge import tiles
from edge.binding import long_axes
from edge.errors import InputError
from edge.labels import has_control
from edge.manifest import signature_from
from edge.runnable import TensorNames
from edge.signature import Signature
from edge.tensors import TensorSpec

SCHEMA = 1
LABEL_LIMIT = 100_000


@dataclass(frozen=True)
class Embedded:
    """What a file says of itself.

    Attributes:
        signature: inputs, outputs and task.
        labels: the class names; empty when there are none.
        tensors: the file's name of each input and output.
    """

    signature: Signature
    labels: tuple[str, ...] = ()
    tensors: TensorNames = field(default_factory=TensorNames)

    def as_text(self) -> str:
        """Return the JSON text, on one line."""
        content = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    def fitted(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> "Embedded":
        """Return the signature with its tensors in the order of the file's.

        Raises:
            InputError: the file has other tensors than the signature states.
        """
        signature = replace(
            self.signature,
            inputs=_in_order(inputs, self.signature.inputs, self.tensors.inputs),
            outputs=_in_order(outputs, self.signature.outputs, self.tensors.outputs),
        )
        return replace(self, signature=signature)


def from_text(text: str) -> Embedded:
    """Return what ``as_text`` wrote.

    Raises:
        InputError: the text is something else, or a part of it does not fit.
    """
    try:
        raw = json.loads(text)
        if raw["schema"] != SCHEMA:
            raise InputError(f"the schema must be {SCHEMA}, got {raw['schema']!r}; update edgekit")
        names = {side: {str(k): str(v) for k, v in raw["tensors"][side].items()} for side in ("inputs", "outputs")}
        found = Embedded(signature_from(raw["signature"]), _labels(raw["labels"]), TensorNames(**names))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"it is no signature: {type(error).__name__} {error}"[:200]) from error
    _check(found)
    return found


def _labels(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or len(raw) > LABEL_LIMIT or not all(isinstance(label, str) for label in raw):
        raise InputError(f"labels must be a list of at most {LABEL_LIMIT} texts")
    return tuple(raw)


def _check(found: Embedded) -> None:
    """Raise InputError for text that commands a terminal, and for tiles in a network that cannot run on them."""
    signature = found.signature
    texts = [*found.labels, signature.task.name, signature.task.decoder or ""]
    texts += [entry.name for entry in signature.inputs] + [output.name for output in signature.outputs]
    for text in texts:
        if has_control(text):
            raise InputError(f"names and labels must have no control characters, got {text!r}")
    tiles.check(signature)


def _in_order(specs: Sequence[TensorSpec], known: Sequence[Any], names: Mapping[str, str]) -> tuple[Any, ...]:
    """Return the signature's inputs or outputs in the file's order, which is their own unless names say otherwise."""
    by_name = {names.get(one.name, one.name): one for one in known}
    if len(specs) != len(known) or (names and {spec.name for spec in specs} != set(by_name)):
        raise InputError("the file has other tensors than the signature names")
    ordered = [by_name[spec.name] for spec in specs] if names else list(known)
    for spec, one in zip(specs, ordered, strict=True):
        if long_axes(spec.shape) != long_axes(one.shape):
            raise InputError(f"{one.name} has the shape {one.shape} in the signature and {spec.shape} in the file")
    return tuple(ordered)
