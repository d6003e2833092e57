"""Names for what a network takes and gives, whatever structure it comes in: dictionaries, lists, layers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

Path = tuple[str | int, ...]


def flat(structure: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the leaves of nested dictionaries, lists and tuples with the way to each: keys and positions.

    Dictionaries are read in the order of their sorted keys, as TensorFlow and Keras read them.
    """
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from flat(structure[key], (*path, str(key)))
    elif isinstance(structure, (list, tuple)):
        for number, part in enumerate(structure):
            yield from flat(part, (*path, number))
    elif structure is not None:
        yield path, structure


def filled(structure: Any, leaves: Iterator[Any], kind: type = object) -> Any:
    """Return ``structure`` with its leaves of ``kind`` replaced, in the order of ``flat``; others stay."""
    if isinstance(structure, Mapping):
        made = {key: filled(structure[key], leaves, kind) for key in sorted(structure)}
        return {key: made[key] for key in structure}
    if isinstance(structure, (list, tuple)):
        return [filled(part, leaves, kind) for part in structure]
    return next(leaves) if structure is not None and isinstance(structure, kind) else structure


def output_names(structure: Any, layers: Sequence[str] = ()) -> list[str]:
    """Return a name of its own for each output of ``structure``; see ``names``."""
    return names(structure, layers, "output")


def names(structure: Any, layers: Sequence[str], kind: str) -> list[str]:
    """Return a name of its own for each leaf of ``structure``.

    Args:
        structure: what a network takes or gives.
        layers: the names of the layers that the leaves belong to, where they are known.
        kind: ``input`` or ``output``, the name where there is neither a key nor a layer.

    A leaf of a dictionary has the keys' name, ``head/boxes`` inside of two; one of a list its layer's name, else
    ``output_0``; a single one its layer's, else ``output``.
    """
    found = []
    for position, (path, _) in enumerate(flat(structure)):
        if any(isinstance(part, str) for part in path):
            found.append("/".join(map(str, path)))
        elif len(layers) > position:
            found.append(layers[position])
        else:
            found.append("_".join([kind, *map(str, path)]))
    return unique(found)


def unique(found: Sequence[str]) -> list[str]:
    """Return the names, with a number behind each that another one has already."""
    taken: dict[str, None] = {}
    for name in found:
        candidates = (f"{name}_{number}" if number else name for number in count())
        taken[next(own for own in candidates if own not in taken)] = None
    return list(taken)


def operation_name(name: str) -> str:
    """Return ``name`` as TensorFlow allows it for an operation: other characters become underscores."""
    plain = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return plain if re.match(r"[A-Za-z0-9.]", plain) else f"x{plain}"
