"""``edge-train``: fit a network to a data set."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.errors import FileError, InputError, unknown_name
from edge.files import sha256

if TYPE_CHECKING:
    from edge.models.training.settings import Settings

EXAMPLES = """\
examples:
  edge-train --list
  edge-train mobilenet_v3_small --describe --input-size 96
  edge-train shufflenet_v2 --data cifar10.zip --out run --width 0.5 --input-size 32 --epochs 40
  edge-train mobilenet_v2 --data photos/ --out run --input-size 160 --optimizer adamw --learning-rate 0.002
  edge-train shufflenet_v2 --data mine/ --out tuned --weights run/model.keras --input-size 32 --width 0.5 --epochs 8
  edge-train shufflenet_v2 --data cifar10.zip --out run --resume     (same options: goes on where it stopped)

data: a folder or a zip, laid out as the network's task asks, or the name of a set that is drawn here:
  classes of images     train/<class>/*.jpg and test/<class>/*.jpg (or validation/)              scenes
  masks                 image/ and label/ (or mask/) with files of the same names, labels.txt    scenes:masks
  boxes                 PASCAL VOC: JPEGImages, Annotations, ImageSets/Main                      scenes:boxes
  keypoints             COCO: annotations/train.json, test.json and pictures, one body each      scenes:keypoints
  embeddings            train/<person>/*.jpg and test/<other person>/*.jpg                       scenes:faces
  sounds                <label>_<speaker>_<index>.wav, one voice is reported on                  scenes:sounds
  sentences             train.tsv and test.tsv of label<TAB>sentence, or train/<class>.txt       scenes:sentences
  clips                 train/<class>/<clip>.avi or .mp4, or a folder of frames for each         scenes:clips
OUT gets model.keras, train.json, labels.txt, history.csv and curves.png, and vocabulary.txt for sentences. Networks
that reconstruct or generate (toycar, dcgan_generator, dcgan_discriminator) are not trained by this command.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; it imports nothing heavy."""
    p = argparse.ArgumentParser(
        "edge-train",
        description="Fit a network of the table to a data set of its task.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("model", nargs="?", metavar="MODEL", help="network name; --list prints them")
    p.add_argument("--list", action="store_true", help="print the networks and stop")
    p.add_argument(
        "--describe", action="store_true", help="print what MODEL is and costs, with these options, and stop"
    )
    p.add_argument("--data", metavar="DIR|ZIP|NAME", help="the data set, see below")
    p.add_argument(
        "--data-option",
        type=_main.named_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how the data are read, e.g. view=crop, features=mfcc, step=2; a wrong name lists what there is",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="where the run goes")
    p.add_argument("--weights", type=Path, metavar="FILE", help="start from this .keras file, other classes or not")
    p.add_argument("--average", type=float, default=0.0, metavar="SHARE", help="of --weights in the result, e.g. 0.5")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    net = p.add_argument_group("network")
    net.add_argument("--width", type=float, default=1.0, help="width multiplier (default 1.0)")
    net.add_argument(
        "--input-size",
        type=_sizes,
        metavar="N|HxW",
        help="side of a square input, or height x width; FxHxW with the frames of a clip; words of a sentence; "
        "samples of a sound (default: paper's)",
    )
    net.add_argument("--channels", type=int, choices=(1, 3), help="3 for colour, 1 for grey (default: paper's)")
    net.add_argument(
        "--downsample", type=int, metavar="N", help="total stride, 32 in the papers; default: by input size"
    )
    net.add_argument("--groups", type=int, help="groups of shufflenet_v1: 1, 2, 3, 4 or 8")
    net.add_argument("--dropout", type=float, default=0.0, help="before the classifier (default 0)")
    net.add_argument(
        "--option",
        type=_main.named_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another of the network's own",
    )
    _add_fit(p.add_argument_group("training"))
    _add_augmentation(p.add_argument_group("augmentation"))
    _main.add_json(p)
    return p


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a size like 224 or 240x320, got {text!r}") from None


def _add_fit(group: Any) -> None:
    group.add_argument("--epochs", type=int, default=30, help="(default 30)")
    group.add_argument("--batch", type=int, default=128, help="images a step (default 128)")
    group.add_argument("--optimizer", choices=("sgd", "adam", "adamw"), default="sgd", help="(default sgd)")
    group.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="at the top; default 0.1 for sgd, 0.002 else"
    )
    group.add_argument("--momentum", type=float, default=0.9, help="of sgd (default 0.9)")
    group.add_argument("--weight-decay", type=float, default=2e-3, help="decoupled (default 0.002)")
    group.add_argument("--schedule", choices=("cosine", "step"), default="cosine", help="(default cosine)")
    group.add_argument("--warmup", type=float, default=2.0, metavar="EPOCHS", help="linear rise (default 2)")
    group.add_argument(
        "--step-epochs", type=int, default=10, metavar="EPOCHS", help="of the step schedule (default 10)"
    )
    group.add_argument("--step-factor", type=float, default=0.1, help="of the step schedule (default 0.1)")
    group.add_argument("--label-smoothing", type=float, default=0.1, help="(default 0.1)")
    group.add_argument(
        "--early-stopping", type=int, default=0, metavar="EPOCHS", help="stop after so many without a gain"
    )
    group.add_argument("--holdout", type=float, default=0.0, metavar="PART", help="training images set apart, 0 to 1")
    group.add_argument("--mixed-precision", action="store_true", help="float16 on GPUs, bfloat16 on processors")
    group.add_argument(
        "--strategy",
        choices=("auto", "one", "mirrored", "multiworker"),
        default="auto",
        help="tf.distribute: auto takes all GPUs here; multiworker reads TF_CONFIG (default auto)",
    )
    group.add_argument("--seed", type=int, default=0, help="(default 0)")


def _add_augmentation(group: Any) -> None:
    group.add_argument("--no-flip", action="store_true", help="do not mirror left-right")
    group.add_argument("--crop", type=int, metavar="PIXELS", help="largest shift; default an eighth of the input")
    group.add_argument(
        "--jitter", type=float, default=0.0, help="brightness, contrast, saturation, e.g. 0.2 (default 0)"
    )
    group.add_argument("--cutout", type=int, default=0, metavar="PIXELS", help="side of one grey square (default 0)")
    group.add_argument("--mixup", type=float, default=0.0, metavar="ALPHA", help="blend pairs of images (default 0)")


def settings_from(a: argparse.Namespace, side: int) -> "Settings":
    """Return the run's settings; side: the input's height. Raises InputError for a value that does not fit."""
    from edge.models.training.settings import Augmentation, Settings

    crop = side // 8 if a.crop is None else a.crop
    rate = a.learning_rate if a.learning_rate is not None else (0.1 if a.optimizer == "sgd" else 0.002)
    holdout = a.holdout or (0.1 if a.early_stopping else 0.0)
    return Settings(
        epochs=a.epochs,
        batch=a.batch,
        optimizer=a.optimizer,
        learning_rate=rate,
        momentum=a.momentum,
        weight_decay=a.weight_decay,
        schedule=a.schedule,
        warmup=a.warmup,
        step_epochs=a.step_epochs,
        step_factor=a.step_factor,
        label_smoothing=a.label_smoothing,
        augmentation=Augmentation(not a.no_flip, crop, a.jitter, a.cutout, a.mixup),
        patience=a.early_stopping,
        average=a.average,
        holdout=holdout,
        mixed_precision=a.mixed_precision,
        strategy=a.strategy,
        seed=a.seed,
    )


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    if a.list:
        _list()
        return
    if a.describe and a.model is not None:
        _describe(a)
        return
    for option in ("model", "data", "out"):
        if getattr(a, option) is None:
            raise InputError(f"{'--' if option != 'model' else ''}{option} is missing; see edge-train --help")
    if a.average and a.weights is None:
        raise InputError("--average mixes with the network to start from: give --weights too")
    _train(a)


def _list() -> None:
    from edge.models.networks import NETWORKS
    from edge.models.registry import available

    for name in available():
        row = NETWORKS.get(name)
        if row is None:
            print(f"{name:32} plug-in")
            continue
        shape = "x".join(map(str, row.input_shape))
        print(f"{name:32} {row.tasks[0]:12} {shape:13} {row.summary}")


def _describe(a: argparse.Namespace) -> None:
    from edge.models.registry import available

    if a.model not in available():
        raise unknown_name("model", a.model, available())
    _main.quiet_tensorflow()
    from edge.models import describe

    found = describe(a.model, **network_options(a))
    _main.write_json(a.json, found.as_json())
    print(f"{found.name}: {found.summary}  {found.paper}")
    shown = {
        "task": ", ".join(found.tasks),
        "input": "x".join(map(str, found.input_shape)),
        "output": ", ".join("x".join(map(str, shape)) for shape in found.outputs),
        "parameters": f"{found.parameters:,} trained, {found.total:,} in all",
        "MACs": f"{found.macs:,}",
        "activations": f"{found.activation_peak:,} values at once: bytes in int8, a quarter of those in float32",
        "receptive field": "everything" if found.receptive_field is None else f"{found.receptive_field} rows",
        "taps": ", ".join(f"{stride}: {layer}" for stride, layer in found.strides.items()),
    }
    for title, text in shown.items():
        if text:
            print(f"  {title:16} {text}")


def _train(a: argparse.Namespace) -> None:
    from edge.cli._dataset_tasks import open_dataset
    from edge.models.registry import available, check
    from edge.models.training.outdir import claim

    if a.model not in available():
        raise unknown_name("model", a.model, available())
    options = network_options(a)
    check(a.model, options["input_shape"], classes=1, width=a.width, dropout=a.dropout)
    settings = settings_from(a, options["input_shape"][-3:][0])
    opened = open_dataset(a.model, a.data, options["input_shape"], dict(a.data_option), dict(a.option))
    about: dict[str, Any] = {
        "data": opened.identity,
        "build": {"name": a.model, **options},
        "weights": _weights_identity(a.weights),
    }
    choices = {"model": a.model, **options, **settings.as_json(), **about, "data_options": dict(a.data_option)}
    with claim(a.out, choices, a.resume, shared=a.strategy == "multiworker") as out:
        _main.quiet_tensorflow()
        from edge.deploy.load import load_keras
        from edge.models import build
        from edge.models.training import fit
        from edge.models.training.curves import plot_curves
        from edge.models.training.dataset_task import sentence
        from edge.models.training.transfer import start_from

        task = opened.load(options["input_shape"], settings, out / "cache")
        about["build"] |= options | dict(task.network_options())

        def make() -> Any:
            made = build(**about["build"])
            return start_from(made, load_keras(a.weights)) if a.weights else made

        record = fit.train(make, task, settings, out, a.resume, about={**about, "command": a.command})
        plot_curves(out / fit.HISTORY, out / fit.CURVES, task.metric)
    _main.write_json(a.json, record)
    print(f"{sentence(a.model, record, opened.sample)}; model in {a.out}")


def _weights_identity(weights: Path | None) -> dict[str, str] | None:
    """Return name and digest of the file to start from; raises FileError when there is none."""
    if weights is None:
        return None
    if not weights.is_file():
        raise FileError(f"--weights {weights} does not exist")
    return {"name": weights.name, "sha256": sha256(weights)}


def network_options(a: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of ``edge.models.build`` besides the class count."""
    from edge.models.networks import NETWORKS
    from edge.models.scaling import fitting_downsample

    row = NETWORKS.get(a.model)
    shape = _input_shape(a, row.input_shape if row else (224, 224, 3))
    options: dict[str, Any] = {"input_shape": shape, "width": a.width, **dict(a.option)}
    if a.downsample or (row and "downsample" in row.options):
        options["downsample"] = a.downsample or fitting_downsample(*shape[:2])
    if a.dropout:
        options["dropout"] = a.dropout
    if a.groups is not None:
        options["groups"] = a.groups
    return options


def _input_shape(a: argparse.Namespace, papers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the paper's input with what was said of it put in; one number is the side of a square.

    The frames of a clip stay the paper's unless three numbers are given. Sentences have words and no channels.
    """
    if len(papers) == 1:
        return a.input_size or papers
    sizes = a.input_size or papers[:-1]
    if len(papers) > 2 and len(sizes) == 1:
        sizes = sizes * 2
    if len(papers) == 4 and len(sizes) == 2:
        sizes = (papers[0], *sizes)
    return (*sizes, a.channels or papers[-1])


def _said(words: Sequence[str]) -> str:
    """Return the command line for the record: of paths only the last part, and without what does not change the run."""
    kept = [Path(word).name if "/" in word else word for word in words if word != "--resume"]
    return shlex.join(["edge-train", *kept])


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    command = _said(sys.argv[1:] if argv is None else argv)
    return _main.run(parser(), lambda a: body(argparse.Namespace(**vars(a), command=command)), argv)


if __name__ == "__main__":
    sys.exit(main())
