"""Networks by name: build one, list them all."""

import inspect
from typing import Any

from edge import registry
from edge.errors import InputError
from edge.models.networks import NETWORKS, Network

MOST_WIDTH = 16


def available() -> list[str]:
    """Return the names that ``build`` accepts, the table's first, then those of installed plug-ins."""
    return registry.names("model", NETWORKS)


def build(
    name: str,
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    width: float = 1.0,
    include_top: bool = True,
    **options: Any,
) -> Any:
    """Return the network ``name`` as an untrained ``tf_keras.Model``.

    input_shape: without the batch, channels last: (height, width, channels) for images; any channel count.
    input_shape and classes default to the paper's. Input: float32, (pixel - mean) / std, for images.
    Output of a classifier: (batch, classes) float32 probabilities; other tasks say theirs in the builder.
    width: multiplies every stage's channels, > 0.
    include_top: False leaves the classifier out; the output is the last feature map, before its pooling.
    options: those of the builder (``downsample``, ``groups``).
    Raises InputError for a name, a value or an option that does not fit.
    """
    builder = registry.load("model", NETWORKS, name)
    row = NETWORKS.get(name)
    if row is not None:
        input_shape, classes = input_shape or row.input_shape, row.classes if classes is None else classes
    input_shape, classes = input_shape or (224, 224, 3), 1000 if classes is None else classes
    check(name, input_shape, classes, width, options.get("dropout", 0.0))
    known = inspect.signature(builder).parameters
    for option in options:
        if option not in known:
            raise InputError(f"{name} takes no option {option!r}; it takes: {', '.join(known)}, include_top")
    model = builder(input_shape=tuple(input_shape), classes=classes, width=width, **options)
    if include_top:
        return model
    from edge.models.backbones import without_top

    return without_top(model)


def check(name: str, input_shape: tuple[int, ...], classes: int, width: float, dropout: float = 0.0) -> None:
    """Raise InputError for a value that ``name`` cannot take; for callers with work to do before they build."""
    row = NETWORKS.get(name)
    if row is not None:
        _check_shape(name, row, tuple(input_shape))
    if classes < 1:
        raise InputError(f"classes must be at least 1, got {classes}")
    if not 0 < width <= MOST_WIDTH:
        raise InputError(f"width must be above 0 and at most {MOST_WIDTH}, got {width}")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be from 0 to below 1, got {dropout}")


AXES = {
    1: ("length",),
    2: ("length", "channels"),
    3: ("height", "width", "channels"),
    4: ("frames", "height", "width", "channels"),
}


def _check_shape(name: str, row: Network, shape: tuple[int, ...]) -> None:
    """``smallest`` is what the network's strides need; a dimension below it would shrink to nothing."""
    axes = AXES[len(row.smallest)]
    rule = ", ".join(f"{axis} >= {least}" for axis, least in zip(axes, row.smallest, strict=True))
    if len(shape) != len(row.smallest) or any(n < least for n, least in zip(shape, row.smallest, strict=True)):
        raise InputError(f"input_shape of {name} must be ({rule}), got {shape}")
    sides = [(axis, n) for axis, n in zip(axes, shape, strict=True) if axis in ("height", "width")]
    for axis, n in sides:
        if n % row.multiple:
            fits = n // row.multiple * row.multiple
            near = [size for size in (fits, fits + row.multiple) if size >= row.smallest[axes.index(axis)]]
            raise InputError(
                f"{axis} of {name}'s input must be a multiple of {row.multiple}, got {n}; "
                f"near it: {' or '.join(map(str, near))}"
            )
