"""The chains that are run as a whole: which networks, with which options, as the commands a user would type."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.errors import unknown_name


@dataclass(frozen=True)
class Network:
    """One network of a plan.

    Attributes:
        name: the network.
        train: options of ``edge-train`` beside the plan's own, as on the command line.
        compress: options of ``edge-compress`` beside the plan's own.
        first: options of an earlier training, from whose weights ``train`` starts; None for a single training.
    """

    name: str
    train: tuple[str, ...] = ()
    compress: tuple[str, ...] = ()
    first: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Plan:
    """A chain of commands for one or more networks.

    Attributes:
        name: the plan's name.
        networks: the networks.
        input_size: height and width of the images, in pixels.
        train: options of ``edge-train``.
        compress: options of ``edge-compress``.
        int8: options of the gate that the int8 files must pass.
        clip_frames: frames of the drawn clip on which the loop is run; 0 for no loop.
        drawn: training and test images of each class, when the set is drawn for this plan.
        bench_seconds: how long each file is timed.
        page: the name of its page of results; empty for the plan's name.
    """

    name: str
    networks: tuple[Network, ...]
    input_size: int
    train: tuple[str, ...]
    compress: tuple[str, ...]
    int8: tuple[str, ...]
    clip_frames: int = 0
    drawn: tuple[int, int] | None = None
    bench_seconds: float = 1.0
    page: str = ""


@dataclass(frozen=True)
class Step:
    """One command of a chain.

    Attributes:
        argv: the command with its options.
        done: the file that exists when the command has been run.
        resumable: whether the command takes ``--resume``.
    """

    argv: tuple[str, ...]
    done: Path
    resumable: bool = False


@dataclass(frozen=True)
class Variant:
    """One row of the final table, which is a model file of a network.

    Attributes:
        network: the network.
        step: what the row is called in the table.
        target: the bundle or file.
        backend: the backend that runs it.
        precision: the precision of a bundle's file; None for a bare file.
        camera: options of ``edge-camera`` for this file.
    """

    network: str
    step: str
    target: Path
    backend: str
    precision: str | None = None
    camera: tuple[str, ...] = field(default=())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PLANS = {
    # Chosen by trial for two cores: 32x32 images, as much resolution kept as a minute or two of training allows.
    "demo": Plan(
        "demo",
        (
            Network("shufflenet_v2", _words("--width 0.5 --downsample 16 --epochs 12")),
            Network("mobilenet_v2", _words("--width 0.35 --downsample 16 --epochs 12")),
        ),
        input_size=32,
        train=_words(
            "--batch 48 --optimizer adamw --learning-rate 0.003 --weight-decay 0.02 "
            "--warmup 1 --crop 2 --label-smoothing 0"
        ),
        compress=_words("--prune 0.5 --prune-epochs 2 --qat --qat-epochs 1 --batch 48 --crop 2"),
        int8=_words("--min-agreement 95 --max-drop 1"),
        clip_frames=240,
        drawn=(600, 100),
        bench_seconds=0.5,
    ),
    "cifar10": Plan(
        "cifar10",
        (
            Network(
                "shufflenet_v2",
                _words(
                    "--width 0.5 --epochs 7 --learning-rate 0.05 --warmup 0.5 "
                    "--cutout 8 --label-smoothing 0.05 --average 0.5 --seed 2"
                ),
                _words("--qat --qat-epochs 1 --seed 1"),
                first=_words("--width 0.5 --epochs 36 --label-smoothing 0.05 --seed 1"),
            ),
            Network(
                "mobilenet_v2",
                _words("--width 0.5 --downsample 16 --epochs 24 --label-smoothing 0 --seed 1"),
                _words("--qat --qat-epochs 3 --seed 1"),
            ),
        ),
        input_size=32,
        train=(),
        compress=(),
        int8=_words("--min-agreement 97 --max-drop 0.5"),
    ),
}


def plan(name: str) -> Plan:
    """Return the plan called ``name``.

    Raises:
        InputError: there is no such plan.
    """
    if name not in PLANS:
        raise unknown_name("plan", name, PLANS)
    return PLANS[name]


def only(plan: Plan, name: str) -> Plan:
    """Return the plan for one of its networks, with a page of its own.

    Raises:
        InputError: the plan has no such network.
    """
    chosen = tuple(network for network in plan.networks if network.name == name)
    if not chosen:
        raise unknown_name("network of the plan", name, [network.name for network in plan.networks])
    return replace(plan, networks=chosen, page=f"{plan.name}-{name}")


def network_steps(plan: Plan, network: Network, data: str, out: Path) -> Iterator[Step]:
    """Yield the commands that make two verified bundles of a network.

    Args:
        plan: the plan.
        network: a network of the plan.
        data: what ``--data`` gets.
        out: the folder of the chain, in which each network has its own.
    """
    home = out / network.name
    fitted, small = home / "float", home / "small"
    size = ("--input-size", str(plan.input_size))
    common = ("edge-train", network.name, "--data", data, *size, *plan.train)
    weights: tuple[str, ...] = ()
    if network.first is not None:
        first = home / "first"
        yield Step((*common, "--out", str(first), *network.first), first / "train.json", resumable=True)
        weights = ("--weights", str(first / "model.keras"))
    yield Step((*common, "--out", str(fitted), *weights, *network.train), fitted / "train.json", resumable=True)
    compress = ("edge-compress", str(fitted / "model.keras"), "--data", data, "--out", str(small))
    yield Step((*compress, *plan.compress, *network.compress), small / "compress.json", resumable=True)
    float_files = ("--tflite", "float32", "--onnx", "float32")
    yield _convert(fitted / "model.keras", home / "float32.edge", data, float_files)
    yield _convert(small / "model.h5", home / "int8.edge", data, plan.int8)


def _convert(model: Path, bundle: Path, data: str, options: tuple[str, ...]) -> Step:
    return Step(("edge-convert", str(model), "--out", str(bundle), "--verify", data, *options), bundle)


def variants(plan: Plan, network: Network, out: Path) -> Iterator[Variant]:
    """Yield the rows of the final table for one network, in the order of the chain."""
    home = out / network.name
    whole, small = home / "float32.edge", home / "int8.edge"
    yield Variant(network.name, "float32 TFLite", whole, "litert", "float32")
    yield Variant(network.name, "float32 ONNX", whole, "onnxruntime", "float32")
    if "--prune" in (*plan.compress, *network.compress):
        pruned = home / "small" / "prune.tflite"
        labels = ("--labels", str(home / "small" / "labels.txt"))
        yield Variant(network.name, "pruned TFLite", pruned, "litert", None, labels)
    yield Variant(network.name, "int8 TFLite", small, "litert", "int8")
    yield Variant(network.name, "int8 ONNX", small, "onnxruntime", "int8")
