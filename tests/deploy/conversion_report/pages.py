"""Reads a report's page as a browser would: its tags, its text, and whatever it refers to."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs" / "conversion-report.schema.json").read_text())
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """tags: names of all. text: what is read. references: values of src, href and the like. open: tags not closed."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags, self.open, self.references, self.words = [], [], [], []
        self.feed(markup)
        self.close()
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "srcset", "xlink:href", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def read(folder: Path):
    """Return the JSON object and the page of a report, having checked what holds for all of them."""
    raw = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(raw, SCHEMA)
    markup = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(markup)
    assert page.open == []
    assert all(value.startswith("data:image/jpeg;base64,") for value in page.references)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"https?:|url\(|@import", markup)
    for row in raw["files"]:
        assert row["file"] in page.text
        assert f"{row['latency']['median_ms']:.3f} ms" in page.text
    assert raw["command"] in page.text
    return raw, page
