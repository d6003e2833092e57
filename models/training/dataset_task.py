"""What a network is fitted to, whatever the task: the one interface between the fit and its data, loss and figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from edge.models.training.settings import Settings


class DatasetTask(Protocol):
    """Batches in, figures out. A task implements it once; the fit, its checkpoints and records serve all."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in the order of the network's outputs."""

    @property
    def metric(self) -> str:
        """Name of the metric that says how good an epoch is, larger is better; the history has ``val_<metric>`` too."""

    @property
    def count(self) -> int:
        """Training samples."""

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless ``tf.data.Dataset`` of (inputs, targets), augmented, reshuffled each epoch."""

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the finite dataset that each epoch reports on, not augmented."""

    def inputs(self, batch: int, most: int, seed: int) -> Any:
        """Yield batches of training inputs as the network takes them, not augmented, ``most`` samples at most."""

    def loss(self, settings: Settings) -> Any:
        """Return what ``keras.Model.compile`` takes as ``loss``."""

    def metrics(self) -> list[Any]:
        """Return what ``keras.Model.compile`` takes as ``metrics``, ``self.metric`` among them."""

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Return the final figures of ``model`` on samples that it has not seen; the first is the headline, 0 to 1.

        Pictures that a person would look at go into ``out``.
        """

    def facts(self) -> Mapping[str, Any]:
        """Return what the record says of the data: sample counts, files left out, mean and std of the inputs.

        ``images`` has the counts ``train`` and ``report``; ``corrupt`` has the names of the files left out.
        """


def sentence(name: str, record: Mapping[str, Any]) -> str:
    """Return the line that ends a training: what was reached, on how many samples."""
    headline = record["headline"]
    return f"{name}: {headline} {record[headline]:.4f} on {record['images']['report']} images"
