"""Pieces of HTML that the sections of the page share. Every text from outside is escaped here or by ``text``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Html:
    """Text that is HTML already."""

    markup: str


Cell = str | float | int | Html | None


def text(value: Cell) -> str:
    """Return a value as HTML: escaped unless it is HTML already, and a dash for None."""
    if value is None:
        return "-"
    return value.markup if isinstance(value, Html) else escape(str(value))


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        title: its heading.
        number: whether its cells are numbers, which stand to the right.
        prose: whether its cells are sentences, which may have several lines.
    """

    title: str
    number: bool = False
    prose: bool = False

    @property
    def kind(self) -> str:
        """The attribute of its cells."""
        return ' class="number"' if self.number else ' class="prose"' if self.prose else ""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], marked: Sequence[bool] = ()) -> str:
    """Return a table.

    Args:
        columns: its columns.
        rows: the cells of each row.
        marked: for each row whether it is shown as bad. Empty marks none.
    """
    kinds = [column.kind for column in columns]
    head = "".join(f"<th{kind}>{text(column.title)}</th>" for column, kind in zip(columns, kinds, strict=True))
    lines = []
    for place, row in enumerate(rows):
        cells = "".join(f"<td{kind}>{text(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        lines.append(f'<tr class="bad">{cells}</tr>' if marked and marked[place] else f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def facts(rows: Iterable[tuple[str, Cell]]) -> str:
    """Return a table of names and values. Rows whose value is None are left out."""
    lines = (f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows if value is not None)
    return f'<div class="scroll"><table class="facts"><tbody>{"".join(lines)}</tbody></table></div>'


def section(title: str, *parts: str) -> str:
    """Return a section of the page."""
    return f"<section><h2>{text(title)}</h2>{''.join(parts)}</section>"


def card(title: str, value: str, note: str = "") -> str:
    """Return a card with one large figure."""
    return f'<div class="card"><small>{text(title)}</small><b>{text(value)}</b><small>{text(note)}</small></div>'


def with_bar(value: str, share: float) -> Html:
    """Return a figure with a bar below it, whose length is a share from 0 to 1."""
    return Html(f'{text(value)}<div class="bar" style="width:{100 * max(0.0, min(1.0, share)):.1f}%"></div>')


def size(count: float | None) -> str:
    """Return a number of bytes in KiB or MiB."""
    if count is None:
        return "-"
    return f"{count / 1024:,.0f} KiB" if count < 10 * 1024**2 else f"{count / 1024**2:,.1f} MiB"


def decibel(value: Any) -> str:
    """Return a signal-to-noise ratio; None stands for an infinite one."""
    return "exact" if value is None else f"{value:.1f} dB"


def figure(value: float | None, unit: str) -> str:
    """Return a measured value with its unit; None stands for equal outputs."""
    if value is None:
        return "equal"
    return f"{value:.2f} {unit}" if unit in ("%", "dB") else f"{value:.4f} {unit}".strip()
