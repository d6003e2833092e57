"""docs/sources.md: its commands and its Python run here, and its tables name what there is."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import cv2
import pytest

from edge.cli import camera
from edge.scenes import write_clip
from edge.sources import faulty, images
from edge.sources.options import SourceOptions
from tests.loops import picture

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\S*)\n(.*?)```", PAGE, re.DOTALL)
RUN = [line.removeprefix("$ ") for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
BUNDLE = ROOT / "models" / "weights" / "shufflenet_v2_cifar10_int8.edge"


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "net.edge").write_bytes(BUNDLE.read_bytes())
    write_clip(tmp_path / "clip.mp4", frames=4, size=(64, 48))
    (tmp_path / "photos" / "inner").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "photos" / "a.jpg"), picture())
    cv2.imwrite(str(tmp_path / "photos" / "inner" / "b.jpg"), picture())
    monkeypatch.chdir(tmp_path)


def test_every_block_is_run():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python"}
    assert len(RUN) == 5


@pytest.mark.parametrize("line", RUN)
def test_a_command_runs(here, line, capsys):
    name, *arguments = shlex.split(line)
    assert name == "edge-camera"
    assert camera.main(arguments) == 0
    assert re.search(r"^(1|2|4|20) frames?, ", capsys.readouterr().out, re.MULTILINE)


def test_the_python_runs(here, capsys):
    (code,) = [block for kind, block in BLOCKS if kind == "python"]
    exec(compile(code, "docs/sources.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0] == "0 0.0 (24, 64)"


def table_after(heading):
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| `")]
    return [re.match(r"\| `([a-z]+)", row)[1] for row in rows]


def test_every_option_and_every_fault_is_in_its_table():
    assert sorted(table_after("Options")) == sorted(field.name for field in fields(SourceOptions))
    assert sorted(table_after("A camera that fails as a script says")) == sorted(faulty.KINDS)


def test_the_limits_are_those_of_the_code():
    assert f"more than {images.MAX_PIXELS // 10**6} million pixels, or a file of more than 1 GiB" in PAGE
    assert images.MAX_BYTES == 1 << 30
