"""The section of the report's page that says how the files were made, and what made them."""

from collections.abc import Mapping
from typing import Any

from edge.deploy.conversion_report.elements import Cell, Column, Html, facts, section, size, table, text

Report = Mapping[str, Any]
SAMPLES_SHOWN = 12
FIXES_SHOWN = 6


def making(report: Report) -> str:
    """Return the command, the model, what it takes and gives, the calibration, the stages and the tools."""
    model, task, calibration = report["model"], report["task"], report["calibration"]
    labels = task["labels"]
    rows: list[tuple[str, Cell]] = [
        ("model", f"{model['name']}, {size(model['bytes'])}" if model["bytes"] else model["name"]),
        ("SHA-256", Html(f"<code>{text(model['sha256'])}</code>") if model["sha256"] else None),
        ("weights", _weights(model)),
        ("task", " by ".join(filter(None, (task["name"], task["decoder"])))),
        *(("input", _input(entry)) for entry in task["inputs"]),
        *(("output", f"{one['name']} {_shape(one)}, {one['role']}") for one in task["outputs"]),
        ("labels", f"{len(labels)}: {', '.join(labels[:20])}{' …' if len(labels) > 20 else ''}" if labels else None),
        *(("assumed", note) for note in task["assumed"]),
        ("calibration", _calibration(calibration) if calibration else None),
    ]
    return section(
        "How it was made",
        f"<pre>{text(report['command'])}</pre>",
        facts(rows),
        _stages(report["stages"]),
        _tools(report),
    )


def _weights(model: Report) -> str:
    if not model["trained"]:
        return "random, not trained"
    return "trained quantization-aware" if model["quantize_aware"] else "trained"


def _shape(entry: Report) -> str:
    return f"{' x '.join(map(str, entry['shape']))} {entry['dtype']}"


def _input(entry: Report) -> str:
    form = entry["format"]
    if form is None:
        return f"{entry['name']} {_shape(entry)}"
    mean, std = (", ".join(f"{value:g}" for value in form[key]) for key in ("mean", "std"))
    return f"{entry['name']} {_shape(entry)}, {form['colour']} {form['resize']}, (pixel - {mean}) / {std}"


def _calibration(found: Report) -> Html:
    head = f"{len(found['samples'])} sample(s) of {found['data']}, seed {found['seed']}, method {found['method']}"
    names = ", ".join(found["samples"][:SAMPLES_SHOWN])
    more = f" and {len(found['samples']) - SAMPLES_SHOWN} more" if len(found["samples"]) > SAMPLES_SHOWN else ""
    return Html(f"{text(head)}<br><small>{text(names + more)}</small>")


def _stages(rows: list[Report]) -> str:
    total = sum(row["seconds"] for row in rows) or 1.0
    bars = "".join(
        f'<span style="width:{100 * row["seconds"] / total:.2f}%" title="{text(row["stage"])}"></span>' for row in rows
    )
    words = ", ".join(f"{row['stage']} {row['seconds']:.1f} s" for row in rows)
    return f'<h3>Time</h3><div class="stages">{bars}</div><p class="muted">{text(words)}; {total:.1f} s in all.</p>'


def _tools(report: Report) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in report["tools"].items())
    device = report["device"]
    machine = f"{device['model']}, {device['cores']} core(s), {device['memory_mb']} MiB, {device['os']}"
    return f"<h3>Tools and machine</h3><p class=muted>{text(tools)}.<br>{text(machine)}.</p>"


def placements(report: Report) -> str:
    """Return where the operations of each file run, by check."""
    rows = report["placements"]
    if not rows:
        return ""
    columns = [Column("file"), Column("runs on"), Column("result", prose=True)]
    return section("Where it runs", table(columns, [[row["file"], row["check"], _placement(row)] for row in rows]))


def _placement(row: Report) -> Html:
    lines = [text(row["headline"]), *(f"<small>{text(line)}</small>" for line in row["lines"])]
    left = [f"{each['op']} ({each['index']}): {each['reason']}; {each['fix']}" for each in row["left"]]
    shown = "".join(f"<li><small>{text(line)}</small></li>" for line in dict.fromkeys(left[:FIXES_SHOWN]))
    more = f"<details><summary><small>what would mend it</small></summary><ul>{shown}</ul></details>" if shown else ""
    return Html("<br>".join(lines) + more)
