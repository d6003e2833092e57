"""What is needed to run one model file: the file alone, or with what a bundle states about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a bare file is run without reading these modules
    from edge.manifest import Golden
    from edge.signature import Signature

MANIFEST = "manifest.json"


def is_bundle(path: Path) -> bool:
    """Return whether ``path`` looks like a bundle: a folder with a manifest, or a ``.edge`` file."""
    return (path / MANIFEST).is_file() or path.suffix == ".edge"


@dataclass(frozen=True)
class TensorNames:
    """Which tensor of a model file is which name of the signature: signature name to the file's tensor name.

    Empty maps mean that the file's tensors come in the signature's order.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runnable:
    """What is needed to run one model file.

    Attributes:
        path: the model file.
        name: the network's.
        signature: None for a bare file, which does not say.
        precision: None for a bare file.
        labels: None where nobody says; empty for a task without classes.
        tensors: which tensor of the file is which name of the signature.
        golden: the folder's golden input and outputs, if there are any.
    """

    path: Path
    name: str
    signature: "Signature | None" = None
    precision: str | None = None
    labels: tuple[str, ...] | None = None
    tensors: TensorNames = field(default_factory=TensorNames)
    golden: "Golden | None" = None
    _folder: object = field(default=None, repr=False, compare=False)  # what path lies in lives as long as this
