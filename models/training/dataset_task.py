"""The interface of a dataset task: what the fit needs to know of its data, loss and figures, for every kind of task."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from edge.models.training.settings import Settings


class DatasetTask(Protocol):
    """A data set together with what a network is trained to do with it. The fit works with every such task."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of classes or keypoints, in the order of the network's outputs; none for a task without."""

    @property
    def metric(self) -> str:
        """The metric that says how good an epoch is; larger is better. The history has ``val_<metric>``, too."""

    @property
    def count(self) -> int:
        """The number of training samples."""

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless ``tf.data.Dataset`` of (inputs, targets), augmented, and shuffled again each epoch."""

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the finite dataset of monitored samples, which each epoch is evaluated on; not augmented."""

    def inputs(self, batch: int, most: int, seed: int) -> Any:
        """Yield batches of training inputs as the network takes them, not augmented, and at most ``most`` samples."""

    def loss(self, settings: Settings) -> Any:
        """Return what ``keras.Model.compile`` takes as ``loss``."""

    def metrics(self) -> list[Any]:
        """Return what ``keras.Model.compile`` takes as ``metrics``, ``self.metric`` among them."""

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Evaluate a trained model on samples that it has not seen.

        Args:
            model: the trained model.
            out: the folder for pictures of results, for people to look at.

        Returns:
            The figures by name. The first is the headline, from 0 to 1.
        """

    def network_options(self) -> Mapping[str, Any]:
        """Return what the data decide of the network: ``classes`` and other arguments of ``edge.models.build``."""

    def with_head(self, model: Any) -> Any:
        """Return the model that is fitted so that ``model`` learns: itself, or with layers behind it.

        Those layers serve the loss alone. They share ``model``'s weights and are no part of what is saved.
        """

    def files(self) -> Mapping[str, str]:
        """Return the text files that whoever uses the network needs beside it, by name."""

    def facts(self) -> Mapping[str, Any]:
        """Return what the record says about the data, such as mean and std of the inputs.

        ``images`` has the numbers of samples as ``train`` and ``report``. ``corrupt`` has the names of files that were
        left out.
        """


class Plain:
    """What most tasks share: the network is fitted as it is, has one output for each label and needs no other file."""

    labels: tuple[str, ...]

    def network_options(self) -> Mapping[str, Any]:
        """See DatasetTask."""
        return {"classes": len(self.labels)}

    def with_head(self, model: Any) -> Any:
        """See DatasetTask."""
        return model

    def files(self) -> Mapping[str, str]:
        """See DatasetTask."""
        return {}


def sentence(name: str, record: Mapping[str, Any], sample: str = "image") -> str:
    """Return the line that ends a training, with the headline and the number of samples it was measured on.

    Args:
        name: the network's.
        record: of the training.
        sample: what one sample is called.
    """
    headline = record["headline"]
    return f"{name}: {headline} {record[headline]:.4f} on {record['images']['report']} {sample}s"
