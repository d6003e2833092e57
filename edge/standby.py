"""``Standby`` is the file and the runtime that take over when an accelerator stops in the middle of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.backends.base import Backend, Model, OpenOptions
from edge.errors import InputError
from edge.reports import Report, to_stderr
from edge.runnable import Runnable
from edge.tensors import TensorSpec


@dataclass(frozen=True)
class Standby:
    """The same network for the CPU.

    Attributes:
        runnable: its file.
        backend: its runtime.
        report: takes the one line that says what has happened.
    """

    runnable: Runnable
    backend: Backend
    report: Report = to_stderr

    def open_for(self, lost: Model, threads: int) -> Model:
        """Open the file in the place of a model whose accelerator has stopped.

        Args:
            lost: the model that stopped.
            threads: of the network.

        Raises:
            InputError: its inputs or outputs are not those of ``lost``.
            EdgeError: what ``Backend.open`` raises.
        """
        model = self.backend.open(self.runnable.path, OpenOptions(threads))
        if [_border(model.inputs), _border(model.outputs)] != [_border(lost.inputs), _border(lost.outputs)]:
            model.close()
            raise InputError(
                f"the accelerator has stopped, and {self.runnable.path.name} cannot take over: its inputs or outputs "
                "are not those of the file that it was compiled to; convert the model again"
            )
        return model


def _border(specs: Sequence[TensorSpec]) -> list[tuple[object, ...]]:
    return [(spec.shape, spec.dtype, spec.quantization) for spec in specs]
