"""Who may import whom. A folder's boundary is a dependency boundary, and this test holds it.

Both kinds of import count, at the top of a module and inside a function: one that runs later is one all the same.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAPPED = {"models": "edge.models", "deploy": "edge.deploy", "calibration": "edge.calibration"}
FOLDERS = {"edge": "edge", **MAPPED, "tools": "tools"}
TRAINING = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tf2onnx", "onnx"}
WORKSTATION = ("edge.models", "edge.deploy", "edge.calibration", "edge.cli", "tools")

# part of the package: what it never imports, and which of the training frameworks it may
RULES = {
    "edge": (WORKSTATION, set()),
    "edge.models": (("edge.deploy", "edge.calibration", "edge.cli", "tools"), {"tensorflow", "tf_keras"}),
    "edge.calibration": (("edge.models", "edge.deploy", "edge.cli", "tools"), set()),
    "edge.deploy": (("edge.cli", "tools"), TRAINING),
    "edge.cli": (("tools",), set()),
    "tools": ((), TRAINING),
}


def modules():
    """Yield (module name, file) of every module in the folders."""
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = path.relative_to(ROOT / folder).with_suffix("").parts
            inner = inner[:-1] if inner[-1] == "__init__" else inner
            yield ".".join((package, *inner)), path


def imports(path: Path, module: str):
    """Yield the absolute name of everything that a file imports, ``need("…")`` included."""
    is_package = path.name == "__init__.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")[: None if is_package and node.level == 1 else -node.level + is_package]
                base = ".".join((*parts, base)).rstrip(".")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "need",
            "import_module",
            "find_spec",
        ):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def part_of(module: str) -> str:
    return next((part for part in RULES if part != "edge" and (module + ".").startswith(part + ".")), "edge")


def below(name: str, package: str) -> bool:
    return (name + ".").startswith(package + ".")


def deferred_for_types(path: Path) -> set[str]:
    """Return what a file imports only for a type checker, which is no import at run time."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom):
                    found.update({inner.module, *(f"{inner.module}.{a.name}" for a in inner.names)})
    return found


MODULES = dict(modules())


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import edge.deploy.load", "edge.deploy.load"),
        ("from edge import deploy", "edge.deploy"),
        ("def f():\n    from edge.deploy.load import load_keras", "edge.deploy.load"),
        ("from ..deploy import load", "edge.deploy"),
        ("from . import labels", "edge.tasks.labels"),
        ("tf = need('tensorflow')", "tensorflow"),
        ("tf = importlib.import_module('tensorflow')", "tensorflow"),
    ],
)
def test_every_way_to_import_is_seen(tmp_path, line, name):
    path = tmp_path / "module.py"
    path.write_text(line)
    assert name in set(imports(path, "edge.tasks.module"))


def test_every_folder_is_looked_at():
    assert {part_of(module) for module in MODULES} == set(RULES)
    assert len(MODULES) > 80


def test_a_module_imports_only_what_its_layer_may():
    assert [f"{module} imports {name}" for module in MODULES for name in sorted(forbidden(module))] == []


def forbidden(module: str) -> set[str]:
    """Return what a module imports against the rules of its part."""
    never, frameworks = RULES[part_of(module)]
    path = MODULES[module]
    found = set(imports(path, module)) - deferred_for_types(path)
    wrong = {name for name in found if any(below(name, package) for package in never)}
    return wrong | {name for name in found if name.split(".")[0] in TRAINING - frameworks and not _own(module, name)}


def _own(module: str, name: str) -> bool:
    """A backend may look at the runtime's own package; a command only asks through ``need``."""
    return part_of(module) == "edge.cli" and name in ("tensorflow", "tf_keras")


def test_models_know_only_the_core_s_small_modules():
    arithmetic = {"edge.decoders", "edge.tasks.average_precision", "edge.tasks.pixel_counts"}
    allowed = {"edge.models", "edge.errors", "edge.registry", "edge.files", "edge.pictures", "edge.video", *arithmetic}
    for module in (module for module in MODULES if part_of(module) == "edge.models"):
        # "from edge import registry" yields "edge" and "edge.registry".
        found = {name for name in imports(MODULES[module], module) if below(name, "edge") and name != "edge"}
        assert {name for name in found if not any(below(name, a) for a in allowed)} == set(), module


@pytest.mark.parametrize("folder", MAPPED)
def test_the_mapped_folders_are_imported_by_their_place_in_the_package(folder):
    for module, path in MODULES.items():
        assert not {name for name in imports(path, module) if name.split(".")[0] == folder}, module


PRIVATE = {
    "edge.deploy._tensorflow_private": ("tensorflow.python", "tensorflow.lite.python", "tensorflow.lite.tools"),
    "edge.deploy._tfmot": ("tensorflow_model_optimization.python",),
}
"""The one module that reaches into each framework's private parts, and what those are."""


@pytest.mark.parametrize("module", MODULES)
def test_private_parts_of_frameworks_are_reached_in_one_module_each(module):
    found = set(imports(MODULES[module], module))
    for allowed, parts in PRIVATE.items():
        if module != allowed:
            assert not {name for name in found for part in parts if below(name, part)}, module


@pytest.mark.parametrize(("one", "other"), [("compress", "conversion"), ("conversion", "compress")])
def test_compression_and_conversion_do_not_know_each_other(one, other):
    """What both need lies below both: ``edge.deploy.quantized``, ``edge.calibration``."""
    for module in (name for name in MODULES if below(name, f"edge.deploy.{one}")):
        assert not {name for name in imports(MODULES[module], module) if below(name, f"edge.deploy.{other}")}, module
