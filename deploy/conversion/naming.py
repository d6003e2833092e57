"""Names for the inputs and outputs of a network, which may be nested dictionaries, lists and tuples."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

Path = tuple[str | int, ...]


def flat(structure: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each leaf of nested dictionaries, lists and tuples, with its path of keys and positions.

    Dictionaries are read in the order of their sorted keys, as in TensorFlow and Keras.
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
    """Return a copy of ``structure`` whose leaves of the type ``kind`` are replaced, in the order of ``flat``."""
    if isinstance(structure, Mapping):
        replaced = {key: filled(structure[key], leaves, kind) for key in sorted(structure)}
        return {key: replaced[key] for key in structure}
    if isinstance(structure, (list, tuple)):
        return [filled(part, leaves, kind) for part in structure]
    return next(leaves) if structure is not None and isinstance(structure, kind) else structure


def output_names(structure: Any, layers: Sequence[str] = ()) -> list[str]:
    """Return a unique name for each output of ``structure``; see ``names``."""
    return names(structure, layers, "output")


def names(structure: Any, layers: Sequence[str], kind: str) -> list[str]:
    """Return a unique name for each leaf of ``structure``.

    A leaf of dictionaries is named by its keys, such as ``head/boxes``. A leaf of a list is named by its layer, else by
    its position, such as ``output_0``. A single leaf is named by its layer, else ``output``.

    Args:
        structure: the inputs or outputs of a network.
        layers: the names of the layers of the leaves, where they are known.
        kind: the name where there is neither a key nor a layer: ``input`` or ``output``.
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
    """Return the names, with a number appended to each name that occurred before."""
    taken: dict[str, None] = {}
    for name in found:
        candidates = (f"{name}_{number}" if number else name for number in count())
        taken[next(own for own in candidates if own not in taken)] = None
    return list(taken)


def operation_name(name: str) -> str:
    """Return a valid name for a TensorFlow operation: invalid characters become underscores."""
    plain = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return plain if re.match(r"[A-Za-z0-9.]", plain) else f"x{plain}"
