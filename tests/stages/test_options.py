"""The options of gates and stages are built from a mapping, as a configuration file or a command line has it."""

from dataclasses import asdict, fields

import pytest

from edge.errors import InputError
from edge.options import build
from edge.stages.counting import CountingOptions
from edge.stages.gallery import GalleryOptions
from edge.stages.motion import MotionOptions
from edge.stages.pace import PaceOptions
from edge.stages.tracker import TrackerOptions

every_part = pytest.mark.parametrize(
    "cls", [CountingOptions, GalleryOptions, MotionOptions, PaceOptions, TrackerOptions]
)


@every_part
def test_options_are_their_mapping(cls):
    assert build(cls, asdict(cls())) == cls()
    assert build(cls, {}) == cls()


@every_part
def test_an_unknown_option_and_a_wrong_type_are_one_line(cls):
    with pytest.raises(InputError, match="unknown option of part 'colour'"):
        build(cls, {"colour": 1}, "part")
    with pytest.raises(InputError, match=r"part .* must be"):
        build(cls, {fields(cls)[0].name: [1]}, "part")
