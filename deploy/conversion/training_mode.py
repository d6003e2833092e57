"""``refuse_training_mode`` refuses a network that was saved as it is trained, whose answers depend on chance.

``model.export()`` of Keras 2 leaves random flips and rotations active. ``tf.saved_model.save`` of a Keras 3 model may
leave its batch normalization in training mode. Such a function gives other answers than the network, often without an
error.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from edge.errors import InputError

_RANDOM = re.compile(
    r"(Stateful|Stateless)?(Random(?!Get)|StandardNormal|(Parameterized)?TruncatedNormal|Multinomial)|StatefulUniform"
)
_ASSIGNS = re.compile(r"Assign(Add|Sub)?(Variable(XOp|Op)|$)")
NORMALIZATION = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def refuse_training_mode(nodes: Iterable[Any]) -> None:
    """Check the operations on which the outputs of a frozen graph depend.

    Args:
        nodes: the ``NodeDef`` of each operation.

    Raises:
        InputError: one draws random numbers, changes a variable, or normalizes with the statistics of its batch.
    """
    known = {node.name: node for node in nodes}
    for node in known.values():
        if (reason := _reason(node)) and not _is_layer_normalization(node, known):
            raise InputError(
                f"the model must be saved for inference, its outputs depend on {node.name!r}, which {reason}: save the "
                "whole Keras model with model.save('net.keras'), or a SavedModel of a function that calls "
                "model(inputs, training=False)"
            )


def _reason(node: Any) -> str:
    if _RANDOM.match(node.op):
        return "draws random numbers"
    if _ASSIGNS.match(node.op):
        return "changes a variable"
    if node.op in NORMALIZATION and node.attr["is_training"].b:
        return "normalizes with the statistics of its batch"
    return ""


def _is_layer_normalization(node: Any, known: Mapping[str, Any]) -> bool:
    """Return whether an operation is Keras 2's layer normalization, which takes each sample for a batch of its own.

    Its scale and offset are filled with 1 and 0 for as many rows as the sample has. Those of a batch normalization are
    variables, or constants of its channels.
    """
    makers = [known.get(name.split(":")[0]) for name in node.input[1:3]]
    return node.op in NORMALIZATION and all(one is not None and one.op == "Fill" for one in makers)
