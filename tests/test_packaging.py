"""setup.cfg lists every package by hand; what is installed is those and nothing else."""

import configparser
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from edge import __version__

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"edge": "edge", "models": "edge.models", "deploy": "edge.deploy", "calibration": "edge.calibration"}


@pytest.fixture(scope="module")
def options():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def packages_on_disk():
    for folder, package in FOLDERS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            yield ".".join((package, *init.parent.relative_to(ROOT / folder).parts))


def requirements(options):
    """Yield every requirement of the distribution and its extras."""
    extras = (options["options.extras_require"][name] for name in options["options.extras_require"])
    for text in (options["options"]["install_requires"], *extras):
        yield from (Requirement(line) for line in lines(text) if not line.startswith("#"))


def test_every_requirement_has_an_upper_bound(options):
    for requirement in requirements(options):
        assert any(bound.operator == "<" for bound in requirement.specifier), f"{requirement} has no upper bound"


def test_the_tested_set_lies_within_the_ranges(options):
    """tflite-runtime and picamera are not in the set: they exist for other machines, and one excludes numpy 2."""
    pins = [Requirement(line) for line in lines((ROOT / "constraints.txt").read_text()) if not line.startswith("#")]
    tested = {name: [pin for pin in pins if pin.name == name] for name in {pin.name for pin in pins}}
    excluded = lines(options["options.extras_require"]["tflite-runtime"])
    found = [
        r for r in requirements(options) if r.name in tested and str(r) not in map(str, map(Requirement, excluded))
    ]
    assert {"numpy", "tensorflow", "onnx", "ruff"} <= {requirement.name for requirement in found}
    for requirement in found:
        for pin in tested[requirement.name]:
            (exact,) = pin.specifier
            assert requirement.specifier.contains(exact.version), f"{requirement} is tested with {exact.version}"


def test_every_package_on_disk_is_listed(options):
    assert sorted(lines(options["options"]["packages"])) == sorted(packages_on_disk())


def test_every_module_lies_in_a_package():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{path.parent} has modules and no __init__.py"


def test_the_folders_at_the_root_are_mapped_inside(options):
    mapped = dict(line.split(" = ") for line in lines(options["options"]["package_dir"]))
    assert mapped == {package: folder for folder, package in FOLDERS.items()}


def test_every_command_is_a_module_of_the_package(options):
    for line in lines(options["options.entry_points"]["console_scripts"]):
        name, _, target = line.partition(" = ")
        module, _, function = target.partition(":")
        assert function == "main"
        assert module == f"edge.cli.{name.removeprefix('edge-')}"
        assert (ROOT / "edge" / "cli" / f"{module.rsplit('.', 1)[1]}.py").is_file()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the sources, without the network and with the tools that are here."""
    source = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "-q", "-w", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = out.iterdir()
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel, options):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wheel.name == f"edgekit-{__version__}-py3-none-any.whl"
    assert {name.split("/")[0] for name in names} == {"edge", f"edgekit-{__version__}.dist-info"}
    expected = {
        "/".join((*package.split("."), *path.relative_to(ROOT / folder).parts))
        for folder, package in FOLDERS.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == expected
    assert "edge/py.typed" in names
    app = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deploy" / "web" / "app").rglob("*") if path.is_file()}
    assert {f"edge/{name}" for name in app} <= names
    weights = {p.name for p in (ROOT / "models" / "weights").iterdir() if p.is_file() and p.suffix != ".py"}
    packed = {name.rsplit("/", 1)[1] for name in names if name.startswith("edge/models/weights/")} - {"__init__.py"}
    assert packed == weights


def test_the_wheel_works_where_it_is_unpacked(wheel, tmp_path):
    """The mapped folders are found inside the package, from the wheel alone."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.meta_path[:] = [f for f in sys.meta_path "
        "if 'editable' not in getattr(f, '__module__', '') + getattr(f, '__name__', '')]\n"
        "import edge, edge.models.registry, edge.calibration.sampling, edge.deploy.verify, json\n"
        "print(json.dumps([edge.__file__, edge.models.registry.__file__, edge.deploy.verify.__file__]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert all(Path(name).is_relative_to(tmp_path) for name in json.loads(done.stdout))


@pytest.mark.parametrize("module", ["edge", "edge.models", "edge.cli.camera", "edge.cli.bench"])
def test_importing_imports_no_framework(module):
    code = (
        f"import sys, json, {module}\n"
        "heavy = ('tensorflow', 'tf_keras', 'keras', 'onnx', 'onnxruntime', 'ai_edge_litert', 'matplotlib')\n"
        "print(json.dumps([m for m in heavy if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
