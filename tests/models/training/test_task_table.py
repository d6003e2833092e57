"""The rows of the table of dataset tasks: which data a network gets, and what each reader can be told."""

import importlib
import inspect

import pytest

from edge import registry
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.task_table import DATASET_TASKS, drawn_for, reader_of, usual_optimizer
from edge.scenes import SETS

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
    suffix = ".avi" if name == "clips" else ".jpg"
    for label in ("ant", "cat"):
        (tmp_path / "train" / label).mkdir(parents=True)
        (tmp_path / "train" / label / f"1{suffix}").touch()
    before = listing(tmp_path)
    (tmp_path / "train" / "cat" / f"1{suffix}").rename(tmp_path / "train" / "cat" / f"2{suffix}")
    assert listing(tmp_path) != before


@pytest.mark.parametrize(
    ("tasks", "dimensions", "names", "row"),
    [
        (("classify",), 3, ("train/cat/1.jpg",), "classify"),
        (("classify",), 3, (), "classify"),
        (("classify",), 3, ("0_theo_1.WAV", "README.md"), "speech"),
        (("classify",), 2, ("0_theo_1.wav",), "speech"),
        (("classify",), 1, ("train.tsv",), "text"),
        (("classify",), 4, ("train/run/1.avi", "train/run/1.wav"), "clips"),
        (("segment", "classify"), 3, ("image/1.png", "beep.wav"), "segment"),
        (("detect",), 3, ("Annotations/1.xml",), "detect"),
        (("keypoints",), 3, ("annotations/train.json",), "keypoints"),
        (("embed",), 3, ("train/ann/1.jpg",), "embed"),
    ],
)
def test_task_input_and_files_choose_the_row(tasks, dimensions, names, row):
    assert reader_of(tasks, dimensions, names) == row


@pytest.mark.parametrize("task", ["reconstruct", "generate", "discriminate"])
def test_a_task_without_a_training_command_is_refused(task):
    words = f"these tasks: classify, segment, detect, keypoints, embed; this one is to {task}"
    with pytest.raises(InputError, match=words):
        reader_of((task,), 1, ())


@pytest.mark.parametrize("name", DATASET_TASKS)
def test_every_row_has_a_drawn_set(name):
    assert DATASET_TASKS[name].drawn in SETS
    assert drawn_for(DATASET_TASKS[name].drawn) == name


def test_an_unknown_drawn_set_names_the_nearest():
    with pytest.raises(InputError, match="unknown drawn set 'scenes:face': did you mean 'scenes:faces'"):
        drawn_for("scenes:face")


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [("keypoints_mobilenet_v2", "adam"), ("mobilenet_v2", "sgd"), ("of_another_package", "sgd")],
)
def test_the_usual_optimizer(network, optimizer):
    assert usual_optimizer(network) == optimizer
