"""Networks by name: build one, or list all."""

import inspect
from typing import Any

from edge import registry
from edge.errors import InputError
from edge.models.networks import NETWORKS, Network

MAX_WIDTH = 16


def available() -> list[str]:
    """Return the names that ``build`` accepts: first those of the table, then those of installed plug-ins."""
    return registry.names("model", NETWORKS)


def build(
    name: str,
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    width: float = 1.0,
    include_top: bool = True,
    **options: Any,
) -> Any:
    """Return a network as an untrained ``tf_keras.Model``.

    The model takes float32; for images, (pixel - mean) / std. A classifier returns probabilities, (batch, classes)
    float32. The builders of networks for other tasks document what those return.

    Args:
        name: one of ``available()``.
        input_shape: without the batch, channels last, such as (height, width, channels); None for the paper's.
        classes: the number of classes; None for the paper's.
        width: width multiplier, which multiplies the channels of every stage.
        include_top: False leaves the classifier out and returns the last feature map, before its pooling.
        options: those of the builder, such as ``downsample`` and ``groups``.

    Raises:
        InputError: the name, a value or an option does not fit.
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
    """Check the arguments of ``build``, for callers that have other work to do before they build.

    Raises:
        InputError: a value does not fit the network ``name``.
    """
    row = NETWORKS.get(name)
    if row is not None:
        _check_shape(name, row, tuple(input_shape))
    if classes < 1:
        raise InputError(f"classes must be at least 1, got {classes}")
    if not 0 < width <= MAX_WIDTH:
        raise InputError(f"width must be above 0 and at most {MAX_WIDTH}, got {width}")
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be from 0 to below 1, got {dropout}")


AXES = {
    1: ("length",),
    2: ("length", "channels"),
    3: ("height", "width", "channels"),
    4: ("frames", "height", "width", "channels"),
}


def _check_shape(name: str, row: Network, shape: tuple[int, ...]) -> None:
    """Refuse a shape that is below ``row.smallest``, or whose sides are not multiples of ``row.multiple``."""
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
