"""The sections of the report's page, each made from the JSON object of the report."""

import base64
from collections.abc import Mapping
from typing import Any

from edge.deploy.conversion_report.elements import (
    Cell,
    Column,
    Html,
    card,
    decibel,
    figure,
    section,
    size,
    table,
    text,
    with_bar,
)
from edge.deploy.conversion_report.layer_chart import layer_chart
from edge.deploy.parity import THE_MODEL

Report = Mapping[str, Any]
SHOWN = 10
"""The layers in the table of those that lose most."""


def summary(report: Report) -> str:
    """Return the cards with the figures that matter most: of the int8 file beside the float32 file."""
    by_precision = {row["precision"]: row for row in reversed(report["files"])}  # TFLite stands before ONNX
    small = by_precision.get("int8") or report["files"][-1]
    large = by_precision.get("float32")
    cards = [
        card(f"{small['precision']} file", size(small["bytes"]), _times(large, small, "bytes", ("smaller", "larger")))
    ]
    timing = small["latency"]
    faster = _times(large and large["latency"], timing, "median_ms", ("faster", "slower"))
    cards.append(card("one run here, one thread", f"{timing['median_ms']:.3g} ms", faster))
    row = next(
        (r for r in report["comparisons"] if r["candidate"] == small["file"] and "model" in r["reference"]), None
    )
    if row:
        unit = row["unit"]
        needed = f"at least {figure(row['least'], unit)} needed" if row["least"] is not None else ""
        cards.append(card(f"{row['measure']}, as the model", figure(row["agreement"], unit), needed))
        if row["quality"] is not None:
            was = f"the model has {row['reference_quality']:.2f}"
            cards.append(card(row["quality_name"], f"{row['quality']:.2f}", was))
    return f'<div class="cards">{"".join(cards)}</div>'


def _times(large: Report | None, small: Report, key: str, word: tuple[str, str]) -> str:
    if not large or large is small or not small[key]:
        return ""
    ratio = large[key] / small[key]
    better, worse = word
    return f"{ratio:.1f} times {better} than float32" if ratio >= 1 else f"{1 / ratio:.1f} times {worse} than float32"


