"""The interface of every task: what a model's raw outputs mean."""

from collections.abc import Sequence
from typing import Protocol

from edge.results import Result
from edge.tensors import Array, TensorSpec


class Task(Protocol):
    """Pure numpy: raw output tensors in, a Result out; nothing about the frame's time is known here."""

    def check(self, specs: Sequence[TensorSpec]) -> None:
        """Raise InputError when a model with these outputs is not one this task can decode."""
        ...

    def decode(self, outputs: Sequence[Array], specs: Sequence[TensorSpec], frame_size: tuple[int, int]) -> Result:
        """outputs: as the backend returned them. frame_size: width, height of the original frame in pixels."""
        ...
