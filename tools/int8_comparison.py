"""``python -m tools.int8_comparison --shared DIR --out docs/results`` quantizes networks with EdgeKit and with others.

All tools get the same float network and the same calibration samples, and all files run on the same held-out samples.
Files and comparisons that are done stay in ``--work`` and are not done again.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.sampling import choose_samples
from edge.cli import _main
from edge.deploy import parity, pixel_ranges
from edge.deploy._threads import one_blas_thread
from edge.deploy.conversion import float_tflite, produce
from edge.deploy.conversion.file_precision import file_precision
from edge.deploy.conversion.post_training import Bounds
from edge.deploy.conversion.recipe import ConvertedArtifact, Recipe
from edge.deploy.conversion.source import SourceModel, open_source
from edge.deploy.conversion.tensor_names import find_names
from edge.deploy.samples import CALIBRATION, VERIFICATION, NetworkInfo, Sample, Samples, open_samples
from edge.deploy.signature import Pixels, SignatureOptions, find_signature
from edge.labels import read_plain
from edge.manifest import Artifact, StoredFile
from edge.tasks.difference import Difference, decibel
from edge.tensors import Outputs
from tools import int8_page, int8_peers
from tools.int8_logits import real_outputs, without_softmax
from tools.speech_commands import speech_samples

OURS = "EdgeKit"
OURS_ONNX = "EdgeKit, ONNX"


@dataclass(frozen=True)
class Network:
    """One row of the comparison.

    Attributes:
        model: what ``open_source`` opens, or a file below the shared folder.
        data: the data set, below the folder ``data`` of the shared folder.
        options: what nothing else states about the network.
        speech: whether the data are sounds for MLPerf Tiny's keyword spotting.
    """

    model: str
    data: str
    options: SignatureOptions = field(default_factory=SignatureOptions)
    speech: bool = False

    def open(self, shared: Path, folder: Path) -> SourceModel:
        """Open the model. A file with dynamic ranges is compared by what it computes with float32 activations."""
        path = shared / self.model
        if path.suffix == ".tflite" and file_precision(path) != "float32":
            target = folder / path.name
            target.write_bytes(float_tflite.to_float32(path.read_bytes()))
            path = target
        return open_source(str(path) if path.exists() else self.model)

    def samples(self, shared: Path, network: NetworkInfo, splits: tuple[str, ...], count: int) -> Samples:
        """Choose samples of a part of the data set. Words for keyword spotting have no parts: two seeds divide them."""
        path = shared / "data" / self.data
        if not self.speech:
            return open_samples(path, network, splits, lambda classes: choose_samples(classes, count))
        first = 0 if splits == CALIBRATION else SPEECH_CALIBRATION
        return speech_samples(
            path, network.name, lambda classes: np.random.default_rng(0).permutation(len(classes))[first:][:count]
        )


SPEECH_CALIBRATION = 500
"""The sounds that calibration may choose from; others are held out."""

TINY = "models/mlperf_tiny"
NETWORKS = {
    "mobilenet_v2_cifar10": Network("zoo:mobilenet_v2_cifar10", "cifar10-jpeg.zip"),
    "shufflenet_v2_cifar10": Network("zoo:shufflenet_v2_cifar10", "cifar10-jpeg.zip"),
    "ds_cnn_fsdd": Network("zoo:ds_cnn_fsdd", "fsdd.zip"),
    "unet_membrane": Network("zoo:unet_membrane", "membrane.zip"),
    "ssdlite_shufflenet_v2_bccd": Network("zoo:ssdlite_shufflenet_v2_bccd", "bccd.zip"),
    "MLPerf Tiny ResNet-8": Network(
        f"{TINY}/pretrainedResnet.h5", "cifar10-jpeg.zip", SignatureOptions(pixels=Pixels((0.0,), (1.0,)))
    ),
    "MLPerf Tiny keyword spotting": Network(
        f"{TINY}/kws_ref_model_float32.tflite", "fsdd.zip", SignatureOptions("classify", kind="tensor"), speech=True
    ),
}
"""The networks by their name in the table."""


def compare(name: str, shared: Path, counts: tuple[int, int], folder: Path) -> dict[str, Any]:
    """Quantize one network with every tool, and compare every file with the network.

    Args:
        name: a key of NETWORKS.
        shared: the shared folder.
        counts: how many samples to calibrate and to compare on.
        folder: where the files are written.

    Returns:
        The numbers of samples, and for each tool the figures of its file.
    """
    row = NETWORKS[name]
    source = row.open(shared, folder)
    network = _network(source, row.options, folder)
    calibration = _read(row.samples(shared, network, CALIBRATION, counts[0]))
    held_out = _read(row.samples(shared, network, VERIFICATION, counts[1]))
    bounds = pixel_ranges.bounds_of(network, raw_bytes=False)
    files = _quantized(name, source, [dict(one.inputs) for one in calibration], bounds, folder)
    expected = parity.reference_outputs(source, held_out)
    logits = _logits(folder / "model_float32.tflite", source, held_out)
    tools = {}
    for tool, path in files.items():
        print(f"{name}: comparing {tool}", flush=True)
        tools[tool] = _compared(path, source, network, held_out, expected)
        if logits is not None:
            got = _logits(path, source, held_out)
            tools[tool]["logits_snr"] = None if got is None else _snr(logits, got)
    return {"calibration": len(calibration), "held_out": len(held_out), "tools": tools}


def _network(source: SourceModel, options: SignatureOptions, folder: Path) -> NetworkInfo:
    """Return what is known of a network; its labels are those of its weights."""
    labels = tuple(read_plain(source.labels)) if source.labels else ()
    found = find_signature(source, options, lambda: produce.first_file(source, folder))
    specs = {spec.name: spec for spec in source.inputs}
    return NetworkInfo(found.signature, specs, labels or found.labels, source.record or {}, source.folder)


def _read(samples: Samples) -> list[Sample]:
    return [sample for sample in samples.read() if sample is not None]


def _quantized(
    name: str, source: SourceModel, samples: Sequence[Mapping[str, NDArray[Any]]], bounds: Bounds, folder: Path
) -> dict[str, Path]:
    """Return the int8 file of each tool: ours as ``edge-convert`` makes it, then the others.

    ``edge-convert`` knows what pixels can hold, the bounds; the others have what the samples show.
    """
    files = {OURS: folder / "model_int8.tflite", OURS_ONNX: folder / "model_int8.onnx"}
    if not files[OURS_ONNX].exists():
        print(f"{name}: quantizing with {OURS}", flush=True)
        recipe = Recipe(("float32", "int8"), ("float32", "int8"))
        with one_blas_thread():
            produce.make(source, recipe, samples, folder, bounds=bounds)
    given = int8_peers.FloatNetwork(source, folder / "model_float32.tflite", folder / "model_float32.onnx", samples)
    for tool, peer in int8_peers.installed().items():
        files[tool] = folder / int8_peers.FILES[tool]
        if not files[tool].exists():
            print(f"{name}: quantizing with {tool}", flush=True)
            peer(given, files[tool])
    return files


def _compared(
    path: Path, source: SourceModel, network: NetworkInfo, samples: Sequence[Sample], expected: Sequence[Outputs]
) -> dict[str, Any]:
    """Return the figures of a file by its task's measure, and the signal-to-noise ratio of each output in dB."""
    artifact = Artifact(path.suffix[1:], "int8", (StoredFile(path.name),), "cpu", find_names(path, source))
    by_output = {spec.name: Difference() for spec in source.outputs}
    with parity.open_session(ConvertedArtifact(path, artifact), source.name, network) as session:
        comparer = session.task.comparer()
        for sample, reference in zip(samples, expected, strict=True):
            got = session.run(sample.inputs)
            comparer.add(reference, got, sample.placement, sample.truth)
            for name, difference in by_output.items():
                difference.add({name: reference[name]}, {name: got[name]})
    return {**comparer.figures().as_json(), "snr_by_output": {name: one.snr for name, one in by_output.items()}}


