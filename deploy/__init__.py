"""The workstation's part: conversion, compression, verification.

In Python, as ``edge-convert`` on the command line::

    from edge.deploy import Calibration, ConversionOptions, convert

    recipe = ConversionOptions(out=Path("net.edge"), calibration=Calibration(Path("photos.zip")))
    bundle = convert(model, recipe)

Nothing is imported until it is used, because the folder's other modules must not load TensorFlow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.bundle import Bundle
    from edge.deploy.conversion_options import Calibration, Callbacks, ConversionOptions
    from edge.deploy.parity import Gate
    from edge.deploy.signature import Pixels

_PLACES = {
    "Calibration": "edge.deploy.conversion_options",
    "Callbacks": "edge.deploy.conversion_options",
    "ConversionOptions": "edge.deploy.conversion_options",
    "Gate": "edge.deploy.parity",
    "Pixels": "edge.deploy.signature",
}
"""The modules of what a caller of ``convert`` needs, by name."""

__all__ = ["Calibration", "Callbacks", "ConversionOptions", "Gate", "Pixels", "convert"]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def convert(model: Any, recipe: "ConversionOptions", callbacks: "Callbacks | None" = None) -> "Bundle":
    """Convert a model to verified files, write them as a bundle, and return the bundle, opened.

    Args:
        model: a Keras model of Keras 2 or 3, or what ``edge-convert`` takes as MODEL, as text or a path.
        recipe: where the bundle goes, which files it has, and how they are made and verified.
        callbacks: functions that get the messages and the progress. None drops both.

    Returns:
        The bundle at ``recipe.out``.

    Raises:
        InputError: the model, the data or an option does not fit.
        FileError: a file cannot be read or written.
        GateFailed: a converted file differs from the model by more than the gate allows. Nothing is written.
    """
    package = import_module("edge.deploy.package")
    package.convert(model, recipe, callbacks)
    opened: Bundle = import_module("edge.bundle").open_bundle(recipe.out)
    return opened
