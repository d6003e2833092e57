"""``edge-compress``: prune a trained network and train it quantization-aware."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.errors import FileError, InputError

if TYPE_CHECKING:
    from edge.models.training.classification.classification import Classification
    from edge.models.training.settings import Settings

EXAMPLES = """\
examples:
  edge-compress run/model.keras --data photos.zip --out qat --qat
  edge-compress run/model.keras --data photos.zip --out small --prune 0.5 --qat --qat-epochs 4
  edge-compress run/model.keras --data photos.zip --out small --prune 0.5 --qat --resume

Pruning comes first, then quantization-aware training, which keeps the zeros. OUT gets compress.json with the
accuracy and sizes before and after each step, each step as a TFLite file, and the last one as model.keras or,
after quantization-aware training, as model.h5: the .keras format cannot restore its wrappers.
"""

RECORD = "compress.json"


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; it imports nothing heavy."""
    p = argparse.ArgumentParser(
        "edge-compress",
        description="Prune a trained network and train it quantization-aware.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("model", type=Path, metavar="MODEL", help="a .keras or .h5 file of Keras 2 that ends in a softmax")
    p.add_argument("--data", required=True, metavar="DIR|ZIP|NAME", help="the images it was trained on")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the result goes")
    p.add_argument("--labels", type=Path, metavar="FILE", help="class order; default labels.txt beside MODEL")
    p.add_argument("--prune", type=float, metavar="SHARE", help="zeros in every 1x1, 3x3 and dense kernel, e.g. 0.5")
    p.add_argument("--prune-epochs", type=int, default=4, metavar="N", help="(default 4)")
    p.add_argument("--qat", action="store_true", help="train with int8 simulated")
    p.add_argument("--qat-epochs", type=int, default=3, metavar="N", help="(default 3)")
    p.add_argument(
        "--learning-rate", type=float, default=0.01, metavar="RATE", help="of both, SGD, cosine (default 0.01)"
    )
    p.add_argument("--batch", type=int, default=128, help="images a step (default 128)")
    p.add_argument("--crop", type=int, metavar="PIXELS", help="largest shift; default an eighth of the input")
    p.add_argument("--label-smoothing", type=float, default=0.0, help="(default 0)")
    p.add_argument("--mean", type=_main.numbers, metavar="M", help="default: the training record's, or 127.5")
    p.add_argument("--std", type=_main.numbers, metavar="S", help="default: the training record's, or 127.5")
    p.add_argument("--seed", type=int, default=0, help="(default 0)")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    p.add_argument("--trust", action="store_true", help="allow Lambda layers, which run code from the file")
    _main.add_json(p)
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    if a.prune is None and not a.qat:
        raise InputError("nothing to do: give --prune SHARE, --qat, or both")
    if not a.model.is_file():
        raise FileError(f"model {a.model} does not exist")
    from edge import labels
    from edge.cli._data import open_data
    from edge.models.training.outdir import claim

    names = labels.read(a.labels) if a.labels else labels.read_plain(a.model.with_name("labels.txt"))
    folder = open_data(a.data, tuple(names))
    choices = {key: str(value) for key, value in vars(a).items() if key not in ("resume", "json", "trust", "out")}
    with claim(a.out, choices, a.resume):
        _main.quiet_tensorflow()
        from edge.cli._dataset_tasks import say_left_out
        from edge.deploy.compression import check
        from edge.deploy.load import load_keras
        from edge.models.training.classification.images import decode_folder

        model = load_keras(a.model, a.trust)
        check(model, a.model)
        labels.check_count(names, int(model.output_shape[-1]), str(a.labels or a.model.with_name("labels.txt")))
        settings = _settings(a, a.qat_epochs, model)
        record = _finished(a.out)
        if record is None:
            shape, shown = model.input_shape[1:], _main.progress("reading")
            data = decode_folder(folder, shape, settings, a.out / "cache", shown, *_pixels(a, model))
            say_left_out(data.corrupt)
            record = _steps(a, model, data)
    _main.write_json(a.json, record)
    for row in record["steps"]:
        print(
            f"{row['step']:8} accuracy {row['accuracy']:.4f}  sparsity {row['sparsity']:.2f}  "
            f"{row['bytes'] / 1024:.0f} KiB, zipped {row['zipped'] / 1024:.0f} KiB"
        )


def _pixels(a: argparse.Namespace, model: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and std: what was said, else the training record's, else -1 to 1."""
    record = a.model.with_name("train.json")
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    found = []
    for name in ("mean", "std"):
        values = getattr(a, name) or tuple(float(v) for v in known.get(name, (127.5,)))
        if len(values) not in (1, model.input_shape[-1]):
            raise InputError(f"--{name} must be one number or {model.input_shape[-1]}, got {len(values)}")
        found.append(values)
    return found[0], found[1]


def _finished(out: Path) -> dict[str, Any] | None:
    """Return the record of a run that was resumed though it is complete, else None."""
    path = out / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _settings(a: argparse.Namespace, epochs: int, model: Any) -> "Settings":
    from edge.models.training.settings import Augmentation, Settings

    crop = model.input_shape[1] // 8 if a.crop is None else a.crop
    return Settings(
        epochs=epochs,
        batch=a.batch,
        learning_rate=a.learning_rate,
        weight_decay=0.0,
        warmup=0.2,
        label_smoothing=a.label_smoothing,
        augmentation=Augmentation(crop=crop),
        seed=a.seed,
    )


def _steps(a: argparse.Namespace, model: Any, data: "Classification") -> dict[str, Any]:
    """Run the steps in order; of an interrupted run, epochs that were finished are not trained again."""
    from edge.deploy import compression as steps
    from edge.models.training.fit import environment

    rows = [steps.row("float", model, data, 0.0, a.out)]
    if a.prune is not None:
        settings = _settings(a, a.prune_epochs, model)
        model, row = steps.pruned(model, a.prune, data, settings, a.out, a.resume)
        rows.append(row)
    if a.qat:
        settings = _settings(a, a.qat_epochs, model)
        model, row = steps.quantize_aware(model, data, settings, a.out, a.resume)
        rows.append(row)
    steps.save(model, data.labels, a.model, a.out)
    settings_row = {key: str(value) for key, value in vars(a).items() if key not in ("json", "out", "model", "data")}
    record = {"steps": rows, "settings": settings_row, **environment()}
    (a.out / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
