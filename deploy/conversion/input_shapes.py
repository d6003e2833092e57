"""Sizes that a model leaves open and the user states, such as the height and width of an image input."""

from collections.abc import Mapping
from typing import Any

from edge.deploy._tensorflow import need
from edge.errors import InputError

Shapes = Mapping[str, tuple[int, ...]]
"""The stated shape of each input by its name, with or without the batch. The name is empty for the only input."""


def apply(specs: Mapping[str, Any], shapes: Shapes) -> dict[str, Any]:
    """Return the specs of a model's inputs with the stated shapes.

    Args:
        specs: the ``tf.TensorSpec`` of each input by name, with the batch first.
        shapes: the stated shapes. The batch, if it is stated, must be 1.

    Raises:
        InputError: a name is no input, or a shape does not fit the sizes that the model fixes.
    """
    tf = need("tensorflow")
    found = dict(specs)
    for name, shape in shapes.items():
        if not name and len(specs) != 1:
            raise InputError(f"--input-shape needs a name for each input, such as {next(iter(specs))}=1,224,224,3; "
                             f"the model's inputs are {_described(specs)}")  # fmt: skip
        key = name or next(iter(specs))
        if key not in specs:
            raise InputError(f"--input-shape names {key!r}; the model's inputs are {_described(specs)}")
        spec = specs[key]
        found[key] = tf.TensorSpec(_fitted(key, spec, shape), spec.dtype, key)
    return found


def _fitted(name: str, spec: Any, shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """Return the shape of an input with its batch open. Raises InputError when the model has other sizes."""
    stated_whole = shape[:1] == (1,) and len(shape) > 1 if spec.shape.rank is None else spec.shape.rank == len(shape)
    whole = shape if stated_whole else (1, *shape)
    known = spec.shape.as_list() if spec.shape.rank else [None] * len(whole)
    fits = len(known) == len(whole) and whole[0] == 1 and min(whole) > 0
    if not fits or any(size not in (None, given) for size, given in zip(known[1:], whole[1:], strict=True)):
        raise InputError(
            f"--input-shape of {name!r} must fit {_shown(spec.shape)}, where ? is open and the batch is 1, "
            f"got {','.join(map(str, shape))}"
        )
    return (known[0], *whole[1:])


def _described(specs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(spec.shape)}" for name, spec in specs.items())


def _shown(shape: Any) -> str:
    """Return a shape as it is typed, with ? for open sizes."""
    return ",".join("?" if size is None else str(size) for size in shape.as_list()) if shape.rank else "any shape"


def advice(name: str, spec: Any) -> str:
    """Return the option to type for an input with open sizes, with 224 pixels as an example."""
    rest = (
        [size if size is not None else 224 for size in spec.shape.as_list()[1:]] if spec.shape.rank else [224, 224, 3]
    )
    return f"state it, for example with --input-shape {','.join(map(str, rest))}"
