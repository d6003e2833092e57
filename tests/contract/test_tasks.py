"""What every task in the table must do; a new one is covered as soon as it is listed."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from edge import tasks
from edge.errors import InputError
from edge.results import Occurrence, Place, Prediction, Result
from edge.signature import Output
from edge.sinks import overlay
from edge.sinks.terminal import line
from edge.tasks.base import Budget
from tests.tasks.examples import EXAMPLES, FRAME, PLACEMENT

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "results.schema.json").read_text(encoding="utf-8"))

every_task = pytest.mark.parametrize("name", list(tasks.TASKS))


@cache
def example(name):
    assert name in EXAMPLES, "give the new task an example in tests/tasks/examples.py"
    return EXAMPLES[name]()


def network(name):
    given = example(name)
    return tasks.load(name)(given.network, given.labels, "labels.txt")


def result(name):
    return network(name).decode(example(name).reference, PLACEMENT)


def check(found):
    """Raise unless the result's JSON is what the schema says, also after it was text."""
    text = json.dumps(found.as_json(), allow_nan=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))


@every_task
def test_it_says_its_name_and_its_budget(name):
    task = tasks.load(name)
    assert task.name == name
    assert isinstance(task.budget, Budget)
    assert task.budget.agreement > 0


@every_task
def test_what_does_not_fit_is_refused_with_both_sides(name):
    given = example(name)
    with pytest.raises(InputError) as caught:
        tasks.load(name)(given.wrong, given.labels, "labels.txt")
    message = str(caught.value)
    assert "\n" not in message
    for side in given.both_sides:
        assert side in message


@every_task
def test_a_parameter_that_it_does_not_have_is_refused(name):
    wrong = example(name).network.with_parameters({"no_such_parameter": 1})
    with pytest.raises(InputError, match=r"unknown parameter .*'no_such_parameter'"):
        tasks.load(name)(wrong, example(name).labels, "labels.txt")


@every_task
def test_a_decoder_of_another_kind_is_refused(name):
    """Tasks without decoders take none; the others name theirs."""
    network = example(name).network
    decoder = "yolov8" if network.task.decoder is None else "no_such_decoder"
    wrong = replace(network, task=replace(network.task, decoder=decoder))
    with pytest.raises(InputError, match=f"task {name} has no decoders, got decoder 'yolov8'|unknown decoder"):
        tasks.load(name)(wrong)


@every_task
def test_no_output_is_passed_over_in_silence(name):
    """An output that the task does not read must have the role tensor."""
    network = example(name).network
    more = replace(network, outputs=(*network.outputs, Output("more", "tensor", (1, 7))))
    tasks.load(name)(more)
    if name in ("raw", "detect", "keypoints"):  # raw reads everything, decoders look for their own roles
        return
    other = "mask" if name != "segment" else "scores"
    with pytest.raises(InputError, match=f"got 'more' with the role {other}; the role tensor leaves an output out"):
        tasks.load(name)(replace(network, outputs=(*network.outputs, Output("more", other, (1, 7)))))


def known_parameters(name):
    wrong = example(name).network.with_parameters({"no_such_parameter": 1})
    with pytest.raises(InputError) as caught:
        tasks.load(name)(wrong, example(name).labels, "labels.txt")
    return set(str(caught.value).partition("known: ")[2].split(", "))


@every_task
def test_its_parameters_are_documented(name):
    text = (DOCS / "task-parameters.md").read_text(encoding="utf-8")
    section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
    figures = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", section.partition("\n\n")[0])}
    budget = tasks.load(name).budget
    assert {budget.agreement, budget.drop} - {0.0} <= figures
    documented = set(re.findall(r"^\| `(\w+)`", section, re.M))
    known = known_parameters(name) - {"none"}
    assert documented <= known
    if example(name).network.task.decoder is None:
        assert documented == known


@every_task
def test_outputs_without_its_role_are_refused(name):
    given = example(name).network
    other = replace(given, outputs=(Output("other", "count", (1, 1)),))
    if name == "raw":
        return  # takes any
    with pytest.raises(InputError, match=r"other|count"):
        tasks.load(name)(other, None, "labels.txt")


@every_task
def test_a_result_has_the_task_s_name_and_its_json_fits_the_schema(name):
    found = result(name)
    assert found.task == name
    check(found)
    check(replace(found, frame=7, source="cat.bmp", captured_ns=123, age_clock="pts", age_ms=float("nan"), dropped=2))
    check(Result(name, fault="no result: output 'scores' holds NaN"))


@every_task
def test_it_joins_tiles_if_its_result_is_a_mask_or_a_picture(name):
    found = result(name)
    assert tasks.load(name).joins_tiles == (found.mask is not None or found.image is not None)


@every_task
def test_it_decodes_without_a_frame(name):
    check(network(name).decode(example(name).reference, None))


BROKEN = [np.nan, np.inf, -np.inf, 3e38, -3e38]


