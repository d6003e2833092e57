"""``edge-compress``: prune a trained network and train it quantization-aware, whatever its task."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.errors import FileError, InputError

if TYPE_CHECKING:
    from edge.models.training.dataset_task import DatasetTask
    from edge.models.training.settings import Settings

EXAMPLES = """\
examples:
  edge-compress run/model.keras --data photos.zip --out qat --qat
  edge-compress run/model.keras --data photos.zip --out small --prune 0.5 --qat --qat-epochs 4
  edge-compress run/model.keras --data photos.zip --out small --prune 0.5 --qat --resume
  edge-compress detector/model.keras --data scenes:boxes --out small --qat --optimizer adam --learning-rate 0.0005

The task, and how its data are read, come from the training record train.json beside MODEL; without one MODEL is taken
for a classifier of images, or --task says what it is. Pruning comes first, then quantization-aware training, which
keeps the zeros. A layer that cannot be trained quantization-aware is refused before anything is trained. OUT gets
compress.json with the task's figures and the sizes before and after each step, each step as a TFLite file, and the
last one as model.keras or, after quantization-aware training, as model.h5: the .keras format cannot restore its
wrappers.
"""

RECORD = "compress.json"

RATES = {"sgd": 0.01, "adam": 0.0005, "adamw": 0.0005}
"""Learning rates when nobody says another."""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; it imports nothing heavy."""
    p = argparse.ArgumentParser(
        "edge-compress",
        description="Prune a trained network and train it quantization-aware.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("model", type=Path, metavar="MODEL", help="a .keras or .h5 file of Keras 2")
    p.add_argument("--data", required=True, metavar="DIR|ZIP|NAME", help="the data that it was trained on")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="write everything into this folder")
    p.add_argument(
        "--task",
        metavar="NAME",
        help="what the data are: classify, segment, detect, keypoints, embed, speech, text or clips "
        "(default: what the training record says, or classify)",
    )
    p.add_argument(
        "--data-option",
        type=_main.named_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how the data are read, beyond what the training record says",
    )
    p.add_argument("--labels", type=Path, metavar="FILE", help="class order (default: labels.txt beside MODEL)")
    p.add_argument("--prune", type=float, metavar="SHARE", help="zeros in every 1x1, 3x3 and dense kernel, e.g. 0.5")
    p.add_argument("--prune-epochs", type=int, default=4, metavar="N", help="epochs while pruning (default 4)")
    p.add_argument("--qat", action="store_true", help="train with int8 simulated")
    p.add_argument("--qat-epochs", type=int, default=3, metavar="N", help="epochs with int8 simulated (default 3)")
    p.add_argument("--optimizer", choices=tuple(RATES), default="sgd", help="of both trainings (default sgd)")
    p.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="of both, at the top of a cosine (default 0.01 for sgd, 0.0005 for the others)",
    )
    p.add_argument("--batch", type=int, default=128, help="samples a step (default 128)")
    p.add_argument("--crop", type=int, metavar="PIXELS", help="largest shift (default: an eighth of the input)")
    p.add_argument("--label-smoothing", type=float, default=0.0, help="share of a target given to all (default 0)")
    p.add_argument("--mean", type=_main.numbers, metavar="M", help="default: the training record's, or 127.5")
    p.add_argument("--std", type=_main.numbers, metavar="S", help="default: the training record's, or 127.5")
    p.add_argument("--seed", type=int, default=0, help="seed of both trainings (default 0)")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    p.add_argument("--trust", action="store_true", help="allow Lambda layers, which run code from the file")
    _main.add_json(p)
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    if a.prune is None and not a.qat:
        raise InputError("nothing to do: give --prune SHARE, --qat, or both")
    from edge.deploy.load import KERAS_SUFFIXES

    if not a.model.is_file():
        raise FileError(f"model {a.model} does not exist")
    if a.model.suffix not in KERAS_SUFFIXES:
        raise InputError(f"MODEL must be a {' or '.join(KERAS_SUFFIXES)} file, got {a.model.name}")
    from edge.cli._dataset_tasks import open_row
    from edge.models.training.outdir import claim
    from edge.models.training.training_record import task_of

    training = _training(a.model)
    row = a.task or task_of(training)
    names = _labels(a, row)
    opened = open_row(row, a.data, _reader_options(a, row, training, names))
    choices = {key: str(value) for key, value in vars(a).items() if key not in ("resume", "json", "trust", "out")}
    with claim(a.out, choices, a.resume):
        _main.quiet_tensorflow()
        from edge.deploy.compression import check, sentence
        from edge.deploy.load import load_keras

        model = load_keras(a.model, a.trust)
        check(model, a.model, row, a.qat)
        _check_classes(a, row, model, names)
        settings = _settings(a, a.qat_epochs, model, training)
        record = _finished(a.out)
        if record is None:
            task = opened.load(model.input_shape[1:], settings, a.out / "cache")
            _check_labels(a, task, names)
            record = _steps(a, model, task, training)
    _main.write_json(a.json, record)
    for step in record["steps"]:
        print(sentence(step))


