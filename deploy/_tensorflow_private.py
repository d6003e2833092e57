"""Every reach into private parts of TensorFlow, in one place, tested with the versions that setup.cfg allows.

Where a public function does the same more slowly, it is called when the private part is no longer there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import MissingExtra

_CONVERTER = "tensorflow.lite.python."


def constant_graph(traced: Any) -> Any:
    """Return the ``GraphDef`` of a concrete function with its variables folded to constants, calls inlined.

    As ``convert_variables_to_constants_v2_as_graph`` does, but for building a function of the graph, half its time.
    """
    steps = need("tensorflow.python.framework.convert_to_constants")
    try:
        data = steps._FunctionConverterDataInEager(traced, lower_control_flow=False, aggressive_inlining=False)
        return steps._replace_variables_by_constants(data)[0]
    except (AttributeError, TypeError):
        return steps.convert_variables_to_constants_v2_as_graph(traced, lower_control_flow=False)[1]


def give_graph(converter: Any, graph: Any, inputs: Sequence[Any], outputs: Sequence[Any], traced: Any) -> None:
    """Let a ``TFLiteConverter`` start from a graph without variables, which it would fold once more.

    That is a third of its time. Without the private part it freezes ``traced`` itself, to the same numbers; outputs
    have other names then.
    """
    if hasattr(converter, "_freeze_concrete_function"):
        converter._freeze_concrete_function = lambda: (graph, list(inputs), list(outputs), traced)


@contextmanager
def converting_only(converter: Any) -> Iterator[None]:
    """Leave out what the converter does besides, half of its time and more: docs/decisions/freeze-once.md.

    It reads the stack of every operation for its error messages, which name the operation anyway. It parses the
    file in Python to merge equal buffers, of which no network of ours has any; and it parses and writes it again
    to add metadata that say which TensorFlow made it, as a bundle's manifest does.
    """
    converter.experimental_lower_to_saved_model = False
    if not hasattr(converter, "_optimize_tflite_model"):
        yield
        return
    converter._trackable_obj = SimpleNamespace(graph_debug_info=None)
    finish = converter._optimize_tflite_model

    def finish_only(*args: Any, **kwargs: Any) -> Any:
        converter._experimental_use_buffer_offset = True  # asked here, and before the metadata, whether to parse
        return finish(*args, **kwargs)

    converter._optimize_tflite_model = finish_only
    try:
        yield
    finally:
        del converter._optimize_tflite_model  # which holds the converter, and that a copy of all weights


def calibrate_only(converter: Any) -> None:
    """Let the converter stop before it quantizes. No public option does: raises MissingExtra where it cannot."""
    if not hasattr(converter, "_experimental_calibrate_only"):
        raise MissingExtra("this TensorFlow cannot stop before it quantizes: pip install 'edgekit[train]'")
    converter._experimental_calibrate_only = True


def quantize(calibrated: bytes) -> bytes:
    """Return the full-integer file, int8 in and out, of a float file with ranges. It has no public name."""
    tf = need("tensorflow")
    made = need(_CONVERTER + "convert").mlir_quantize(calibrated, input_data_type=tf.int8, output_data_type=tf.int8)
    return bytes(made)


def converter_error() -> type[Exception]:
    """Return what the converter raises when it refuses a model."""
    return getattr(need(_CONVERTER + "convert_phase"), "ConverterError", Exception)


def flatbuffer_tools() -> tuple[Any, Any]:
    """Return the functions that parse and write a TFLite file, and the schema's classes."""
    return need("tensorflow.lite.tools.flatbuffer_utils"), need(_CONVERTER + "schema_py_generated")


def parse_saved_model(path: Path) -> Any:
    """Return the ``SavedModel`` message of a folder without loading it, by the loader's own reading.

    That knows more than one file name; another reading could look at one file while the loader takes the other.
    """
    return need("tensorflow.python.saved_model.loader_impl").parse_saved_model(str(path))


def operation(name: str) -> Any:
    """Return the ``OpDef`` of an operation, None for one that TensorFlow does not know."""
    return need("tensorflow.python.framework.op_def_registry").get(name)
