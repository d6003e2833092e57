"""The options of ``edge-train``, and what they mean for the network and its training."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main

if TYPE_CHECKING:
    from edge.models.training.settings import Settings

EXAMPLES = """\
examples:
  edge-train --list
  edge-train mobilenet_v3_small --describe --input-size 96
  edge-train shufflenet_v2 --data cifar10.zip --out run --width 0.5 --input-size 32 --epochs 40
  edge-train mobilenet_v2 --data photos/ --out run --input-size 160 --optimizer adamw --learning-rate 0.002
  edge-train shufflenet_v2 --data mine/ --out tuned --weights run/model.keras --input-size 32 --width 0.5 --epochs 8
  edge-train shufflenet_v2 --data cifar10.zip --out run --resume     (continues the run; give the same options)

--data is a folder or zip with the layout below, or the name of a data set that this command draws (last column):
  classes of images     train/<class>/*.jpg and test/<class>/*.jpg (or validation/)              scenes
  masks                 image/ and label/ (or mask/) with files of the same names, labels.txt    scenes:masks
  boxes                 PASCAL VOC: JPEGImages, Annotations, ImageSets/Main                      scenes:boxes
  keypoints             COCO: annotations/train.json, test.json and pictures of one body each    scenes:keypoints
  embeddings            train/<person>/*.jpg and test/<other person>/*.jpg                       scenes:faces
  sounds                <label>_<speaker>_<index>.wav; one speaker is kept for the test          scenes:sounds
  sentences             train.tsv, test.tsv with label<TAB>sentence, or train/<class>.txt        scenes:sentences
  clips                 train/<class>/<clip>.avi or .mp4, or a folder of frames for each clip    scenes:clips
The command writes model.keras, train.json, labels.txt, history.csv and curves.png to --out, and vocabulary.txt for
sentences. It does not train networks that reconstruct or generate (toycar, dcgan_generator, dcgan_discriminator).
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``edge-train``. It imports no heavy module."""
    p = argparse.ArgumentParser(
        "edge-train",
        description="Train a network on a data set of its task.",
        epilog=EXAMPLES,
        formatter_class=_main.Formatter,
    )
    p.add_argument("model", nargs="?", metavar="MODEL", help="name of the network; --list prints all names")
    p.add_argument("--list", action="store_true", help="print the names of the networks and exit")
    p.add_argument("--describe", action="store_true", help="print what MODEL is and costs with these options, and exit")
    p.add_argument("--data", metavar="DIR|ZIP|NAME", help="data set to train on, see below")
    p.add_argument(
        "--data-option",
        type=_main.named_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="option of the reader, such as view=crop, features=mfcc or step=2; an unknown name lists them; repeatable",
    )
    p.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    p.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="start from the weights in this .keras file; its classes may differ",
    )
    p.add_argument(
        "--average",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of --weights in the final weights (default 0)",
    )
    p.add_argument("--resume", action="store_true", help="continue the run in --out")
    _add_network(p.add_argument_group("network"))
    _add_fit(p.add_argument_group("training"))
    _add_augmentation(p.add_argument_group("augmentation"))
    _main.add_json(p)
    return p


def _add_network(group: Any) -> None:
    group.add_argument("--width", type=float, default=1.0, help="width multiplier (default 1.0)")
    group.add_argument(
        "--input-size",
        type=_sizes,
        metavar="N|HxW",
        help="size of the input: side of a square, height x width, frames x height x width of a clip, words of a "
        "sentence, or samples of a sound (default: as in the paper)",
    )
    group.add_argument(
        "--channels",
        type=int,
        choices=(1, 3),
        help="channels of the input: 3 for colour, 1 for grey (default: as in the paper)",
    )
    group.add_argument(
        "--downsample", type=int, metavar="N", help="total stride, 32 in the papers (default: chosen by the input size)"
    )
    group.add_argument(
        "--groups", type=int, help="groups of shufflenet_v1: 1, 2, 3, 4 or 8 (default: as in the table of networks)"
    )
    group.add_argument(
        "--dropout", type=float, default=0.0, metavar="RATE", help="dropout rate before the classifier (default 0)"
    )
    group.add_argument(
        "--option",
        type=_main.named_value,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="other option of the network; repeatable",
    )


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a size like 224 or 240x320, got {text!r}") from None


def _add_fit(group: Any) -> None:
    group.add_argument("--epochs", type=int, default=30, metavar="N", help="number of epochs (default 30)")
    group.add_argument("--batch", type=int, default=128, metavar="N", help="samples in a batch (default 128)")
    group.add_argument(
        "--optimizer", choices=("sgd", "adam", "adamw"), help="optimizer (default sgd; adam for keypoints)"
    )
    group.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="highest learning rate (default 0.1 for sgd, 0.002 for the others)",
    )
    group.add_argument("--momentum", type=float, default=0.9, help="momentum of sgd (default 0.9)")
    group.add_argument("--weight-decay", type=float, default=2e-3, help="decoupled weight decay (default 0.002)")
    group.add_argument(
        "--schedule", choices=("cosine", "step"), default="cosine", help="learning rate schedule (default cosine)"
    )
    group.add_argument(
        "--warmup", type=float, default=2.0, metavar="EPOCHS", help="epochs of linear warm-up (default 2)"
    )
    group.add_argument(
        "--step-epochs",
        type=int,
        default=10,
        metavar="EPOCHS",
        help="epochs between steps of the step schedule (default 10)",
    )
    group.add_argument(
        "--step-factor", type=float, default=0.1, help="factor at each step of the step schedule (default 0.1)"
    )
    group.add_argument(
        "--label-smoothing", type=float, default=0.1, help="share of a target given to all classes (default 0.1)"
    )
    group.add_argument(
        "--early-stopping",
        type=int,
        default=0,
        metavar="EPOCHS",
        help="stop after this many epochs without progress (default 0: never)",
    )
    group.add_argument(
        "--holdout",
        type=float,
        default=0.0,
        metavar="PART",
        help="fraction of the training samples set apart for validation (default 0, or 0.1 with --early-stopping)",
    )
    group.add_argument("--mixed-precision", action="store_true", help="compute in float16 on GPUs, in bfloat16 on CPUs")
    group.add_argument(
        "--strategy",
        choices=("auto", "one", "mirrored", "multiworker"),
        default="auto",
        help="tf.distribute strategy: auto uses all GPUs of this machine, multiworker reads TF_CONFIG (default auto)",
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of weights, order and augmentation (default 0)"
    )


def _add_augmentation(group: Any) -> None:
    group.add_argument("--no-flip", action="store_true", help="do not mirror images left to right")
    group.add_argument(
        "--crop", type=int, metavar="PIXELS", help="largest shift of an image (default: an eighth of the input)"
    )
    group.add_argument(
        "--jitter",
        type=float,
        default=0.0,
        help="largest change of brightness, contrast and saturation, such as 0.2 (default 0)",
    )
    group.add_argument(
        "--cutout",
        type=int,
        default=0,
        metavar="PIXELS",
        help="side of a grey square put on each image (default 0: none)",
    )
    group.add_argument(
        "--mixup",
        type=float,
        default=0.0,
        metavar="ALPHA",
        help="mix pairs of images, with this alpha of the Beta distribution (default 0: off)",
    )


def settings_from(a: argparse.Namespace, side: int) -> "Settings":
    """Return the settings of the training.

    Args:
        a: the parsed arguments.
        side: the height of the input, from which the default of ``--crop`` is computed.

    Raises:
        InputError: a value is out of range.
    """
    from edge.models.training.settings import Augmentation, Settings
    from edge.models.training.task_table import usual_optimizer

    crop = side // 8 if a.crop is None else a.crop
    optimizer = a.optimizer or usual_optimizer(a.model)
    rate = a.learning_rate if a.learning_rate is not None else (0.1 if optimizer == "sgd" else 0.002)
    holdout = a.holdout or (0.1 if a.early_stopping else 0.0)
    return Settings(
        epochs=a.epochs,
        batch=a.batch,
        optimizer=optimizer,
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


def network_options(a: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments for ``edge.models.build``, except the name and the number of classes."""
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
    """Return the input shape: the paper's shape with the sizes and channels of the arguments.

    One number is the side of a square. The number of frames of a clip changes only when three numbers are given. The
    shape of a sentence is its number of words, without channels.
    """
    if len(papers) == 1:
        return a.input_size or papers
    sizes = a.input_size or papers[:-1]
    if len(papers) > 2 and len(sizes) == 1:
        sizes = sizes * 2
    if len(papers) == 4 and len(sizes) == 2:
        sizes = (papers[0], *sizes)
    return (*sizes, a.channels or papers[-1])