def _training(model: Path) -> dict[str, Any]:
    """Return the training record beside the model, empty when there is none."""
    path = model.with_name("train.json")
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"{path} is no training record: {error}") from error


def _labels(a: argparse.Namespace, row: str) -> list[str]:
    """Return the class names; an embedding has none."""
    from edge import labels

    if a.labels:
        return labels.read(a.labels)
    return [] if row == "embed" else labels.read_plain(a.model.with_name("labels.txt"))


def _reader_options(
    a: argparse.Namespace, row: str, training: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Return what the reader of the data is told: what was said, else what the training record says."""
    from edge.models.training.training_record import TEXT, reader_options

    options = reader_options(training)
    if row == "classify":
        pixels = {name: getattr(a, name) or tuple(training.get(name, (127.5,))) for name in ("mean", "std")}
        options = {"labels": tuple(names), **pixels}
    elif a.mean or a.std:
        raise InputError(f"--mean and --std are for classifiers of images; data of the task {row} are read as -1 to 1")
    if row == "text":
        from edge.models.training.text.vocabulary import read

        options |= {"words": read(a.model.with_name(TEXT)).words}
    return options | dict(a.data_option)


def _check_classes(a: argparse.Namespace, row: str, model: Any, names: list[str]) -> None:
    """Raise InputError unless there is a name for each class of the model; a detector has the background, too."""
    from edge import labels

    if row != "embed":
        classes = int(model.outputs[-1].shape[-1]) - (row == "detect")
        labels.check_count(names, classes, str(a.labels or a.model.with_name("labels.txt")))


def _check_labels(a: argparse.Namespace, task: "DatasetTask", names: Sequence[str]) -> None:
    """Raise InputError when the data have other classes, or the same in another order."""
    if task.labels and list(task.labels) != list(names):
        raise InputError(
            f"--data {a.data} must have the model's classes {', '.join(names)}, got {', '.join(task.labels)}"
        )


def _finished(out: Path) -> dict[str, Any] | None:
    """Return the record of a run that was resumed though it is complete, else None."""
    path = out / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _settings(a: argparse.Namespace, epochs: int, model: Any, training: Mapping[str, Any]) -> "Settings":
    """Return the settings of one fit; images are mirrored unless the training left that out."""
    from edge.models.training.settings import Augmentation, Settings

    side = model.input_shape[1:][-3:][0]
    flip = training.get("settings", {}).get("augmentation", {}).get("flip", True)
    return Settings(
        epochs=epochs,
        batch=a.batch,
        optimizer=a.optimizer,
        learning_rate=RATES[a.optimizer] if a.learning_rate is None else a.learning_rate,
        weight_decay=0.0,
        warmup=0.2,
        label_smoothing=a.label_smoothing,
        augmentation=Augmentation(flip=bool(flip), crop=side // 8 if a.crop is None else a.crop),
        seed=a.seed,
    )


def _steps(a: argparse.Namespace, model: Any, task: "DatasetTask", training: Mapping[str, Any]) -> dict[str, Any]:
    """Run the steps in order; of an interrupted run, epochs that were finished are not trained again."""
    from edge.deploy import compression as steps
    from edge.models.training.fit import environment

    rows = [steps.row("float", model, task, 0.0, a.out)]
    if a.prune is not None:
        settings = _settings(a, a.prune_epochs, model, training)
        model, row = steps.pruned(model, a.prune, task, settings, a.out, a.resume)
        rows.append(row)
    if a.qat:
        settings = _settings(a, a.qat_epochs, model, training)
        model, row = steps.quantize_aware(model, task, settings, a.out, a.resume)
        rows.append(row)
    steps.save(model, task, a.model, a.out)
    settings_row = {key: str(value) for key, value in vars(a).items() if key not in ("json", "out", "model", "data")}
    record = {"steps": rows, "settings": settings_row, **environment()}
    (a.out / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
