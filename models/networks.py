"""The table of networks: a name, its builder, and what the field asks of one before building it.

A new network is a family file and a row here. Rows that share a builder bind its variant in the family file.
"""

from dataclasses import dataclass

from edge.registry import Entry

_NEEDS = ("tensorflow", "tf_keras")


@dataclass(frozen=True, kw_only=True)
class Network(Entry):
    """One row.

    paper: where the definition stands. tasks: what it is for, the main one first (``TASKS``).
    input_shape, classes: those of the paper, and the defaults of ``build``.
    options: what the builder takes beyond input_shape, classes and width.
    smallest: the least size of each input dimension. multiple: height and width are multiples of it.
    float_only: why there is no int8 file, for a network with an operation that has no int8 kernel.
    """

    paper: str
    tasks: tuple[str, ...] = ("classify",)
    input_shape: tuple[int, ...] = (224, 224, 3)
    classes: int = 1000
    options: tuple[str, ...] = ()
    smallest: tuple[int, ...] = (32, 32, 1)
    multiple: int = 1
    float_only: str = ""


TASKS = {
    "classify": "one class an image, a sound, a sentence or a clip",
    "segment": "one class a pixel",
    "detect": "boxes with a class",
    "keypoints": "a heat map a keypoint",
    "embed": "a vector, near for the same and far for another",
    "reconstruct": "the input again; a large error is an anomaly",
    "generate": "an image from noise",
    "discriminate": "real or generated",
}


def _row(target: str, summary: str, paper: str, **facts: object) -> Network:
    return Network(f"edge.models.{target}", summary, "train", _NEEDS, paper=paper, **facts)  # type: ignore[arg-type]


STRIDED = ("downsample", "dropout")
ARXIV = "https://arxiv.org/abs/"

MOBILE = {
    "mobilenet_v1": _row(
        "mobilenet_v1:mobilenet_v1", "depthwise separable, 2017", ARXIV + "1704.04861", options=STRIDED
    ),
    "mobilenet_v2": _row(
        "mobilenet_v2:mobilenet_v2", "inverted residuals, 2018", ARXIV + "1801.04381", options=STRIDED
    ),
    "shufflenet_v1": _row(
        "shufflenet_v1:shufflenet_v1",
        "grouped 1x1 and shuffle, 2018",
        ARXIV + "1707.01083",
        options=("groups", *STRIDED),
    ),
    "shufflenet_v2": _row(
        "shufflenet_v2:shufflenet_v2", "channel split and shuffle, 2018", ARXIV + "1807.11164", options=STRIDED
    ),
}
"""Efficient families. Each can be trained quantization-aware; the contract tests hold them to it."""

CLASSIC: dict[str, Network] = {}
"""What the efficient families are measured against."""

TINY: dict[str, Network] = {}
"""For microcontrollers: MLPerf Tiny and its like."""

DENSE: dict[str, Network] = {}
"""Other tasks on images: segmentation, detection, keypoints, embeddings."""

OTHER: dict[str, Network] = {}
"""Other dimensions: sounds, sentences, clips, generated images, attention."""

NETWORKS: dict[str, Network] = {**MOBILE, **CLASSIC, **TINY, **DENSE, **OTHER}
