"""The rules of style that a machine can check: lengths, names, docstrings. Reviewers look at the rest."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("edge", "models", "deploy", "calibration", "tools")
MODULES = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
PENDING: set[str] = set()
"""Modules that are still to be rewritten by these rules. Take a module out when you rewrite it; add none."""
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 60
LONGER = {
    "models/networks.py": "a table: one row a network",
}
"""Modules that may have more lines, with the reason."""

BANNED = {
    "Extremes": "MinMaxObserver",
    "Histogram": "HistogramObserver",
    "Moment": "Hessian",
    "Wishes": "options",
    "Running": "session",
    "Made": "converted artifact",
    "Setting": "evaluation setup",
    "Listener": "callbacks",
    "least_score": "score_threshold",
    "judge": "verify, check",
    "tie": "unify_scales",
    "follow_kernels": "refresh_ranges",
    "put_on_steps": "quantize_biases",
    "problem": "dataset task, or the kind of error",
}
"""Words that are no names, with the field's term for what they meant here."""


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SECTIONS = re.compile(r"^(?:Args|Attributes|Returns|Yields|Raises):$", re.MULTILINE)


@cache
def source(module):
    return (ROOT / module).read_text(encoding="utf-8")


@cache
def tree(module):
    return ast.parse(source(module))


def definitions(module, kinds):
    return [node for node in ast.walk(tree(module)) if isinstance(node, kinds)]


def check(rule):
    """Fail with everything that a rule finds in the modules: lines without the module's name."""
    found = [f"{module}: {line}" for module in MODULES if module not in PENDING for line in rule(module)]
    assert not found, "\n".join(["", *found])


def test_a_module_holds_one_idea():
    def rule(module):
        count = len(source(module).splitlines())
        if count > MOST_LINES and module not in LONGER:
            yield f"it has {count} lines, at most {MOST_LINES}"

    check(rule)
    assert all(len(source(module).splitlines()) > MOST_LINES for module in LONGER)


def test_a_function_fits_on_a_screen():
    def rule(module):
        for function in definitions(module, FUNCTIONS):
            body = function.body[1:] if ast.get_docstring(function) and function.body[1:] else function.body
            count = function.end_lineno - body[0].lineno + 1
            if count > MOST_LINES_OF_A_FUNCTION:
                yield f"{function.name} has {count} lines, at most {MOST_LINES_OF_A_FUNCTION}"

    check(rule)


def identifiers(module):
    """Yield the name and line of each definition, parameter and assignment."""
    for node in ast.walk(tree(module)):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def test_names_are_the_terms_of_the_field():
    def rule(module):
        for name, line in identifiers(module):
            if (word := name.lstrip("_")) in BANNED:
                yield f"line {line}: {name} should be: {BANNED[word]}"

    check(rule)


def documented(module):
    """Yield the name and docstring of the module and its public functions and classes."""
    yield "the module", ast.get_docstring(tree(module)) or ""
    for node in tree(module).body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""


def test_a_docstring_begins_with_a_sentence():
    def rule(module):
        for name, text in documented(module) if source(module) else ():
            first = text.split("\n\n")[0]
            proper = name == "the module" and re.match(r"`|[\w-]+\b[:,' ]", first)  # tfmot's, edge-camera: ...
            if not (proper or first[:1].isupper()):
                yield f"the docstring of {name} must begin with a capital letter: {first!r}"
            if not first.endswith((".", ":")):
                yield f"the docstring of {name} must begin with a sentence: {first!r}"

    check(rule)


def explained(node):
    """Return the names of a function's parameters, or of a class's fields and its initializer's parameters."""
    if isinstance(node, FUNCTIONS):
        arguments = node.args
        return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.arg != "self"]
    fields = [child.target.id for child in node.body if isinstance(child, ast.AnnAssign)]
    starts = [child for child in node.body if isinstance(child, FUNCTIONS) and child.name == "__init__"]
    return fields + [name for start in starts for name in explained(start)]


def test_parameters_are_documented_one_a_line():
    """A parameter or field that a docstring explains stands in a section: Args, Attributes, Returns, Raises."""

    def rule(module):
        for node in definitions(module, (*FUNCTIONS, ast.ClassDef)):
            prose = SECTIONS.split(ast.get_docstring(node) or "", maxsplit=1)[0]
            for name in explained(node):
                if re.search(rf"(?:^|[.:;)] |, ){name}(?:, \w+)*: ", prose, re.MULTILINE):
                    yield f"{node.name} explains {name!r} outside of a section"

    check(rule)