@every_task
@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("part", ["all", "half"])
def test_a_broken_network_breaks_nothing(name, value, part):
    """Whatever the numbers are, there is a result in the schema's form and a drawing, or one line that says why not."""
    broken = {}
    for key, tensor in example(name).reference.items():
        array = tensor.raw.copy()
        array.reshape(-1)[:: 1 if part == "all" else 2] = value
        broken[key] = replace(tensor, raw=array)
    try:
        found = network(name).decode(broken, PLACEMENT)
    except InputError:
        return
    json.dumps(found.as_json(), allow_nan=False)
    assert tasks.load(name).line(found)
    overlay.annotated(np.full((FRAME[1], FRAME[0], 3), 117, np.uint8), found)


@every_task
def test_an_empty_result_has_a_line_a_form_and_a_drawing(name):
    empty = Result(name)
    assert tasks.load(name).line(empty)
    json.dumps(empty.as_json(), allow_nan=False)
    picture = np.full((120, 160, 3), 128, np.uint8)
    tasks.load(name).draw(picture, empty)


@every_task
def test_its_line_is_one_line(name):
    found = result(name)
    assert tasks.load(name).line(found).isprintable()
    assert tasks.load(name).line(found) in line(replace(found, source="cam"))


SIZES = [(16, 16), (1, 1), (3, 500), (96, 96), (97, 131), (333, 517), (480, 640), (1080, 1920), (1500, 2000)]


@every_task
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_it_draws_into_a_picture_of_any_size(name, size):
    picture = np.full((*size, 3), 117, np.uint8)
    found = result(name)
    out = overlay.annotated(picture, found)
    assert out.shape == picture.shape
    assert (picture == 117).all()
    if size[0] >= FRAME[1] and size[1] >= FRAME[0]:
        assert (out != picture).any()


@every_task
def test_a_drawing_leaves_the_result_alone(name):
    found = result(name)
    before = json.dumps(found.as_json())
    tasks.load(name).draw(np.zeros((FRAME[1], FRAME[0], 3), np.uint8), found)
    assert json.dumps(found.as_json()) == before


@every_task
def test_it_draws_what_another_network_said_of_a_box(name):
    inner = result(name)
    outer = Result("detect", (Prediction("thing", 0.9, 0, (20.0, 40.0, 200.0, 150.0), nested=inner),))
    check(outer)
    picture = np.full((200, 300, 3), 117, np.uint8)
    assert (overlay.annotated(picture, outer) != picture).any()


@every_task
def test_equal_outputs_agree_fully(name):
    given, comparer = example(name), network(name).comparer()
    for _ in range(2):
        comparer.add(given.reference, given.reference, PLACEMENT, None)
    figures = comparer.figures()
    assert figures.samples == 2
    assert figures.agreement == {"%": 100.0, "dB": np.inf, "": 1.0}[figures.unit]
    assert (figures.snr, figures.max_error) == (np.inf, 0.0)
    assert (figures.quality_name, figures.quality, figures.reference_quality) == (None, None, None)
    assert json.loads(json.dumps(figures.as_json(), allow_nan=False))["snr"] is None


@every_task
def test_other_outputs_agree_less(name):
    given, comparer = example(name), network(name).comparer()
    comparer.add(given.reference, given.candidate, PLACEMENT, given.truth)
    figures = comparer.figures()
    assert figures.agreement < {"%": 100.0, "dB": 60.0, "": 1.0}[figures.unit]
    assert 0 < figures.max_error < np.inf
    assert figures.snr < 60
    if given.truth is not None and figures.quality is not None:
        assert figures.quality < figures.reference_quality


@every_task
def test_a_comparison_of_nothing_is_refused(name):
    with pytest.raises(InputError, match="at least one sample"):
        network(name).comparer().figures()


@every_task
def test_labels_that_nobody_gave_are_no_error(name):
    check(tasks.load(name)(example(name).network).decode(example(name).reference, PLACEMENT))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def documented():
    text = (DOCS / "results-format.md").read_text(encoding="utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.S)]


def test_the_documented_lines_and_zones_are_what_a_result_writes():
    text = (DOCS / "results-format.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json lines and zones\n(.*?)```", text, re.S)
    written = json.loads(block)
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    places = tuple(Place(p["name"], p["kind"], tuple(map(tuple, p["points"])), p["counts"]) for p in written["places"])
    happened = tuple(Occurrence(**one) for one in written["occurrences"])
    result = Result("detect", places=places, occurrences=happened).as_json()
    assert {key: result[key] for key in ("places", "occurrences")} == {
        key: written[key] for key in ("places", "occurrences")
    }


def test_the_documentation_has_an_example_of_every_task_and_they_fit_the_schema():
    assert [one["task"] for one in documented()] == list(tasks.TASKS)
    for one in documented():
        jsonschema.Draft202012Validator(SCHEMA).validate(one)


@pytest.mark.parametrize("one", documented(), ids=lambda one: one["task"])
def test_the_schema_knows_every_field(one):
    """A field that is missing, and one that nobody documented, is an error."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for field in one:
        assert not validator.is_valid({key: value for key, value in one.items() if key != field}), field
    assert not validator.is_valid({**one, "more": 1})
    assert not validator.is_valid({**one, "schema": 1})
