"""``python -m tools.records RUN… --out DIR``: finished trainings as a page: figures, files, commands, pictures.

A run with a bundle ``net.edge`` in it, which ``edge-convert`` made with ``--verify``, also gets a table of what was
measured from the converted files. ``--weights DIR`` keeps each run's weights, with a card, for a release.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from edge.bundle import open_bundle, write_bundle
from edge.cli import _main
from edge.errors import FileError
from edge.files import replaced, sha256

COLUMNS = ("network", "data", "figure", "value", "reported on", "epochs", "minutes", "parameters", "MACs")
FILES = ("network", "file", "KiB", "measure", "agreement", "quality", "of the file", "of the Keras model")
BUNDLE = "net.edge"
LARGEST_PNG = 200_000
"""Bytes."""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser(
        "python -m tools.records", description="Keep the records of finished trainings as one page."
    )
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders that edge-train has finished")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="for NAME.md, NAME.json and the pictures")
    p.add_argument("--name", default="tasks", help="name of the page (default tasks)")
    p.add_argument("--add", action="store_true", help="keep what the page has of other trainings (default: only RUN…)")
    p.add_argument("--weights", type=Path, metavar="DIR", help="also keep weights, card and int8 bundle of each run")
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    records = [read(run) for run in a.runs]
    a.out.mkdir(parents=True, exist_ok=True)
    for run, record in zip(a.runs, records, strict=True):
        _keep_pictures(run, record, a.out, a.name)
    shown = [*_others(a.out / f"{a.name}.json", records), *records] if a.add else records
    with replaced(a.out / f"{a.name}.md") as temporary:
        temporary.write_text(page(a.name, shown, [_pictures(a.out, a.name, one) for one in shown]), encoding="utf-8")
    _main.write_json(a.out / f"{a.name}.json", shown)
    if a.weights:
        for run, record in zip(a.runs, records, strict=True):
            release(run, record, a.weights)
    print(f"{len(shown)} record(s) in {a.out / a.name}.md")


def read(run: Path) -> dict[str, Any]:
    """Return the training's record, and under ``files`` what its bundle says of the converted files."""
    path = run / "train.json"
    if not path.is_file():
        raise FileError(f"{run} holds no finished training: train.json is missing")
    record = dict(json.loads(path.read_text(encoding="utf-8")))
    if (run / BUNDLE).exists():
        manifest = open_bundle(run / BUNDLE).manifest
        sizes = {artifact.file: artifact.bytes for artifact in manifest.artifacts}
        rows = [{**row, "bytes": sizes[row["candidate"]]} for row in manifest.measured["parity"]]
        record["files"] = {"rows": rows, "tools": manifest.provenance["tools"]}
    return record


