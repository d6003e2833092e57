"""A float .tflite file is the source of an int8 file, where there is no frozen graph to convert."""

from pathlib import Path

from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.recognize.inputs import unique

RECURRENT = (
    *("LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM"),
    *("UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "SVDF"),
)
"""Operations that keep a state, whose int8 forms need ranges of values inside the operation."""


def refusal(path: Path) -> str:
    """Return why a float file cannot become int8, or an empty text when it may. Nothing is run."""
    file = TFLiteObject(path.read_bytes())
    kinds = file.schema.BuiltinOperator
    names = {getattr(kinds, name): name for name in RECURRENT}
    found = sorted({names[code] for code, _ in file.operations() if code in names})
    if not file.is_single():
        return "it has a loop or a branch, and no ranges can be observed inside"
    if any(code == kinds.CUSTOM for code, _ in file.operations()):
        return "it has custom operations, and nobody knows their int8 form"
    if file.quantized_types().activations:
        return "it looks up int8 embeddings; convert the model that it was made from"
    return f"it has {', '.join(found)}, and no ranges can be observed inside" if found else ""


def to_float32(content: bytes) -> bytes:
    """Return the file with its float16 weights as float32."""
    file = TFLiteObject(content)
    file.unpack_weights()
    return file.to_bytes()


def marked(content: bytes) -> bytes:
    """Return the file with float32 weights and an empty range for each activation, as ``post_training`` takes it."""
    file = TFLiteObject(content)
    file.unpack_weights()
    file.mark_activations()
    _name_apart(file)
    return file.to_bytes()


def _name_apart(file: TFLiteObject) -> None:
    """Give each tensor a name of its own, by which it is found again in the int8 file. Files may have none."""
    for kind, indices in (("input", file.inputs()), ("output", file.outputs())):
        for index, name in zip(indices, unique([file.name(index) for index in indices], kind), strict=True):
            file.rename(index, name)
    border = {*file.inputs(), *file.outputs()}
    taken = {file.name(index) for index in border}
    for index in sorted({int(i) for _, one in file.operations() for i in one.outputs} - border):
        name = file.name(index)
        if not name or name in taken:
            file.rename(index, f"{name or 'tensor'}_{index}")
        taken.add(file.name(index))
