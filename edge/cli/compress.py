"""``edge-compress`` prunes a trained network of any task and trains it quantization-aware."""

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

The task and the options of the data come from the training record train.json beside MODEL. Without a record, MODEL
counts as a classifier of images unless --task is given. Pruning comes first, then quantization-aware training, which
keeps the zeros. A layer that cannot be trained quantization-aware is refused before the training begins.

The command writes to --out: compress.json with the quality and size before and after each step, the result of each
step as a TFLite file, and the last model. That is model.keras, or model.h5 after quantization-aware training, because
a .keras file cannot restore the quantization wrappers.
"""

RECORD = "compress.json"

RATES = {"sgd": 0.01, "adam": 0.0005, "adamw": 0.0005}
"""The default learning rate of each optimizer."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``edge-compress``. It imports no heavy module."""
    p = argparse.ArgumentParser(
        "edge-compress",
        description="Prune a trained network and train it quantization-aware.",
        epilog=EXAMPLES,
        formatter_class=_main.Formatter,
    )
    p.add_argument("model", type=Path, metavar="MODEL", help="the network: a .keras or .h5 file of Keras 2")
    p.add_argument("--data", required=True, metavar="DIR|ZIP|NAME", help="data set on which the network was trained")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    p.add_argument(
        "--task",
        metavar="NAME",
        help="dataset task: classify, segment, detect, keypoints, embed, speech, text or clips "
        "(default: from the training record, or classify)",
    )
    p.add_argument(
        "--data-option",
        type=_main.named_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="option of the data reader, which overrides the training record; repeatable",
    )
    p.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="class names in the order of the classes (default: NAME_labels.txt or labels.txt beside MODEL)",
    )
    _add_training(p.add_argument_group("pruning and training"))
    p.add_argument("--resume", action="store_true", help="continue the run in --out")
    p.add_argument("--trust", action="store_true", help="allow Lambda layers, which run code from the file")
    _main.add_json(p)
    return p


def _add_training(group: Any) -> None:
    group.add_argument(
        "--prune",
        type=float,
        metavar="SHARE",
        help="prune each dense and convolution kernel, except depthwise, to this share of zeros, such as 0.5",
    )
    group.add_argument(
        "--prune-epochs", type=int, default=4, metavar="N", help="epochs of training with pruning (default 4)"
    )
    group.add_argument("--qat", action="store_true", help="train quantization-aware, with simulated int8")
    group.add_argument(
        "--qat-epochs", type=int, default=3, metavar="N", help="epochs of quantization-aware training (default 3)"
    )
    group.add_argument(
        "--optimizer", choices=tuple(RATES), default="sgd", help="optimizer of both trainings (default sgd)"
    )
    group.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="highest learning rate of both trainings (default 0.01 for sgd, 0.0005 for the others)",
    )
    group.add_argument("--batch", type=int, default=128, metavar="N", help="samples in a batch (default 128)")
    group.add_argument(
        "--crop", type=int, metavar="PIXELS", help="largest shift of an image (default: an eighth of the input)"
    )
    group.add_argument(
        "--label-smoothing", type=float, default=0.0, help="share of a target given to all classes (default 0)"
    )
    group.add_argument(
        "--mean",
        type=_main.numbers,
        metavar="M",
        help="mean of the pixels (default: from the training record, or 127.5)",
    )
    group.add_argument(
        "--std",
        type=_main.numbers,
        metavar="S",
        help="divisor of the pixels (default: from the training record, or 127.5)",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="seed of both trainings (default 0)")


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    if a.prune is None and not a.qat:
        raise InputError("nothing to do: give --prune SHARE, --qat, or both")
    from edge.deploy.keras_file import SUFFIXES, is_keras, model_in

    if a.prune is not None and not 0 < a.prune < 1:
        raise InputError(f"--prune must be a share above 0 and below 1, got {a.prune}")
    if a.model.is_dir():
        raise FileError(f"MODEL must be a {', '.join(SUFFIXES)} file, got the folder {a.model}{model_in(a.model)}")
    if not a.model.is_file():
        raise FileError(f"model {a.model} does not exist")
    if not is_keras(a.model):
        raise InputError(f"MODEL must be a {', '.join(SUFFIXES)} file, got {a.model.name}")
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
    """Return the training record beside the model, or an empty one."""
    path = model.with_name("train.json")
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"{path} is no training record: {error}") from error


def _labels(a: argparse.Namespace, row: str) -> list[str]:
    """Return the class names. The list is empty for an embedding, which has no classes."""
    from edge import labels

    if a.labels:
        return labels.read(a.labels)
    if row == "embed":
        return []
    beside = _labels_beside(a.model)
    if not beside.is_file():
        raise FileError(f"{beside} does not exist; give --labels FILE with the class names, one on each line")
    return labels.read_plain(beside) if beside.name == "labels.txt" else labels.read(beside)


def _labels_beside(model: Path) -> Path:
    """Return ``NAME_labels.txt`` beside ``NAME.h5`` where it is there, else ``labels.txt``, which may be absent."""
    named = model.with_name(f"{model.stem}_labels.txt")
    return named if named.is_file() else model.with_name("labels.txt")


def _reader_options(
    a: argparse.Namespace, row: str, training: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Return the options of the data reader: those given, else those of the training record."""
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
    """Raise InputError unless each class of the model has a name. A detector also has a background class."""
    from edge import labels

    if row != "embed":
        classes = int(model.outputs[-1].shape[-1]) - (row == "detect")
        labels.check_count(names, classes, str(a.labels or _labels_beside(a.model)))


def _check_labels(a: argparse.Namespace, task: "DatasetTask", names: Sequence[str]) -> None:
    """Raise InputError when the data have other classes than the model, or another order of them."""
    if task.labels and list(task.labels) != list(names):
        raise InputError(
            f"--data {a.data} must have the model's classes {', '.join(names)}, got {', '.join(task.labels)}"
        )


def _finished(out: Path) -> dict[str, Any] | None:
    """Return the record of a complete run, or None."""
    path = out / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _settings(a: argparse.Namespace, epochs: int, model: Any, training: Mapping[str, Any]) -> "Settings":
    """Return the settings of one training. Images are mirrored unless the original training did not mirror them."""
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
    """Run the steps in order. Finished epochs of an interrupted run are not trained again."""
    from edge.deploy import compression as steps
    from edge.models.training.fit import environment

    print("measuring the network before the first step", file=sys.stderr, flush=True)
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
    """Run ``edge-compress`` and return the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