def _others(path: Path, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of a page without those of the same network on the same data."""
    if not path.is_file():
        return []
    again = {(record["network"], record["data"]["name"]) for record in records}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [one for one in kept if (one["network"], one["data"]["name"]) not in again]


def _keep_pictures(run: Path, record: dict[str, Any], out: Path, name: str) -> None:
    """Copy what the training drew; photographs become JPEG files, which are a tenth as large."""
    for path in run.glob("*.png"):
        target = out / f"{name}-{record['network']}-{path.name}"
        if path.stat().st_size > LARGEST_PNG:
            target.unlink(missing_ok=True)
            cv2.imwrite(str(target.with_suffix(".jpg")), cv2.imread(str(path)), [cv2.IMWRITE_JPEG_QUALITY, 85])
        else:
            shutil.copyfile(path, target)


def _pictures(out: Path, name: str, record: dict[str, Any]) -> list[str]:
    """Return the names of a training's pictures, the curves last."""
    found = [path.name for path in out.glob(f"{name}-{record['network']}-*.*g")]
    return sorted(found, key=lambda one: ("curves" in one, one))


def page(name: str, records: Sequence[dict[str, Any]], pictures: Sequence[Sequence[str]]) -> str:
    """Return the page as Markdown."""
    lines = [f"# {name}", "", "Written by `python -m tools.records` from the records of `edge-train`.", ""]
    lines += _table(COLUMNS, [_row(record) for record in records], 3)
    converted = [row for record in records for row in _file_rows(record)]
    if converted:
        lines += ["", "## From the converted files", ""]
        lines += ["Measured by `edge-convert --verify` on the test set, each file in the runtime that it is for.", ""]
        lines += _table(FILES, converted, 2)
    for record, drawn in zip(records, pictures, strict=True):
        lines += _section(record, drawn)
    return "\n".join([*lines, ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> list[str]:
    """Return a table whose first ``texts`` columns are text and whose others are numbers."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * texts}{'---:|' * (len(head) - texts)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _row(record: dict[str, Any]) -> list[str]:
    metric = record["headline"]
    return [
        record["network"],
        _data(record),
        metric,
        f"{record[metric]:.4f}",
        f"{record['images']['report']:,}",
        str(record["epochs"]),
        f"{record['seconds'] / 60:.1f}",
        f"{record['trainable']:,}",
        f"{record['macs']:,}",
    ]


def _data(record: dict[str, Any]) -> str:
    """Return the data set's name; that of one of our own drawing says so."""
    name = str(record["data"]["name"])
    return f"{name} (drawn)" if name.startswith("scenes") else name


def _file_rows(record: dict[str, Any]) -> list[list[str]]:
    """Return a row for each comparison of a file with the Keras model or with another file."""
    rows = []
    for row in record.get("files", {}).get("rows", []):
        beside = "" if row["reference"] == "the model" else f" beside {row['reference']}"
        rows.append(
            [
                record["network"],
                f"{row['candidate']}{beside}",
                f"{row['bytes'] / 1024:.0f}",
                row["measure"],
                f"{row['agreement']:.2f} {row['unit']}" if row["unit"] else f"{row['agreement']:.4f}",
                row["quality_name"] or "",
                "" if row["quality"] is None else f"{row['quality']:.2f}",
                "" if row["reference_quality"] is None or beside else f"{row['reference_quality']:.2f}",
            ]
        )
    return rows


def _section(record: dict[str, Any], pictures: Sequence[str]) -> list[str]:
    lines = ["", f"## {record['network']}", ""]
    lines += [f"- {key}: {_shown(value)}" for key, value in record["figures"].items()]
    versions = ", ".join(f"{tool} {version}" for tool, version in record["versions"].items())
    lines += [
        "",
        "```",
        record["command"],
        "```",
        "",
        f"Seed {record['settings']['seed']}. {record['machine']}. {versions}.",
    ]
    for picture in pictures:
        lines += ["", f"![{picture}]({picture})"]
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    return str(value)


def release(run: Path, record: dict[str, Any], weights: Path) -> None:
    """Keep a run's weights, their labels and card, and its int8 files as a bundle, named by network and data."""
    name = f"{record['network']}_{Path(record['data']['name']).stem}"
    weights.mkdir(parents=True, exist_ok=True)
    target = weights / f"{name}.keras"
    shutil.copyfile(run / "model.keras", target)
    shutil.copyfile(run / "labels.txt", weights / f"{name}.txt")
    bundle = open_bundle(run / BUNDLE)
    int8 = tuple(artifact for artifact in bundle.manifest.artifacts if artifact.precision == "int8")
    sources = {stored.name: bundle.root / stored.name for artifact in int8 for stored in artifact.stored()}
    small = replace(bundle.manifest, artifacts=int8)
    write_bundle(weights / f"{name}_int8.edge", small, sources)
    card = {
        "name": name,
        "file": target.name,
        "sha256": sha256(target),
        "int8": f"{name}_int8.edge",
        "commands": [record["command"]],
        "licence": "Apache-2.0",
        **record,
    }
    (weights / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
