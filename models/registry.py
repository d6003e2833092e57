"""The table of networks: a name, the builder that serves it, the options that it takes."""

import inspect
from typing import Any

from edge import registry
from edge.errors import InvalidInput
from edge.registry import Entry

_NEEDS = ("tensorflow", "tf_keras")

NETWORKS: dict[str, Entry] = {
    "mobilenet_v1": Entry("edge.models.mobilenet_v1:mobilenet_v1", "depthwise separable, 2017", "train", _NEEDS),
    "mobilenet_v2": Entry("edge.models.mobilenet_v2:mobilenet_v2", "inverted residuals, 2018", "train", _NEEDS),
    "shufflenet_v1": Entry("edge.models.shufflenet_v1:shufflenet_v1", "grouped 1x1 and shuffle, 2018", "train", _NEEDS),
    "shufflenet_v2": Entry(
        "edge.models.shufflenet_v2:shufflenet_v2", "channel split and shuffle, 2018", "train", _NEEDS
    ),
}


def available() -> list[str]:
    """Return the names that ``build`` accepts, the table's first, then those of installed plug-ins."""
    return registry.names("model", NETWORKS)


def build(
    name: str,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    width: float = 1.0,
    **options: Any,
) -> Any:
    """Return the network ``name`` as an untrained ``tf_keras.Model``, He-initialized.

    input_shape: height, width, channels; height and width from 32. Input: float32 NHWC, (pixel - mean) / std.
    Output: (batch, classes) float32 probabilities.
    width: multiplies every stage's channels, > 0. options: those of the builder (``downsample``, ``groups``).
    Raises InvalidInput for a name, a value or an option that does not fit.
    """
    builder = registry.load("model", NETWORKS, name)
    check(input_shape, classes, width, options.get("dropout", 0.0))
    known = inspect.signature(builder).parameters
    for option in options:
        if option not in known:
            raise InvalidInput(f"{name} takes no option {option!r}; it takes: {', '.join(known)}")
    return builder(input_shape=tuple(input_shape), classes=classes, width=width, **options)


def check(input_shape: tuple[int, ...], classes: int, width: float, dropout: float = 0.0) -> None:
    """Raise InvalidInput for a value that no network takes; for callers with work to do before they build."""
    if len(input_shape) != 3 or min(input_shape[:2]) < 32 or input_shape[2] < 1:
        raise InvalidInput(f"input_shape must be (height >= 32, width >= 32, channels >= 1), got {tuple(input_shape)}")
    if classes < 1:
        raise InvalidInput(f"classes must be at least 1, got {classes}")
    if not 0 < width <= 16:
        raise InvalidInput(f"width must be above 0 and at most 16, got {width}")
    if not 0 <= dropout < 1:
        raise InvalidInput(f"dropout must be from 0 to below 1, got {dropout}")
