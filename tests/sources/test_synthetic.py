"""Frames drawn here."""

import time

import numpy as np
import pytest

from edge.errors import InputError
from edge.sources import open_source
from edge.sources.options import SourceOptions
from edge.sources.supervised import SupervisedSource
from edge.sources.synthetic import Synthetic, open_synthetic


def test_a_number_of_frames_of_the_asked_size():
    frames = list(Synthetic((64, 48), rate=1000, frames=5))
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert {f.bgr.shape for f in frames} == {(48, 64, 3)}
    assert {f.source for f in frames} == {"synthetic:64x48@1000"}


def test_the_seed_decides_the_pictures():
    first, again, other = (next(iter(Synthetic((64, 48), 30, seed=seed))).bgr for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_closing_ends_it_even_between_two_frames():
    source = open_synthetic("64x48@0.001")
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []
    assert source.live


def test_a_script_of_faults_is_supervised_like_a_camera(capsys):
    text = "synthetic:64x48@200?faults=error@5,size:32x24@8,truncate@10"
    with open_source(text) as source:
        assert isinstance(source, SupervisedSource)
        assert source.name == text
        seen = {}
        for frame in source:
            seen[frame.size] = frame.source
            if frame.size == (32, 24) and frame.index > 20:
                break
    assert seen == {(64, 48): text, (32, 24): text}
    assert "RuntimeError the script has an error here" in capsys.readouterr().err


def test_the_clock_of_a_script_jumps():
    with open_source("synthetic:64x48@200?faults=clock:-3600@3") as source:
        for frame in source:
            if frame.index > 3:
                break
    assert (time.time_ns() - frame.captured_ns) / 1e9 == pytest.approx(3600, abs=30)


def test_a_script_without_a_size_and_with_a_name():
    source = open_source("synthetic?faults=end@5", SourceOptions(name="yard", size=(64, 48)))
    assert source.name == "yard"
    with source:
        assert next(iter(source)).size == (64, 48)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("synthetic?stall=5", r"must look like synthetic:640x480@30\?faults=stall:5@10, got \?stall=5"),
        ("synthetic:64x48?faults=stall", "a fault must look like end@20, stall:5@10"),
        ("synthetic?faults=melt@5", "unknown fault 'melt'"),
    ],
)
def test_what_is_no_script_is_one_line(text, line):
    with pytest.raises(InputError, match=line):
        open_source(text)
