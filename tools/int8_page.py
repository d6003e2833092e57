"""``write`` keeps a comparison of int8 files as a page, with a row for each network and tool."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.cli import _main
from edge.files import replaced

NAME = "int8-peers"
OURS = ("EdgeKit", "EdgeKit, ONNX")
HEAD = ("network", "tool", "SNR dB", "of the logits", "measure", "agreement %", "quality", "of the float network")
PACKAGES = ("tensorflow", "ai-edge-litert", "ai-edge-quantizer", "onnxruntime")
ABOUT = """\
Each tool quantized the same float network with the same samples. All files ran on the same held-out samples, in LiteRT
or ONNX Runtime. SNR is the signal-to-noise ratio of all outputs, as real values, against the float network's. Where a
network ends in softmax, the ratio is also given for what the softmax reads, because the outputs of an int8 softmax have
steps of 1/256. "TFLite's converter" is TensorFlow's, "ai-edge-quantizer" its recipe `static_wi8_ai8`, and the two of
ONNX Runtime are `quantize_static` with `per_channel=True`, uint8 activations and int8 weights."""


def write(out: Path, found: Mapping[str, Any], command: str) -> None:
    """Write int8-peers.md and int8-peers.json.

    Args:
        out: the folder.
        found: what ``tools.int8_comparison.compare`` returned, by network.
        command: the command, for the page.
    """
    out.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in PACKAGES}
    with replaced(out / f"{NAME}.md") as temporary:
        temporary.write_text(page(found, command, versions), encoding="utf-8")
    _main.write_json(out / f"{NAME}.json", {"command": command, "versions": versions, "networks": found})


def page(found: Mapping[str, Any], command: str, versions: Mapping[str, str]) -> str:
    """Return the page as Markdown."""
    lines = ["# int8 after training, beside other tools", "", ABOUT, ""]
    lines += [f"| {' | '.join(HEAD)} |", "|---|---|---:|---:|---|---:|---:|---:|"]
    lines += [f"| {' | '.join(row)} |" for name, one in found.items() for row in _rows(name, one)]
    lines += ["", verdict(found), "", "| network | calibrated on | compared on |", "|---|---:|---:|"]
    lines += [f"| {name} | {one['calibration']} | {one['held_out']:,} |" for name, one in found.items()]
    lines += ["", "```", command, "```", "", ", ".join(f"{name} {number}" for name, number in versions.items()) + "."]
    return "\n".join([*lines, ""])


def _rows(name: str, one: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            name, tool, _snr(row), "" if row.get("logits_snr") is None else f"{row['logits_snr']:.1f}", row["measure"],
            f"{row['agreement']:.2f}", _quality(row, "quality"), _quality(row, "reference_quality"),
        ]
        for tool, row in one["tools"].items()
    ]  # fmt: skip


def _snr(row: Mapping[str, Any]) -> str:
    """Return the ratio of all outputs, or of each where there are several."""
    by_output = row["snr_by_output"]
    if len(by_output) == 1:
        return f"{row['snr']:.1f}"
    return ", ".join(f"{name} {value:.1f}" for name, value in by_output.items())


def _quality(row: Mapping[str, Any], key: str) -> str:
    return "" if row[key] is None else f"{row['quality_name']} {row[key]:.2f}"


def verdict(found: Mapping[str, Any]) -> str:
    """Return a sentence that says where the TFLite file of ``edge-convert`` is behind another tool's file."""
    behind = [
        f"{name}: {tool} has {label} {theirs:.2f}, EdgeKit {mine:.2f}"
        for name, one in found.items()
        for tool, row in one["tools"].items()
        if tool not in OURS
        for label, mine, theirs in _pairs(one["tools"][OURS[0]], row)
        if mine < theirs
    ]
    return f"EdgeKit's TFLite file is behind in: {'; '.join(behind)}." if behind else (
        "EdgeKit's TFLite file is at least as good as every other file, in every figure and on every network."
    )  # fmt: skip


def _pairs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    found = [("agreement", ours["agreement"], theirs["agreement"])]
    found += [(f"SNR of {name}", value, theirs["snr_by_output"][name]) for name, value in ours["snr_by_output"].items()]
    if ours.get("logits_snr") is not None and theirs.get("logits_snr") is not None:
        found.append(("SNR of the logits", ours["logits_snr"], theirs["logits_snr"]))
    return found
