"""README and CONTRIBUTING speak only of what is there: commands with their options, extras, targets of make, files."""

import configparser
import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest

from edge.cli import deploy

ROOT = Path(__file__).resolve().parents[1]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")}
GROUPS = {f"edge.{kind}" for kind in ("models", "backends", "sources", "sinks", "tasks", "decoders")}
"""Packages, and groups of entry points of the same names."""
COMMANDS = ("train", "compress", "convert", "bench", "camera", "deploy", "doctor")


def settings(section):
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser[section]


@pytest.fixture(scope="module")
def helps():
    """Return the options of each command, from its --help."""
    found = {}
    for command in COMMANDS:
        main = importlib.import_module(f"edge.cli.{command}").main
        calls = [[name, "--help"] for name in deploy.COMMANDS] if command == "deploy" else [["--help"]]
        shown = io.StringIO()
        for call in calls:
            with contextlib.redirect_stdout(shown), pytest.raises(SystemExit):
                main(call)
        found[f"edge-{command}"] = set(re.findall(r"--[a-z][a-z-]*", shown.getvalue()))
    return found


def test_the_commands_are_those_that_are_installed():
    installed = {line.split(" = ")[0] for line in settings("options.entry_points")["console_scripts"].split("\n")}
    assert installed - {""} == {f"edge-{command}" for command in COMMANDS}
    for name, page in PAGES.items():
        mentioned = set(re.findall(r"\bedge-[a-z]+\b", page))
        assert mentioned <= installed, name


@pytest.mark.parametrize("page", PAGES)
def test_every_line_with_a_command_uses_options_that_it_has(page, helps):
    lines = re.findall(r"^(?:\w*\$ )?(edge-\w+) (.*)$", PAGES[page], re.MULTILINE)
    for command, rest in lines:
        used = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest))
        assert used <= helps[command], f"{command} {rest}"


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_named_belongs_to_a_command(page, helps):
    named = set(re.findall(r"`(--[a-z][a-z-]*)", PAGES[page]))
    assert named <= set().union(*helps.values())


@pytest.mark.parametrize("page", PAGES)
def test_every_extra_is_declared(page):
    declared = set(settings("options.extras_require"))
    named = {name for group in re.findall(r"edgekit\[([a-z,-]+)\]", PAGES[page]) for name in group.split(",")}
    assert named <= declared


def test_every_extra_for_users_is_explained():
    extras = set(settings("options.extras_require")) - {"dev"}
    for extra in extras:
        assert re.search(rf"\[{extra}\]|`{extra}`", PAGES["README.md"]), f"README does not explain the extra {extra}"


def test_every_extra_is_asked_for_by_the_code_that_needs_it():
    """Only of those that a message names: gpu is TensorFlow's own, dev and peers are for what is not installed."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "edge").rglob("*.py"))
    for extra in set(settings("options.extras_require")) - {"dev", "gpu", "peers"}:
        assert f'"{extra}"' in code or f"[{extra}]" in code, f"no code needs the extra {extra}"


@pytest.mark.parametrize("page", PAGES)
def test_every_target_of_make_exists(page):
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", PAGES[page], re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_path_leads_to_a_file(page):
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGES[page]) if "://" not in link]
    paths = re.findall(r"`((?:edge|models|deploy|calibration|tests|tools|docs)/[\w./-]*)`", PAGES[page])
    assert links or paths
    for path in [*links, *paths]:
        assert (ROOT / path).exists(), path


def test_every_module_that_is_named_can_be_found():
    for page in PAGES.values():
        for name in re.findall(r"`(edge\.[a-z_.]+)", page):
            assert name in GROUPS or _found(name), name


def _found(name):
    """Return whether ``name`` is a module or a name in one; by the files alone, as some modules need a framework."""
    mapped = re.sub(r"^edge\.(models|deploy|calibration)\b", r"\1", name)
    for end in range(mapped.count(".") + 1, 0, -1):
        base, rest = ROOT.joinpath(*mapped.split(".")[:end]), mapped.split(".")[end:]
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                return not rest or rest[0] in file.read_text(encoding="utf-8")
    return False


def test_the_lines_of_python_run_as_printed(tmp_path, monkeypatch):
    import shutil

    import cv2
    import numpy as np

    from edge.models.weights import FOLDER

    code, loop = _python_of_the_readme()
    shutil.copy(FOLDER / "shufflenet_v2_cifar10_int8.edge", tmp_path / "net.edge")
    cv2.imwrite(str(tmp_path / "picture.png"), np.full((48, 64, 3), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["result"].predictions[0].label in (FOLDER / "shufflenet_v2_cifar10.txt").read_text().split()
    names["net"].close()
    shown: list[str] = []
    names = {"print": lambda *words: shown.append(" ".join(map(str, words)))}
    exec(loop.replace('open_source("0")', 'open_source("picture.png")'), names)
    assert re.fullmatch(r"\['\w+ \d+%'\] \d+ ms old", shown[0])


def _python_of_the_readme():
    """Return the blocks that open a network; tests/cli/test_recipe.py runs the others."""
    blocks = re.findall(r"```python\n(.*?)```", PAGES["README.md"], re.DOTALL)
    return [block for block in blocks if "edge.load(" in block]