def _logits(path: Path, source: SourceModel, samples: list[Sample]) -> NDArray[np.float32] | None:
    """Return what the file's softmax reads for each sample; None for a file without a softmax."""
    cut = without_softmax(path)
    return None if cut is None else real_outputs(cut, samples, dict(find_names(path, source).inputs))


def _snr(expected: NDArray[np.float32], got: NDArray[np.float32]) -> float:
    """Return the signal-to-noise ratio in dB."""
    return decibel(float(np.square(expected, dtype=np.float64).sum()), float(np.square(got - expected).sum()))


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser("python -m tools.int8_comparison", description=__doc__)
    p.add_argument(
        "--shared", type=Path, required=True, metavar="DIR", help="folder with data/ and models/mlperf_tiny/"
    )
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for int8-peers.md and .json")
    p.add_argument("--work", type=Path, default=Path("runs/int8-peers"), metavar="DIR",
                   help="folder for the files and for what is done (default runs/int8-peers)")  # fmt: skip
    p.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NAME",
                   help="networks to compare (default: all)")  # fmt: skip
    p.add_argument("--samples", type=int, default=200, metavar="N", help="samples to calibrate on (default 200)")
    p.add_argument("--held-out", type=int, default=1000, metavar="N",
                   help="samples to compare on; all where there are fewer (default 1000)")  # fmt: skip
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    _main.quiet_tensorflow()
    found = {}
    for name in a.networks:
        folder = a.work / name.replace(" ", "_")
        done = folder / "compared.json"
        if not done.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _main.write_json(done, compare(name, a.shared, (a.samples, a.held_out), folder))
        found[name] = json.loads(done.read_text(encoding="utf-8"))
    command = f"python -m tools.int8_comparison --samples {a.samples} --held-out {a.held_out}"
    int8_page.write(a.out, found, command)
    print(int8_page.verdict(found))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
