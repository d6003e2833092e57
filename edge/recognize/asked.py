"""What a person said about a bare file, and what was found out about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from edge import file_metadata, graph_end, graph_start
from edge.decoders.base import Recognized
from edge.file_metadata import FileMetadata
from edge.signature import Kind
from edge.tensors import TensorSpec


class Asked(NamedTuple):
    """What a person said; None and empty leave it to be found.

    Attributes:
        task: a row of ``edge.tasks.TASKS``.
        decoder: a row of ``edge.decoders.DECODERS``.
        parameters: task parameters; ``order``, a list of roles in the file's order, says which output is which.
        labels: how many class names there are.
        format: of an image input, fields of ``InputFormat``: colour, mean, std, resize.
        kind: whether the inputs are pictures, ``image``, or other numbers, ``tensor``.
    """

    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = MappingProxyType({})
    labels: int | None = None
    format: Mapping[str, Any] = MappingProxyType({})
    kind: Kind | None = None


@dataclass(frozen=True)
class Reading(Recognized):
    """One way to read a file.

    Attributes:
        notes: what was assumed, one line each.
    """

    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What is known of a file.

    Attributes:
        path: the file.
        inputs: as the runtime describes them.
        outputs: as the runtime describes them.
    """

    path: Path
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]

    @cached_property
    def ends(self) -> tuple[str | None, ...]:
        """The last operation of each output; None where the file does not tell."""
        return graph_end.ends(self.path, len(self.outputs))

    @cached_property
    def scales_pixels(self) -> bool:
        """Whether the file scales pixels from 0 to 255 itself."""
        return graph_start.scales_pixels(self.path)

    @cached_property
    def metadata(self) -> FileMetadata:
        """What the file says about itself."""
        return file_metadata.read(self.path)

    @cached_property
    def meant(self) -> tuple[TensorSpec, ...]:
        """The outputs under the names that the file's metadata gives them, where it has one for each."""
        names = self.metadata.output_names
        if len(names) != len(self.outputs) or not all(names) or len(set(names)) != len(names):
            return tuple(self.outputs)
        return tuple(replace(output, name=name) for output, name in zip(self.outputs, names, strict=True))
