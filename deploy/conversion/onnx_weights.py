"""``own_zero_points`` gives each quantized weight a constant of its own for its zero points.

ONNX Runtime's setting ``session.x64quantprecision`` makes sums exact on x86 processors without VNNI: it rewrites int8
weights as uint8, and names what it writes after the constants that it read. Where two weights share their zero points,
it finds the name taken, and refuses the file.
"""

from edge.deploy.conversion.onnx_edit import DEQUANTIZE, GraphEditor


def own_zero_points(graph: GraphEditor) -> None:
    """Copy the zero points of each DequantizeLinear of a constant, where another one reads them too."""
    taken: set[str] = set()
    for node in graph.nodes:
        if node.op_type == DEQUANTIZE and len(node.input) > 2 and graph.constant(node.input[0]) is not None:
            name = node.input[2]
            if name in taken and (value := graph.constant(name)) is not None:
                graph.set_input(node, 2, graph.add_constant(f"{node.input[0]}_zero_point", value, is_shared=False))
            taken.add(node.input[2])
