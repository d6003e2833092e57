"""Freeze a network once: batch 1, variables folded to constants. Everything else is derived from that graph.

Tracing and freezing takes a fraction of a second where ``TFLiteConverter.from_keras_model`` spends ten on
saving the tracked Keras object; and with a fixed batch no shape is computed at run time, so that channel
shuffles stay plain reshapes and the delegate takes the graph in one piece.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import lowering


@dataclass(frozen=True)
class Frozen:
    """graph: a ``GraphDef`` without variables.

    traced: the ``tf.ConcreteFunction`` that it was made from; inputs and outputs have the same names in both.
    shape: of the one input, batch 1 first.
    int8: freezes the form that is quantized after training, for networks with layers that have one.
    """

    graph: Any
    traced: Any
    shape: tuple[int, ...]
    int8: Callable[[], "Frozen"] | None = None

    @property
    def inputs(self) -> list[Any]:
        """The input's symbolic tensor; what the function takes after it, variables and constants, the graph holds."""
        return list(self.traced.inputs[: len(self.traced.inputs) - len(self.traced.captured_inputs)])

    @property
    def outputs(self) -> list[Any]:
        """The outputs' symbolic tensors in the model's order."""
        return list(self.traced.outputs)

    def for_int8(self) -> "Frozen":
        """Return the form to quantize after training."""
        return self if self.int8 is None else self.int8()


def freeze(call: Callable[[Any], Any], input_shape: tuple[int | None, ...], dtype: str = "float32") -> Frozen:
    """Trace ``call`` (a Keras model or any tensor function) for one sample and fold its variables.

    input_shape: with the batch first; the batch becomes 1, every other dimension must be known. dtype: of the input.
    Raises InputError when one is not, and when values come from elsewhere than the input and variables.
    """
    tf = need("tensorflow")
    shape = (1, *input_shape[1:])
    if any(size is None for size in shape):
        raise InputError(f"the model's input must have a fixed size to be converted, got {input_shape}")
    # Keras converts the layers that need it; the call itself has no control flow for autograph to look for.
    traced = tf.function(lambda x: call(x), autograph=False).get_concrete_function(
        tf.TensorSpec(shape, dtype, name="image")
    )
    frozen = Frozen(_constant_graph(traced), traced, tuple(int(s) for s in shape if s is not None))
    _refuse_open(frozen)
    return frozen


def _constant_graph(traced: Any) -> Any:
    """Do what ``convert_variables_to_constants_v2`` does, but for building a function of the graph: half its time."""
    from tensorflow.python.framework import convert_to_constants as steps

    data = steps._FunctionConverterDataInEager(traced, lower_control_flow=False, aggressive_inlining=False)
    return steps._replace_variables_by_constants(data)[0]


def _refuse_open(frozen: Frozen) -> None:
    """Raise InputError when the graph waits for more than its input: a lookup table, say."""
    read = {name.split(":")[0] for node in frozen.graph.node for name in node.input}
    read -= {tensor.op.name for tensor in frozen.inputs}
    left = [node.name for node in frozen.graph.node if node.op == "Placeholder" and node.name in read]
    if left:
        raise InputError(
            "the model reads what is neither its input nor a variable, a lookup table perhaps: "
            f"{', '.join(left)}; save it without"
        )


def freeze_keras(model: Any) -> Frozen:
    """Freeze a Keras model (2 or 3) in inference mode. Raises InputError unless it has one input."""
    if len(model.inputs) != 1:
        raise InputError(f"the model must have one input, got {len(model.inputs)}")
    frozen = _freeze_for(lowering.FLOAT, model)
    if any(lowering.INT8 in getattr(type(layer), "lowers", ()) for layer in model.layers):
        return replace(frozen, int8=partial(_freeze_for, lowering.INT8, model))
    return frozen


def _freeze_for(target: str, model: Any) -> Frozen:
    entry = model.inputs[0]
    dtype = str(getattr(entry.dtype, "name", entry.dtype))
    with lowering.lowered_for(target):
        return freeze(lambda x: model(x, training=False), tuple(entry.shape), dtype)
