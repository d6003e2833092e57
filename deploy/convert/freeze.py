"""Freeze a network once: batch 1, variables folded to constants. Everything else is derived from that function.

Tracing and freezing takes a fraction of a second where ``TFLiteConverter.from_keras_model`` spends ten on
saving the tracked Keras object; and with a fixed batch no shape is computed at run time, so that channel
shuffles stay plain reshapes and the delegate takes the graph in one piece.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import InvalidInput


@dataclass(frozen=True)
class Frozen:
    """function: a ``tf.ConcreteFunction`` without variables. shape: of its one input, batch 1 first.

    graph: the function's ``GraphDef``, which freezing makes anyway and converting needs.
    """

    function: Any
    shape: tuple[int, ...]
    graph: Any


def freeze(call: Callable[[Any], Any], input_shape: tuple[int | None, ...]) -> Frozen:
    """Trace ``call`` (a Keras model or any tensor function) for one sample and fold its variables.

    input_shape: with the batch first; the batch becomes 1, every other dimension must be known.
    """
    tf = need("tensorflow")
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2_as_graph

    shape = (1, *input_shape[1:])
    if any(size is None for size in shape):
        raise InvalidInput(f"the model's input must have a fixed size to be converted, got {input_shape}")
    # Keras converts the layers that need it; the call itself has no control flow for autograph to look for.
    traced = tf.function(lambda x: call(x), autograph=False).get_concrete_function(
        tf.TensorSpec(shape, tf.float32, name="image")
    )
    function, graph = convert_variables_to_constants_v2_as_graph(traced, lower_control_flow=False)
    return Frozen(function, tuple(int(s) for s in shape if s is not None), graph)


def freeze_keras(model: Any) -> Frozen:
    """Freeze a Keras model (2 or 3) in inference mode. Raises InvalidInput unless it has one input and one output."""
    for what, tensors in (("input", model.inputs), ("output", model.outputs)):
        if len(tensors) != 1:
            raise InvalidInput(f"the model must have one {what}, got {len(tensors)}")
    return freeze(lambda x: model(x, training=False), tuple(model.inputs[0].shape))
