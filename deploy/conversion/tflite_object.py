"""``TFLiteObject`` parses a TFLite file, allows changes of tensors and operations, and writes it again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.deploy import _tensorflow_private as private
from edge.deploy.conversion import sparse_weights

Floats = NDArray[np.float32]

THROUGH = (
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "MAX_POOL_2D"),
    *("SOFTMAX", "LOGISTIC"),
)
"""Operations whose output has the range of their input, or a fixed range with the order of their input."""


class Types(NamedTuple):
    """The names of the schema's types, such as INT8: of activations with a scale, and of constants."""

    activations: set[str]
    constants: set[str]


class TFLiteObject:
    """The first subgraph of a file. Tensors are referred to by index, operations by the objects of the schema."""

    def __init__(self, content: bytes) -> None:
        self._tools, self.schema = private.flatbuffer_tools()
        self._model = self._tools.convert_bytearray_to_object(bytearray(content))
        self._graph = self._model.subgraphs[0]
        self._graph.operators = self._graph.operators or []  # a network whose output is its input has none
        self._model.operatorCodes = self._model.operatorCodes or []
        for buffer in self._model.buffers:  # ai-edge-quantizer writes the data behind the FlatBuffer
            if buffer.offset > 1:
                buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
                buffer.offset = buffer.size = 0
        for row in self._model.operatorCodes:  # files from before 2021 have the kind in the 8-bit field alone
            row.builtinCode = max(row.builtinCode, row.deprecatedBuiltinCode)
        self._uses = Counter(int(index) for operation in self._graph.operators for index in operation.inputs)

    def to_bytes(self) -> bytes:
        """Return the bytes of the file, without data that nothing refers to any more."""
        used = {tensor.buffer for graph in self._model.subgraphs for tensor in graph.tensors}
        used |= {entry.buffer for entry in self._model.metadata or ()}
        for index, buffer in enumerate(self._model.buffers):
            if index not in used:
                buffer.data = None
        return bytes(self._tools.convert_object_to_bytearray(self._model))

    @property
    def model(self) -> Any:
        """The file as the schema's ``ModelT``, for changes of all that it holds."""
        return self._model

    def operations(self) -> Iterator[tuple[int, Any]]:
        """Yield the code (``BuiltinOperator``) and the ``OperatorT`` of every operation, in order."""
        for operation in self._graph.operators:
            yield self._model.operatorCodes[operation.opcodeIndex].builtinCode, operation

    def ranged(self) -> list[int]:
        """Return the indices of the inputs and written tensors with a range of TFLite's calibrator."""
        written = {int(index) for one in self._graph.operators for index in one.outputs} | set(self.inputs())
        return [index for index, one in enumerate(self._graph.tensors) if index in written and _has_range(one)]

    def set_ranges(self, ranges: Mapping[int, tuple[float, float]]) -> None:
        """Replace the calibrator's ranges by those given, by tensor index."""
        for index, (least, largest) in ranges.items():
            found = self._graph.tensors[index].quantization
            found.min, found.max = [least], [largest]

    def range(self, index: int) -> tuple[float, float] | None:
        """Return the range of an activation, or None where it has none."""
        tensor = self._graph.tensors[index]
        return (float(tensor.quantization.min[0]), float(tensor.quantization.max[0])) if _has_range(tensor) else None

    def is_single(self) -> bool:
        """Return whether the file has one subgraph. Loops and branches have subgraphs of their own."""
        return len(self._model.subgraphs) == 1

    def quantized_types(self) -> Types:
        """Return the types of the activations that have a scale, and those of the constants."""
        names = {value: name for name, value in vars(self.schema.TensorType).items() if isinstance(value, int)}
        found = Types(set(), set())
        for graph in self._model.subgraphs:
            for tensor in graph.tensors:
                scaled = tensor.quantization is not None and tensor.quantization.scale is not None
                if self._model.buffers[tensor.buffer].data is not None:
                    found.constants.add(names[tensor.type])
                elif scaled and len(tensor.quantization.scale):
                    found.activations.add(names[tensor.type])
        return found

    def is_dynamic(self) -> bool:
        """Return whether an operation multiplies float activations by int8 weights."""
        kinds, types, tensors = self.schema.BuiltinOperator, self.schema.TensorType, self._graph.tensors
        weighted = (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED, kinds.BATCH_MATMUL)
        pairs = [[int(i) for i in one.inputs[:2]] for code, one in self.operations() if code in weighted]
        return any(tensors[a].type == types.FLOAT32 and tensors[b].type == types.INT8 for a, b in pairs)

    def mark_activations(self) -> None:
        """Give every float32 tensor that is no constant an empty range, so that ``ranged`` returns it."""
        for tensor in self._graph.tensors:
            if tensor.type == self.schema.TensorType.FLOAT32 and self._model.buffers[tensor.buffer].data is None:
                tensor.quantization = self.schema.QuantizationParametersT()
                tensor.quantization.min, tensor.quantization.max = [0.0], [0.0]

    def unpack_weights(self) -> None:
        """Replace sparse, float16 and int8 weights by float32 ones, with the values that a runtime computes with."""
        self._fill_in_zeros()
        kinds, types = self.schema.BuiltinOperator, self.schema.TensorType
        tensors, kept, halves = self._graph.tensors, [], []
        for code, operation in self.operations():
            source = tensors[int(operation.inputs[0])] if code == kinds.DEQUANTIZE else None
            data = None if source is None else self._model.buffers[source.buffer].data
            if source is None or source.type != types.FLOAT16 or data is None:
                kept.append(operation)
            else:
                values = np.frombuffer(bytes(data), np.float16).astype(np.float32)
                tensors[int(operation.outputs[0])].buffer = self._buffer(values)
                halves.append(source)
        self._graph.operators = kept
        self._drop_unused_codes()
        for source in halves:
            source.buffer = 0  # the empty buffer: nothing reads these tensors any more
        for tensor in tensors:
            data, found = self._model.buffers[tensor.buffer].data, tensor.quantization
            if tensor.type == types.INT8 and data is not None and found is not None and found.scale is not None:
                tensor.buffer = self._buffer(_dequantized(np.frombuffer(bytes(data), np.int8), tensor))
                tensor.type, tensor.quantization = types.FLOAT32, None

    def _fill_in_zeros(self) -> None:
        """Give what DENSIFY makes of sparse constants as constants, and leave those operations out."""
        tensors, kept, filled = self._graph.tensors, [], []
        for code, operation in self.operations():
            source = tensors[int(operation.inputs[0])] if code == self.schema.BuiltinOperator.DENSIFY else None
            data = None if source is None else self._model.buffers[source.buffer].data
            dtype = None if source is None else self._sparse_dtypes().get(source.type)
            if source is None or source.sparsity is None or data is None or dtype is None:
                kept.append(operation)
                continue
            shape = tuple(int(size) for size in source.shape)
            values = sparse_weights.dense(np.frombuffer(bytes(data), dtype), shape, source.sparsity)
            tensors[int(operation.outputs[0])].buffer = self._buffer(values)
            filled.append(source)
        self._graph.operators = kept
        for source in filled:
            source.buffer, source.sparsity = 0, None  # the empty buffer: nothing reads these tensors any more

    def _sparse_dtypes(self) -> Mapping[int, Any]:
        types = self.schema.TensorType
        return {types.FLOAT32: np.float32, types.FLOAT16: np.float16, types.INT8: np.int8}

    def _drop_unused_codes(self) -> None:
        """Leave out the kinds of operations that no operation is of: a reader may refuse a kind that it lacks."""
        operations = [one for graph in self._model.subgraphs for one in graph.operators]
        used = sorted({one.opcodeIndex for one in operations})
        for one in operations:
            one.opcodeIndex = used.index(one.opcodeIndex)
        self._model.operatorCodes = [self._model.operatorCodes[index] for index in used]

    def border(self) -> set[int]:
        """Return the inputs and outputs of the file, and the tensors that decide the range or order of an output."""
        found = {int(index) for index in (*self._graph.inputs, *self._graph.outputs)}
        through = {getattr(self.schema.BuiltinOperator, name) for name in THROUGH}
        for code, operation in reversed(list(self.operations())):
            if int(operation.outputs[0]) in found and code in through:
                found.add(int(operation.inputs[0]))
            elif int(operation.outputs[0]) in found and code == self.schema.BuiltinOperator.CONCATENATION:
                found |= {int(index) for index in operation.inputs}
        return found

    def names(self) -> dict[str, int]:
        """Return the index of each tensor that is computed or given, by its name. Constants are left out."""
        outputs = (index for operation in self._graph.operators for index in operation.outputs)
        found = (int(index) for index in (*self._graph.inputs, *outputs))
        return {self._graph.tensors[index].name.decode(): index for index in found}

    def name(self, index: int) -> str:
        """Return the name of a tensor."""
        return str(self._graph.tensors[index].name.decode())

    def rename(self, index: int, name: str) -> None:
        """Give a tensor another name."""
        self._graph.tensors[index].name = name.encode()

    def inputs(self) -> list[int]:
        """Return the indices of the file's inputs."""
        return [int(index) for index in self._graph.inputs]

    def outputs(self) -> list[int]:
        """Return the indices of the file's outputs."""
        return [int(index) for index in self._graph.outputs]

    def set_border(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Replace the file's inputs and outputs, which then have no signature."""
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        self._model.signatureDefs = []

    def is_float(self, index: int) -> bool:
        """Return whether a tensor is float32."""
        return bool(self._graph.tensors[index].type == self.schema.TensorType.FLOAT32)

    def twin(self, index: int, suffix: str) -> int:
        """Add a tensor without a value that is otherwise like another, and return its index.

        Args:
            index: the other tensor.
            suffix: what its name has besides.
        """
        tensor = copy(self._graph.tensors[index])
        tensor.name = f"{tensor.name.decode()}{suffix}".encode()
        tensor.buffer = 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def insert_after(self, operation: Any, added: Any) -> None:
        """Insert an operation (``OperatorT``) behind another, so that it runs after it."""
        self._graph.operators.insert(self._graph.operators.index(operation) + 1, added)

    def replace_operation(self, operation: Any, others: Sequence[Any]) -> None:
        """Put other operations (``OperatorT``) in the place of one."""
        place = self._graph.operators.index(operation)
        self._graph.operators[place : place + 1] = others

    def add_activation(self, name: str, shape: Sequence[int]) -> int:
        """Add a float32 tensor without a value and without a range, and return its index."""
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), self.schema.TensorType.FLOAT32
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def shape(self, index: int) -> tuple[int, ...]:
        """Return the shape of a tensor; () for a number, whose shape a file may leave out."""
        found = self._graph.tensors[index].shape
        return () if found is None else tuple(int(size) for size in found)

    def is_shared(self, index: int) -> bool:
        """Return whether more than one operation reads a tensor."""
        return self._uses[index] > 1

    def constant(self, index: int) -> Floats | None:
        """Return a copy of a constant float tensor. None for any other tensor, and for an absent one (index -1)."""
        tensor = self._graph.tensors[index] if index >= 0 else None
        if tensor is None or tensor.type != self.schema.TensorType.FLOAT32:
            return None
        data = self._model.buffers[tensor.buffer].data
        return None if data is None else np.frombuffer(bytes(data), np.float32).reshape(self.shape(index)).copy()

    def replace(self, index: int, values: NDArray[np.floating[Any]]) -> None:
        """Set the values of a float constant. Tensors that share the old values keep them."""
        self._graph.tensors[index].buffer = self._buffer(values.astype(np.float32))

    def add_constant(self, name: str, values: NDArray[Any]) -> int:
        """Add a constant int32 or float32 tensor and return its index."""
        types = self.schema.TensorType
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape = name, list(values.shape)
        tensor.type = types.INT32 if values.dtype == np.int32 else types.FLOAT32
        tensor.buffer = self._buffer(values)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def code(self, builtin: int, version: int) -> int:
        """Return the ``opcodeIndex`` of a kind of operation, which is added to the file if necessary."""
        for number, row in enumerate(self._model.operatorCodes):
            if row.builtinCode == builtin and row.version >= version:
                return number
        row = self.schema.OperatorCodeT()
        row.builtinCode, row.deprecatedBuiltinCode, row.version = builtin, min(builtin, 127), version
        self._model.operatorCodes.append(row)
        return len(self._model.operatorCodes) - 1

    def _buffer(self, values: NDArray[Any]) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1


def _dequantized(values: NDArray[np.int8], tensor: Any) -> Floats:
    """Return the real values of a constant with one scale, or with one for each index of an axis."""
    found = tensor.quantization
    steps = values.reshape(tensor.shape).astype(np.float32)
    if len(found.scale) == 1:
        return (steps - np.float32(found.zeroPoint[0])) * np.float32(found.scale[0])
    along = [1] * steps.ndim
    along[found.quantizedDimension] = -1
    scale, zero = (np.asarray(v, np.float32).reshape(along) for v in (found.scale, found.zeroPoint))
    return (steps - zero) * scale


def _has_range(tensor: Any) -> bool:
    found = tensor.quantization
    return found is not None and found.min is not None and len(found.min) == 1