def files(report: Report) -> str:
    """Return the table of the files."""
    most = max(row["bytes"] for row in report["files"])
    slowest = max(row["latency"]["median_ms"] for row in report["files"])
    columns = [
        Column("file"), Column("precision"), Column("size", True), Column("median", True),
        Column("90 % of runs", True), Column("runtime"), Column("SHA-256"),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for row in report["files"]:
        timing = row["latency"]
        median = with_bar(f"{timing['median_ms']:.3f} ms", timing["median_ms"] / slowest)
        digest = Html(f'<code title="{text(row["sha256"])}">{text(row["sha256"][:12])}…</code>')
        bytes_ = with_bar(size(row["bytes"]), row["bytes"] / most)
        ninety = f"{timing['p90_ms']:.3f} ms"
        rows.append([row["file"], row["precision"], bytes_, median, ninety, timing["backend"], digest])
    device = report["device"]
    note = f"Single runs on one thread of this machine: {device['model']}, {device['arch']}, {device['os']}."
    return section("Files", table(columns, rows), f'<p class="muted">{text(note)}</p>')


def verification(report: Report) -> str:
    """Return the table of the comparisons with their budgets, the failed ones in red."""
    rows = sorted(report["comparisons"], key=lambda row: row["reference"] != THE_MODEL)
    if not rows:
        return section("Verification", '<p class="muted">The files were not compared with the model: no --verify.</p>')
    columns = [
        Column("file"), Column("compared with"), Column("agreement", True), Column("needed", True),
        Column("signal to noise", True), Column("largest error", True), Column("quality", True), Column("verdict"),
    ]  # fmt: skip
    cells = [_compared(row) for row in rows]
    parts = [table(columns, cells, [row["complaint"] is not None for row in rows])]
    quality = next((row["quality_name"] for row in rows if row["quality_name"]), None)
    note = f"On {rows[0]['samples']} sample(s). Agreement is {rows[0]['measure']}."
    if quality:
        note += f" Quality is {quality}, with that of the reference in brackets."
    return section("Verification", *parts, f'<p class="muted">{text(note)}</p>')


def _compared(row: Report) -> list[Cell]:
    needed = f"{row['least_snr']:g} dB" if row["least"] is None else figure(row["least"], row["unit"])
    quality = None if row["quality"] is None else f"{row['quality']:.2f} ({row['reference_quality']:.2f})"
    words = ("bad", "over its budget") if row["complaint"] else ("good", "kept")
    verdict = Html(f'<span class="{words[0]}">{words[1]}</span>')
    agreement = figure(row["agreement"], row["unit"])
    error = f"{row['max_error']:.3g}"
    ends: list[Cell] = [agreement, needed, decibel(row["snr"]), error, quality, verdict]
    return [row["candidate"], row["reference"], *ends]


def explanation(report: Report) -> str:
    """Return the chart of all layers, those that lose most, and what was tried; nothing without ``--explain``."""
    found = report["explanation"]
    if found is None:
        return ""
    by_name = {layer["tensor"]: layer for layer in found["layers"]}
    columns = [
        Column("layer"), Column("operation"), Column("part of the noise", True), Column("outputs", True),
        Column("layer alone", True), Column("in the file", True), Column("step", True), Column("clipped", True),
    ]  # fmt: skip
    worst = [_layer(by_name[name]) for name in found["worst"][:SHOWN]]
    note = (
        f"Measured on {found['samples']} sample(s). The column outputs has the signal-to-noise ratio at the network's "
        "outputs, before a last softmax or sigmoid, where this layer alone is int8; the column layer alone that of its "
        "own output then; the column in the file that of its output with the errors of all layers before it."
    )
    return section(
        f"What {found['file']} loses, layer by layer",
        layer_chart(found["layers"]),
        "<h3>Layers that lose most</h3>",
        table(columns, worst),
        f'<p class="muted">{text(note)}</p>',
        "<h3>What was tried</h3>",
        _trials(found["trials"]),
        f'<p class="hint">{text(found["suggestion"][:1].upper() + found["suggestion"][1:])}.</p>',
    )


def _layer(layer: Report) -> list[Cell]:
    ratios = [decibel(layer[key]) for key in ("output_snr", "local_snr", "snr")]
    shares = [f"{100 * layer['share']:.1f} %", *ratios, f"{layer['step']:.3g}", f"{100 * layer['clipped']:.2f} %"]
    return [layer["layer"], layer["operation"], *shares]


def _trials(rows: list[Report]) -> str:
    columns = [Column("trial"), Column("signal to noise", True), Column("measure"), Column("agreement", True)]
    columns += [Column("quality", True), Column("samples", True)]
    cells: list[list[Cell]] = []
    for row in rows:
        found = row["figures"]
        quality = None if found["quality"] is None else f"{found['quality']:.2f} ({found['reference_quality']:.2f})"
        agreement = figure(found["agreement"], found["unit"])
        cells.append([row["what"], decibel(row["snr"]), found["measure"], agreement, quality, found["samples"]])
    return table(columns, cells)


def answers(report: Report, pictures: Mapping[str, bytes]) -> str:
    """Return samples with both answers: as pictures side by side, or as a table for other inputs."""
    found = report["answers"]
    if found is None:
        return ""
    head = f"Answers of {found['reference']} and of {found['candidate']}"
    note = '<p class="muted">Samples on which the two differ most come first.</p>'
    if not any(row["pictures"] for row in found["samples"]):
        columns = [Column("sample"), Column("truth", prose=True)]
        columns += [Column(found["reference"], prose=True), Column(found["candidate"], prose=True)]
        rows = [[row[key] for key in ("id", "truth", "reference", "candidate")] for row in found["samples"]]
        return section(head, note, table(columns, rows))
    cards = (_sample(row, found, pictures) for row in found["samples"])
    return section(head, note, f'<div class="samples">{"".join(cards)}</div>')


def _sample(row: Report, found: Report, pictures: Mapping[str, bytes]) -> str:
    truth = "" if row["truth"] is None else f", truly {row['truth']}"
    figures = []
    sides = ((found["reference"], row["reference"]), (found["candidate"], row["candidate"]))
    for name, (who, answer) in zip(row["pictures"], sides, strict=False):
        data = base64.b64encode(pictures[name]).decode()
        image = f'<img src="data:image/jpeg;base64,{data}" alt="{text(answer)}">'
        figures.append(f"<figure>{image}<figcaption><small>{text(who)}</small><br>{text(answer)}</figcaption></figure>")
    agreement = f"agreement {figure(row['agreement'], found['unit'])}"
    if row["agreement"] == 0:
        agreement = "the answers differ"
    head = f"<small>{text(row['id'])}{text(truth)} · {text(agreement)}</small>"
    return f'<div class="sample">{head}<div class="pair">{"".join(figures)}</div></div>'
