"""``AnswerCollector`` keeps the samples of a verification that are worth a look, with the answers of model and file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge import tasks
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.conversion_report.pictures import annotated_picture
from edge.deploy.parity import THE_MODEL
from edge.deploy.samples import NetworkInfo, Sample
from edge.errors import EdgeError
from edge.results import Result
from edge.tasks.base import Task
from edge.tensors import Outputs

MOST = 6
"""The samples that are shown."""

LONGEST_LIST = 8
"""The most numbers of a truth that are written out."""


@dataclass(frozen=True)
class Answer:
    """One sample with two answers.

    Attributes:
        id: the sample's name.
        agreement: of the two answers, by the task's measure.
        truth: the true answer as text. None when it is unknown or cannot be written in a line.
        reference: the model's answer in one line.
        candidate: the file's answer in one line.
        pictures: JPEGs with the model's answer and with the file's. Empty for a network that takes no picture.
    """

    id: str
    agreement: float
    truth: str | None
    reference: str
    candidate: str
    pictures: tuple[bytes, ...] = ()


class AnswerCollector:
    """Sees every sample of a verification and keeps MOST of them: where answers differ first, then where both err.

    Attributes:
        candidate: the file whose answers are compared with the model's.
    """

    def __init__(self, network: NetworkInfo, candidate: str) -> None:
        self.candidate = candidate
        self._network = network
        self._task: Task = tasks.load(network.signature.task.name)(network.signature, network.labels or None)
        self._kept: list[tuple[tuple[float, float, int], Sample, Outputs, Outputs]] = []
        self._seen = 0
        self._unit = ""

    @classmethod
    def of(cls, network: NetworkInfo, converted: Sequence[ConvertedArtifact]) -> "AnswerCollector":
        """Return a collector for the int8 TFLite file, or the last file where there is none."""
        order = sorted(converted, key=lambda one: (one.artifact.precision != "int8", one.artifact.format != "tflite"))
        return cls(network, (order[0] if order[0].artifact.precision == "int8" else converted[-1]).path.name)

    def watch(self, sample: Sample, outputs: Mapping[str, Outputs]) -> None:
        """Take in one sample with the outputs of THE_MODEL and of the files."""
        expected, got = outputs[THE_MODEL], outputs[self.candidate]
        comparer = self._task.comparer()
        comparer.add(expected, got, sample.placement, sample.truth)
        figures = comparer.figures()
        self._unit = figures.unit
        quality = 0.0 if figures.quality is None else figures.quality
        self._kept.append(((figures.agreement, quality, self._seen), sample, expected, got))
        self._kept = sorted(self._kept, key=lambda row: row[0])[:MOST]
        self._seen += 1

    @property
    def unit(self) -> str:
        """The unit of the agreements."""
        return self._unit

    def answers(self) -> list[Answer]:
        """Return the samples that were kept, the most different answers first."""
        return [self._answer(rank[0], sample, expected, got) for rank, sample, expected, got in self._kept]

    def _answer(self, agreement: float, sample: Sample, expected: Outputs, got: Outputs) -> Answer:
        lines, pictures = [], []
        for outputs in (expected, got):
            lines.append(self._line(outputs, sample))
            picture = annotated_picture(self._network, self._task, sample, outputs)
            pictures += [picture] if picture else []
        return Answer(sample.id, agreement, self._truth(sample.truth), lines[0], lines[1], tuple(pictures))

    def _line(self, outputs: Outputs, sample: Sample) -> str:
        try:
            result: Result = self._task.decode(outputs, sample.placement)
        except EdgeError as error:  # a network of unusual values has no answer, and the report goes on
            return str(error)
        return self._task.line(result)

    def _truth(self, truth: Any) -> str | None:
        if isinstance(truth, int | np.integer) and not isinstance(truth, bool):
            named = self._network.labels
            return named[truth] if self._network.classifies and truth < len(named) else str(truth)
        values = np.asarray(truth) if isinstance(truth, np.ndarray | float | list | tuple) else None
        if values is None or values.size > LONGEST_LIST or values.dtype.kind not in "iufb":
            return None
        return ", ".join(f"{value:.4g}" for value in values.ravel().tolist())
