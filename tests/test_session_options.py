"""Options of another type are refused in one line, and options that would have no effect."""

import numpy as np
import pytest

import edge
from edge.errors import InputError
from edge.session_options import SessionOptions
from tests.loops import BANDS, fake_model, picture


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"backend": 5}, "option backend must be a word, got 5"),
        ({"task": ["classify"]}, "option task must be a word"),
        ({"threads": "2"}, "option threads must be a whole number, got '2'"),
        ({"threads": 1.5}, "got 1.5"),
        ({"threads": True}, "got True"),
        ({"parameters": None}, "option parameters must be a mapping of names to values, got None"),
        ({"parameters": [("top", 2)]}, "option parameters must be a mapping"),
        ({"parameters": {1: 2}}, "option parameters must be a mapping"),
        ({"rotation": 45}, "option rotation must be one of 0, 90, 180, 270 degrees, got 45"),
        ({"labels": 5}, "option labels must be a label file, or a list of texts"),
        ({"labels": ["a", 1]}, "option labels must be a label file, or a list of texts"),
        ({"labels": ["a\x1b[2J"]}, "without control characters"),
        ({"mean": "0"}, "option mean must be one number, or one for each channel, got '0'"),
        ({"std": (1, None)}, "option std must be one number"),
        ({"mean": float("nan")}, "option mean must be one number"),
        ({"mean": ()}, "option mean must be one number"),
    ],
)
def test_another_type_is_refused(options, line):
    with pytest.raises(InputError) as caught:
        SessionOptions(**options)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [127.5, 127, [127.5], np.float32([1, 2, 3])])
def test_one_number_may_stand_without_a_tuple(given):
    found = SessionOptions(mean=given).mean
    assert found == tuple(np.atleast_1d(given).tolist())


def test_one_number_normalizes_as_a_tuple_of_it_does(tmp_path):
    path = fake_model(tmp_path, dtype="float32")
    named = {"labels": BANDS}
    with edge.load(path, mean=0, std=255, **named) as one, edge.load(path, mean=(0.0,), std=(255.0,), **named) as same:
        assert one(picture(1)) == same(picture(1))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"task": "embed", "labels": BANDS}, "task embed has no classes that labels could name; leave out labels"),
        ({"task": "regress", "labels": BANDS}, "task regress has no classes"),
        ({"task": "raw", "labels": BANDS}, "task raw has no classes"),
    ],
)
def test_labels_without_a_use_are_refused(tmp_path, options, line):
    with pytest.raises(InputError, match=line):
        edge.load(fake_model(tmp_path), **options)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"rotation": 90}, r"rotation is for a network whose only input is pictures, .*x \(1, 12\) float32"),
        ({"mean": 0, "colour": "RGB"}, r"colour, mean are about pixels, the network takes x \(1, 12\) float32; leave"),
    ],
)
def test_options_of_pictures_are_refused_where_there_are_none(tmp_path, options, line):
    path = tmp_path / "vector.fake"
    path.write_text(
        '{"inputs": [{"name": "x", "shape": [1, 12], "dtype": "float32"}],'
        ' "outputs": [{"name": "y", "shape": [1, 3], "dtype": "float32"}]}'
    )
    with pytest.raises(InputError, match=line):
        edge.load(path, **options)


@pytest.mark.parametrize("colour", ["rgb", "GRAY", None])
def test_the_order_of_channels_is_one_of_two(tmp_path, colour):
    with (
        edge.load(fake_model(tmp_path)) as net,
        pytest.raises(InputError, match="colour must be BGR or RGB, the order of"),
    ):
        net(picture(1), colour)
