"""The rows of the table of dataset tasks: which data a network gets, and what each reader can be told."""

import importlib
import inspect

import pytest

from edge import registry
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.task_table import DATASET_TASKS, reader_of

need("tensorflow")


@pytest.mark.parametrize("name", DATASET_TASKS)
def test_a_reader_is_called_as_the_table_says(name):
    parameters = list(inspect.signature(registry.load("data", DATASET_TASKS, name)).parameters.values())
    assert [parameter.name for parameter in parameters[:4]] == ["root", "input_shape", "settings", "progress"]
    for parameter in parameters[4:]:
        is_option = parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
        assert is_option or parameter.name == "cache"


@pytest.mark.parametrize("name", DATASET_TASKS)
def test_a_listing_tells_one_data_set_from_another(name, tmp_path):
    module, _, function = DATASET_TASKS[name].listing.partition(":")
    listing = getattr(importlib.import_module(module), function)
    for label in ("ant", "cat"):
        (tmp_path / "train" / label).mkdir(parents=True)
        (tmp_path / "train" / label / "1.jpg").touch()
    before = listing(tmp_path)
    (tmp_path / "train" / "cat" / "1.jpg").rename(tmp_path / "train" / "cat" / "2.jpg")
    assert listing(tmp_path) != before


@pytest.mark.parametrize(
    ("tasks", "names", "row"),
    [
        (("classify",), ("train/cat/1.jpg",), "classify"),
        (("classify",), (), "classify"),
        (("classify",), ("0_theo_1.WAV", "README.md"), "speech"),
        (("segment", "classify"), ("image/1.png", "beep.wav"), "segment"),
        (("detect",), ("Annotations/1.xml",), "detect"),
    ],
)
def test_task_and_files_choose_the_row(tasks, names, row):
    assert reader_of(tasks, names) == row


def test_a_task_without_a_training_command_is_refused():
    with pytest.raises(InputError, match="these tasks: classify, segment, detect; this one is to embed"):
        reader_of(("embed",), ())
