"""``open_states`` leaves open which shapes the states of ONNX loops have.

TFLite states no shape for a sequence that one recurrent layer hands to the next, and tf2onnx takes that for a single
number. ONNX Runtime finds the shapes by itself.
"""

from typing import Any

FIRST_STATE = 2
"""The inputs of a loop's body before its states: the number of the iteration, and whether to go on."""


def open_states(graph: Any) -> None:
    """Remove the stated shapes of the states of all loops of a ``GraphProto``, also of loops inside others."""
    for node in graph.node:
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                if node.op_type == "Loop":
                    for state in list(body.input)[FIRST_STATE:]:
                        state.type.tensor_type.ClearField("shape")
                open_states(body)
