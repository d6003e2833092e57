"""All uses of private parts of TensorFlow. They are tested with the versions that setup.cfg allows.

Where a slower public function does the same, it is called when the private part does not exist.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import MissingExtra

_CONVERTER = "tensorflow.lite.python."


def constant_graph(traced: Any) -> Any:
    """Return the ``GraphDef`` of a concrete function, with variables folded to constants and calls inlined.

    ``convert_variables_to_constants_v2_as_graph`` returns the same, but takes twice the time, because it also builds a
    function from the graph.
    """
    steps = need("tensorflow.python.framework.convert_to_constants")
    try:
        data = steps._FunctionConverterDataInEager(traced, lower_control_flow=False, aggressive_inlining=False)
        return steps._replace_variables_by_constants(data)[0]
    except (AttributeError, TypeError):
        return steps.convert_variables_to_constants_v2_as_graph(traced, lower_control_flow=False)[1]


def function_body(function: Any) -> tuple[Any, dict[str, str]]:
    """Return the body of a ``FunctionDef`` as a ``GraphDef``, and the graph's name of each tensor of the function."""
    body, names = need("tensorflow.python.framework.function_def_to_graph").function_def_to_graph_def(function)
    return body, dict(names)


def give_graph(converter: Any, graph: Any, inputs: Sequence[Any], outputs: Sequence[Any], traced: Any) -> None:
    """Give a ``TFLiteConverter`` the frozen graph, which saves a third of its time.

    Without the private part the converter freezes ``traced`` itself. The file then computes the same, but its outputs
    have other names.
    """
    if hasattr(converter, "_freeze_concrete_function"):
        converter._freeze_concrete_function = lambda: (graph, list(inputs), list(outputs), traced)


@contextmanager
def converting_only(converter: Any) -> Iterator[None]:
    """Skip unneeded steps of the converter, which take more than half of its time (docs/decisions/freeze-once.md).

    The converter reads the call stack of every operation for its error messages, which name the operation anyway. It
    parses the file in Python to merge equal buffers, which our networks do not have. It parses and writes the file
    again to add the version of TensorFlow, which a bundle's manifest contains.
    """
    converter.experimental_lower_to_saved_model = False
    if not hasattr(converter, "_optimize_tflite_model"):
        yield
        return
    converter._trackable_obj = SimpleNamespace(graph_debug_info=None)
    finish = converter._optimize_tflite_model

    def finish_only(*args: Any, **kwargs: Any) -> Any:
        converter._experimental_use_buffer_offset = True  # decides whether to parse here and before the metadata
        return finish(*args, **kwargs)

    converter._optimize_tflite_model = finish_only
    try:
        yield
    finally:
        del converter._optimize_tflite_model  # it refers to the converter, which has a copy of all weights


def calibrate_only(converter: Any) -> None:
    """Make the converter stop before it quantizes. Raises MissingExtra where the private option does not exist."""
    if not hasattr(converter, "_experimental_calibrate_only"):
        raise MissingExtra("this TensorFlow cannot stop before it quantizes: pip install 'edgekit[train]'")
    converter._experimental_calibrate_only = True


def calibrated_by_tflite(content: bytes, samples: Callable[[], Iterator[Any]]) -> bytes:
    """Return a float file with the ranges that TFLite's own calibrator observes.

    Args:
        content: the float file.
        samples: returns an iterator of samples, each a list of arrays in the order of the file's inputs.
    """
    return bytes(need(_CONVERTER + "optimize.calibrator").Calibrator(content).calibrate(samples))


def quantize(calibrated: bytes, io: str = "int8", kept: Sequence[str] = (), float_outputs: bool = False) -> bytes:
    """Return the int8 file of a float file with ranges. No public function does it.

    Args:
        calibrated: the float file.
        io: the dtype of its inputs and outputs: ``int8``, ``uint8`` or ``float32``.
        kept: the names of the first outputs of operations that stay float.
        float_outputs: whether the outputs are float32 whatever ``io`` says.
    """
    tf = need("tensorflow")
    border = tf.int8 if io == "int8" else tf.float32
    after = tf.float32 if float_outputs else border
    quantized = need(_CONVERTER + "convert").mlir_quantize(
        calibrated, input_data_type=border, output_data_type=after, denylisted_nodes=list(kept) or None
    )
    return with_uint8_border(bytes(quantized), float_outputs) if io == "uint8" else bytes(quantized)


def with_uint8_border(content: bytes, float_outputs: bool = False) -> bytes:
    """Return an int8 file with float32 inputs and outputs as one with uint8 inputs, and uint8 or float32 outputs."""
    tf = need("tensorflow")
    after = tf.float32 if float_outputs else tf.uint8
    return bytes(need(_CONVERTER + "util").modify_model_io_type(content, tf.uint8, after))


def quantize_16(content: bytes, samples: Callable[[], Iterator[Any]], border: Any) -> bytes:
    """Return the file with activations of 16 bits and int8 weights of a float file.

    Args:
        content: the float file.
        samples: returns an iterator of samples, each a list of arrays in the order of the file's inputs.
        border: the TensorFlow dtype of inputs and outputs.
    """
    tf = need("tensorflow")
    calibrator = need(_CONVERTER + "optimize.calibrator").Calibrator(content)
    return bytes(calibrator.calibrate_and_quantize(samples, border, border, False, tf.int16, tf.int64))


def converter_error() -> type[Exception]:
    """Return the exception class that the converter raises when it refuses a model."""
    return getattr(need(_CONVERTER + "convert_phase"), "ConverterError", Exception)


def flatbuffer_tools() -> tuple[Any, Any]:
    """Return the functions that parse and write a TFLite file, and the schema's classes."""
    return need("tensorflow.lite.tools.flatbuffer_utils"), need(_CONVERTER + "schema_py_generated")


def parse_saved_model(path: Path) -> Any:
    """Return the ``SavedModel`` message of a folder with the loader's own parser, without loading the model.

    The parser knows several file names. Another parser could read one file while the loader takes the other.
    """
    return need("tensorflow.python.saved_model.loader_impl").parse_saved_model(str(path))


def operation(name: str) -> Any:
    """Return the ``OpDef`` of an operation, or None for an unknown operation."""
    return need("tensorflow.python.framework.op_def_registry").get(name)
