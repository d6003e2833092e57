"""Keep what a finished chain found: a page, a picture and a record for the documentation; weights with their cards."""

import json
import shutil
from pathlib import Path
from typing import Any

from edge import files
from edge.bundle import open_bundle
from edge.errors import FileError
from tools.plans import Network, Plan, network_steps


def publish(plan: Plan, out: Path, data: str, results: Path, weights: Path) -> None:
    """Write ``results/<page>.{md,json,png}`` and, unless the data were drawn, each network's weights and card."""
    if not (out / "report.json").is_file():
        raise FileError(f"{out} holds no finished chain: report.json is missing")
    results.mkdir(parents=True, exist_ok=True)
    report = _read(out / "report.json")
    networks = {network.name: _facts(plan, network, Path(data).name, out) for network in plan.networks}
    page = plan.page or plan.name
    (results / f"{page}.json").write_text(json.dumps({**report, "networks": networks}, indent=2) + "\n")
    (results / f"{page}.md").write_text(_page(plan, page, out, report, networks), encoding="utf-8")
    shutil.copyfile(out / "report.png", results / f"{page}.png")
    for network in plan.networks if plan.drawn is None else ():
        _release(plan, network, networks[network.name], out, weights)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _facts(plan: Plan, network: Network, data: str, out: Path) -> dict[str, Any]:
    """Return everything the commands recorded of one network. The data set's folder is not part of it."""
    home = out / network.name
    bundles = {name: open_bundle(home / f"{name}.edge").manifest for name in ("float32", "int8")}
    return {
        "commands": [" ".join(step.argv) for step in network_steps(plan, network, data, Path("out"))],
        "first": _read(home / "first" / "train.json") if network.first is not None else None,
        "training": _read(home / "float" / "train.json"),
        "compression": _read(home / "small" / "compress.json"),
        "parity": {name: manifest.measured["parity"] for name, manifest in bundles.items()},
        "tools": bundles["int8"].provenance["tools"],
    }


def _page(plan: Plan, page: str, out: Path, report: dict[str, Any], networks: dict[str, Any]) -> str:
    table = (out / "report.md").read_text(encoding="utf-8").split("\n\n")[1]
    only = f" --only {plan.networks[0].name}" if plan.page else ""
    options = f"{only}{'' if plan.drawn else ' --data …'}"
    lines = [
        f"# {page}",
        "",
        f"Written by `python -m tools.chain {plan.name}{options} --out out --publish`.",
        "",
    ]
    lines += [table, "", f"![accuracy against latency]({page}.png)", ""]
    device = report["device"]
    lines += [f"Latency: one thread on {device['model']}, {device['cores']} cores.", ""]
    for name, facts in networks.items():
        lines += _section(name, facts)
    return "\n".join(lines)


def _section(name: str, facts: dict[str, Any]) -> list[str]:
    training, steps = facts["training"], facts["compression"]["steps"]
    images = training["images"]
    tools = ", ".join(f"{tool} {version}" for tool, version in facts["tools"].items())
    lines = [f"## {name}", ""]
    lines += [
        f"{training['trainable']:,} trainable parameters, {training['macs']:,} multiply-accumulates. "
        f"{training['epochs']} epochs on {images['train']:,} images, seed {training['settings']['seed']}, "
        f"{training['seconds'] / 60:.0f} minutes on {training['machine']}, interruptions included; "
        f"tested on {images['report']:,} images.",
        "",
    ]
    if facts["first"]:
        before = facts["first"]
        lines.append(
            f"- first training: {100 * before['accuracy']:.2f} % after {before['epochs']} epochs and "
            f"{before['seconds'] / 60:.0f} minutes, seed {before['settings']['seed']}; the second's figures stand above"
        )
    lines += [f"- {s['step']}: {100 * s['accuracy']:.2f} %, {s['seconds'] / 60:.0f} minutes" for s in steps]
    for comparisons in facts["parity"].values():
        for c in comparisons:
            snr = "exact" if c["snr"] is None else f"{c['snr']:.1f} dB"
            lines.append(
                f"- `{c['candidate']}` agrees with {c['reference']} on {c['agreement']:.2f} % of {c['samples']:,} "
                f"test images ({c['quality']:.2f} % against {c['reference_quality']:.2f} %, {snr})"
            )
    return [*lines, "", "```", *facts["commands"], "```", "", tools + ".", ""]


def _release(plan: Plan, network: Network, facts: dict[str, Any], out: Path, weights: Path) -> None:
    name = f"{network.name}_{plan.name}"
    source, target = out / network.name, weights / f"{name}.keras"
    shutil.copyfile(source / "float" / "model.keras", target)
    shutil.copyfile(source / "small" / "labels.txt", weights / f"{name}.txt")
    shutil.copyfile(source / "int8.edge", weights / f"{name}_int8.edge")
    card = {
        "name": name,
        "file": target.name,
        "sha256": files.sha256(target),
        "int8": f"{name}_int8.edge",
        "commands": [command for command in facts["commands"] if command.startswith("edge-train ")],
        "licence": "Apache-2.0",
        **facts["training"],
    }
    (weights / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
