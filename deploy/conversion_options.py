"""What a conversion is asked to do, and how it informs the user."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edge.calibration.tensor_ranges import METHODS
from edge.deploy import parity
from edge.deploy.explain.explanation import Explanation
from edge.deploy.signature import Pixels
from edge.signature import Kind


@dataclass(frozen=True)
class Calibration:
    """The calibration samples from which the int8 ranges are computed.

    Attributes:
        data: a folder or file of samples.
        samples: the number of samples to choose.
        seed: the seed of the random choice.
    """

    data: Path
    samples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", Path(self.data))


@dataclass(frozen=True)
class ConversionOptions:
    """All options of one conversion.

    Attributes:
        out: where the bundle is written, a folder or a file NAME.edge.
        tflite: precisions of the TFLite files. The default recipe decides when ``tflite`` and ``onnx`` are both None.
        onnx: precisions of the ONNX files.
        method: how ranges are computed from the calibration samples, one of METHODS.
        float_layers: names of layers that stay float in the int8 file, as ``--explain`` prints them.
        io: the dtype of inputs and outputs of int8 files: ``int8``, ``uint8`` or ``float32``. None takes the target's.
        opset: the version of ONNX's operations. None takes the default.
        target: the device that the files are for, see ``edge.deploy.targets``. None makes all files.
        calibration: the calibration samples. Without them int8 is possible only for models that are quantized already.
        gate: the verification samples and budgets. None skips the comparison with the model.
        task: the task's name. None takes it from the training record or recognizes it.
        decoder: the decoder's name. None takes it from the training record or recognizes it.
        parameters: parameters of the task and its decoder, which override all others.
        kind: the kind of all inputs, ``image`` or ``tensor``. None derives it from the inputs' shapes.
        pixels: how pixels are normalized for an image input.
        name: the name in the manifest. None takes the model's.
        labels: a file with one label a line. None takes ``labels.txt`` beside the model, if there is one.
        signature: the name of the SavedModel function to convert. None takes the default.
        inputs: the names of the inputs of a frozen graph. Without names they are found, and so are the outputs.
        outputs: the names of the outputs of a frozen graph.
        shapes: the shapes of inputs whose sizes the model leaves open, by name. The name is empty for the only input.
        trust: whether the model's file may run code, such as Lambda layers.
        explain: whether the int8 file is explained layer by layer.
        report: the folder for the report. None writes none.
        command: the command line for the report.
    """

    out: Path
    tflite: tuple[str, ...] | None = None
    onnx: tuple[str, ...] | None = None
    method: str = METHODS[0]
    float_layers: tuple[str, ...] = ()
    io: str | None = None
    opset: int | None = None
    target: str | None = None
    calibration: Calibration | None = None
    gate: parity.Gate | None = None
    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind | None = None
    pixels: Pixels = field(default_factory=Pixels)
    name: str | None = None
    labels: Path | None = None
    signature: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    trust: bool = False
    explain: bool = False
    report: Path | None = None
    command: str = ""

    def __post_init__(self) -> None:
        for name in ("out", "labels", "report"):  # people also give text
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, Path(value))

    @property
    def data(self) -> list[Path]:
        """The data sets to calibrate and to verify on."""
        return [part.data for part in (self.calibration, self.gate) if part is not None]

    def as_json(self) -> dict[str, Any]:
        """Return what determines the files, as a JSON object that a bundle keeps for ``edge-convert --recipe``.

        Where the bundle and the report go is left out, and so is ``trust``, which each run must be given.
        """
        left_out = ("out", "trust", "explain", "report", "command", "calibration", "gate", "pixels")
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}
        nested = {name: getattr(self, name) and asdict(getattr(self, name)) for name in ("calibration", "gate")}
        found = {**plain, **nested, "pixels": dict(self.pixels.given())}
        return dict(json.loads(json.dumps(found, default=str)))


@dataclass(frozen=True)
class Callbacks:
    """Functions that a conversion calls to inform the user.

    Attributes:
        report: takes one line of text for the user.
        progress: takes the name of a stage and returns a function of (samples done, samples in total).
        explained: takes the explanation, which is known before the gate is checked.
    """

    report: Callable[[str], None] = lambda line: None
    progress: Callable[[str], Callable[[int, int], None]] = lambda stage: lambda done, total: None
    explained: Callable[[Explanation], None] = lambda explanation: None
