"""The whole chain at toy size, one plan a task: a drawn set, a small network, seconds of training.

Each network ends clearly better than chance and no better: the plans are as small as that allows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge.scenes import write_dataset
from edge.scenes.box_set import write_boxes
from edge.scenes.faces import write_faces
from edge.scenes.keypoint_set import write_keypoints
from edge.scenes.mask_set import write_masks
from edge.scenes.motions import write_clips
from edge.scenes.sentences import write_sentences
from edge.scenes.tones import write_sounds


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FAST = _words("--optimizer adam --warmup 0.5 --weight-decay 0 --label-smoothing 0 --seed 1")
"""Adam learns most in few steps; weights have no time to grow."""

TUNED = _words("--optimizer adam --learning-rate 0.001 --qat-epochs 1 --seed 1")


@dataclass(frozen=True)
class Plan:
    """One chain.

    Attributes:
        task: a row of the table of dataset tasks.
        network: a row of the table of networks.
        draw: writes the data set into a folder.
        train: options of edge-train.
        compress: options of edge-compress; None for a network that it has to refuse.
        headline: the figure that says how good the network is, 0 to 1.
        least: what it must reach after training.
        chance: what guessing reaches.
        slow: whether training takes more than a few seconds, because the network has many layers.
    """

    task: str
    network: str
    draw: Callable[[Path], None]
    train: tuple[str, ...]
    compress: tuple[str, ...] | None
    headline: str
    least: float
    chance: float
    slow: bool = False


PLANS = {
    plan.task: plan
    for plan in (
        Plan(
            "classify",
            "lenet5",
            partial(write_dataset, per_class_train=80, per_class_test=12, size=32, seed=1),
            (*FAST, *_words("--channels 3 --epochs 6 --batch 32 --learning-rate 0.003 --crop 2")),
            (*TUNED, *_words("--prune 0.5 --prune-epochs 1 --qat --batch 32 --crop 2")),
            "accuracy",
            least=0.4,
            chance=1 / 8,
        ),
        Plan(
            "segment",
            "unet",
            partial(write_masks, train=96, test=16, size=32, seed=1, classes=("disc",)),
            (*FAST, *_words("--width 0.0625 --input-size 32 --channels 3 --epochs 4 --batch 6 --learning-rate 0.01")),
            (*TUNED, *_words("--qat --batch 8")),
            "dice",
            least=0.5,
            chance=0.1,
        ),
        Plan(
            "detect",
            "ssdlite_shufflenet_v2",
            partial(write_boxes, train=192, test=24, size=64, seed=1, classes=("disc", "star")),
            (
                *FAST,
                *_words("--width 0.25 --input-size 64 --epochs 5 --batch 8 --learning-rate 0.005 --crop 6"),
                *("--option", "strides=(8,16)", "--option", "ratios=(1.5,)"),
            ),
            (*TUNED, *_words("--qat --batch 8")),
            "mAP",
            least=0.2,
            chance=0.01,
            slow=True,
        ),
        Plan(
            "keypoints",
            "keypoints_mobilenet_v2",
            partial(write_keypoints, train=400, test=32, size=64, seed=1),
            (*FAST, *_words("--width 0.25 --input-size 64 --epochs 6 --batch 8 --learning-rate 0.005 --crop 4")),
            (*TUNED, *_words("--qat --batch 8")),
            "pck",
            least=0.25,
            chance=0.05,
            slow=True,
        ),
        Plan(
            "embed",
            "mobilefacenet",
            partial(write_faces, train=24, test=8, pictures=18, size=32, seed=1),
            (
                *FAST,
                *_words("--width 0.25 --input-size 32 --epochs 4 --batch 16 --learning-rate 0.005 --crop 2"),
                *_words("--data-option size=32 --data-option scale=16 --data-option margin=0.1"),
            ),
            (*TUNED, *_words("--qat --batch 16")),
            "recall_at_1",
            least=0.4,
            chance=17 / 143,
            slow=True,
        ),
        Plan(
            "speech",
            "ds_cnn",
            partial(write_sounds, voices=6, each=20, seed=1),
            (*FAST, *_words("--width 0.25 --epochs 5 --batch 12 --learning-rate 0.01")),
            (*TUNED, *_words("--qat --batch 12")),
            "accuracy",
            least=0.5,
            chance=1 / 4,
        ),
        Plan(
            "text",
            "text_cnn",
            partial(write_sentences, train=480, test=120, seed=1),
            (
                *FAST,
                *_words("--width 0.2 --input-size 16 --option embedding=16 --epochs 4 --batch 16"),
                *_words("--learning-rate 0.01"),
            ),
            None,
            "accuracy",
            least=0.9,
            chance=0.6,
        ),
        Plan(
            "clips",
            "c3d",
            partial(write_clips, train=32, test=6, frames=16, size=32, seed=1),
            (
                *FAST,
                *_words("--width 0.05 --input-size 16x32x32 --epochs 4 --batch 8 --learning-rate 0.005"),
                *_words("--crop 2"),
            ),
            (*TUNED, *_words("--qat --batch 8")),
            "accuracy",
            least=0.5,
            chance=1 / 6,
        ),
    )
}
"""By the row of the table of dataset tasks."""
