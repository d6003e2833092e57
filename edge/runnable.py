"""``Runnable`` is a model file with all that is needed to run it, from a bundle or without one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a file without a bundle runs without these modules
    from edge.manifest import Golden
    from edge.signature import Signature

MANIFEST = "manifest.json"


def is_bundle(path: Path) -> bool:
    """Return whether ``path`` looks like a bundle: a folder with a manifest, or a ``.edge`` file."""
    return (path / MANIFEST).is_file() or path.suffix == ".edge"


@dataclass(frozen=True)
class TensorNames:
    """The names of a model file's tensors, by their names in the signature.

    A mapping is empty when the file has its tensors in the order of the signature.

    Attributes:
        inputs: the file's name of each input.
        outputs: the file's name of each output.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runnable:
    """A model file, and all that is needed to run it.

    Attributes:
        path: the model file.
        name: the network's name.
        signature: the network's signature. None for a file without a bundle.
        precision: the file's precision. None for a file without a bundle.
        labels: the class names. None when they are unknown, empty for a task without classes.
        tensors: the file's tensor names for the names in the signature.
        golden: the golden input and outputs, which lie beside ``path``. None when there are none.
    """

    path: Path
    name: str
    signature: "Signature | None" = None
    precision: str | None = None
    labels: tuple[str, ...] | None = None
    tensors: TensorNames = field(default_factory=TensorNames)
    golden: "Golden | None" = None
    _folder: object = field(default=None, repr=False, compare=False)  # keeps the private folder of a zip alive
