"""``python -m tools.records RUN… --out DIR``: finished trainings as a page: figures, commands, pictures."""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.cli import _main
from edge.errors import FileError
from edge.files import replaced

COLUMNS = ("network", "data", "figure", "value", "reported on", "epochs", "minutes", "parameters", "MACs")


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser(
        "python -m tools.records", description="Keep the records of finished trainings as one page."
    )
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders that edge-train has finished")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="for NAME.md, NAME.json and the pictures")
    p.add_argument("--name", default="tasks", help="of the page (default tasks)")
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    records = [_read(run) for run in a.runs]
    a.out.mkdir(parents=True, exist_ok=True)
    pictures = [_keep_pictures(run, record, a.out, a.name) for run, record in zip(a.runs, records, strict=True)]
    with replaced(a.out / f"{a.name}.md") as temporary:
        temporary.write_text(page(a.name, records, pictures), encoding="utf-8")
    _main.write_json(a.out / f"{a.name}.json", records)
    print(f"{len(records)} record(s) in {a.out / a.name}.md")


def _read(run: Path) -> dict[str, Any]:
    path = run / "train.json"
    if not path.is_file():
        raise FileError(f"{run} holds no finished training: train.json is missing")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _keep_pictures(run: Path, record: dict[str, Any], out: Path, name: str) -> list[str]:
    """Copy what the training drew; return the names, the curves last."""
    found = sorted(run.glob("*.png"), key=lambda path: path.name == "curves.png")
    kept = [f"{name}-{record['network']}-{path.name}" for path in found]
    for path, target in zip(found, kept, strict=True):
        shutil.copyfile(path, out / target)
    return kept


def page(name: str, records: Sequence[dict[str, Any]], pictures: Sequence[Sequence[str]]) -> str:
    """Return the page as Markdown."""
    lines = [f"# {name}", "", "Written by `python -m tools.records` from the records of `edge-train`.", ""]
    lines += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * 3}{'---:|' * (len(COLUMNS) - 3)}"]
    lines += [f"| {' | '.join(_row(record))} |" for record in records]
    for record, drawn in zip(records, pictures, strict=True):
        lines += _section(record, drawn)
    return "\n".join([*lines, ""])


def _row(record: dict[str, Any]) -> list[str]:
    metric = record["headline"]
    return [
        record["network"],
        record["data"]["name"],
        metric,
        f"{record[metric]:.4f}",
        f"{record['images']['report']:,}",
        str(record["epochs"]),
        f"{record['seconds'] / 60:.1f}",
        f"{record['trainable']:,}",
        f"{record['macs']:,}",
    ]


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


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
