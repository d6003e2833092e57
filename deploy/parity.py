"""Every converted file run on real images beside its source, and each ONNX file beside its TFLite twin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.calibration.sampling import choose_samples
from edge.deploy import verify
from edge.deploy.convert.recipe import Made
from edge.deploy.convert.source import Reference, SourceModel, file_reference
from edge.deploy.samples import Floats, Images, read_images
from edge.errors import GateFailed, InputError
from edge.imaging import InputFormat
from edge.pictures import left_out

THE_MODEL = "the model"
REMEDY = (
    "quantization-aware training (edge-compress --qat) or more --samples for --calibrate may mend it; "
    "--min-agreement, --min-onnx-agreement and --max-drop allow more"
)
"""For int8. Where float32 differs, the conversion is wrong, and no allowance makes it right."""


@dataclass(frozen=True)
class Gate:
    """data: the images to compare on. samples: at most so many of them, None for all; seed: of their choice.

    min_agreement: of an int8 file with the model, percent. min_onnx_agreement: of an int8 ONNX file with its TFLite
    twin, percent. max_drop: points of accuracy that an int8 file may lose.
    """

    data: Path
    samples: int | None = None
    seed: int = 0
    min_agreement: float = 98.0
    min_onnx_agreement: float = 99.5
    max_drop: float = 0.5

    def __post_init__(self) -> None:
        for name, share in (("agreement", self.min_agreement), ("onnx-agreement", self.min_onnx_agreement)):
            if not 0 <= share <= 100:
                raise InputError(f"--min-{name} must be 0 to 100 percent, got {share}")
        verify.Budget(0, self.max_drop)

    def budget(self, made: Made, agreement: float) -> verify.Budget:
        """Return what a file is held to: float32 to the same arithmetic, int8 to ``agreement`` and the drop."""
        return verify.EXACT if made.artifact.precision == "float32" else verify.Budget(agreement, self.max_drop)


@dataclass(frozen=True)
class Setting:
    """What the files are run on and how: labels in the model's order, pixels to inputs."""

    labels: tuple[str, ...]
    form: InputFormat


def hold(
    gate: Gate,
    source: SourceModel,
    made: Sequence[Made],
    setting: Setting,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> list[verify.Comparison]:
    """Return how every file compares, those with the model last. Raises GateFailed when one is over its budget.

    tell: gets the line that names images that cannot be decoded. progress: gets images done and in all.
    """

    def chosen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose_samples(classes, len(classes) if gate.samples is None else gate.samples, gate.seed)

    images = read_images(gate.data, ("test", "validation"), setting.labels, chosen)
    runs = {THE_MODEL: source.reference, **{m.path.name: file_reference(m.path) for m in made}}
    outputs, seen = _outputs(images, runs, source.input_shape, setting.form, progress)
    if missing := sorted(set(range(len(images.ids))) - set(seen)):
        tell(left_out([images.ids[i] for i in missing]))
    if not seen:
        raise InputError(f"none of the {len(images.ids)} images to verify on can be decoded")
    classes = None if images.classes is None else images.classes[seen]
    pairs = [(m, THE_MODEL, gate.budget(m, gate.min_agreement)) for m in made]
    for m in made:
        twin = m.path.with_suffix(".tflite").name
        if m.artifact.format == "onnx" and twin in outputs:
            pairs.append((m, twin, gate.budget(m, gate.min_onnx_agreement)))
    rows = [verify.compare(m.path.name, outputs[m.path.name], ref, outputs[ref], classes) for m, ref, _ in pairs]
    _judge(rows, [budget for *_, budget in pairs])
    return sorted(rows, key=lambda row: row.reference == THE_MODEL)


def _outputs(
    images: Images,
    runs: Mapping[str, Reference],
    shape: tuple[int, ...],
    form: InputFormat,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, Floats], list[int]]:
    """Run every image through everything; return (n, classes) outputs by name, and the positions of the n images."""
    parts: dict[str, list[Floats]] = {name: [] for name in runs}
    seen: list[int] = []
    for positions, inputs in images.batches(shape, form):
        seen += positions
        for name, run in runs.items():
            parts[name].append(run(inputs))
        progress(positions[-1] + 1, len(images.ids))
    return {name: np.concatenate(part) for name, part in parts.items() if part}, seen


def _judge(rows: Sequence[verify.Comparison], budgets: Sequence[verify.Budget]) -> None:
    try:
        verify.gate(rows, budgets)
    except GateFailed as failed:
        exact = all(budget == verify.EXACT for row, budget in zip(rows, budgets, strict=True) if row.complaint(budget))
        raise GateFailed(str(failed) if exact else f"{failed}; {REMEDY}") from None
