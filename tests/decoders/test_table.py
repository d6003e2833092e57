"""Every row of the table of decoders, and what a third party adds to it."""

import json
import sys
import types

import numpy as np
import pytest

from edge import decoders
from edge.decoders.base import Poses
from edge.decoders.select import Selection, select
from edge.errors import InputError
from edge.recognize import Asked, recognize
from edge.signature import ROLES
from edge.tensors import real_outputs
from tests import plugins
from tests.decoders.heads import image, spec

HEADS = {
    "ssd": ((260, 260), [(1, 5972, 4), (1, 5972, 2)], ("linear", "sigmoid")),
    "tflite_detection": ((320, 320), [(1, 10), (1, 10, 4), (1,), (1, 10)], (None,) * 4),
    "yolov5": ((640, 640), [(1, 25200, 85)], (None,)),
    "yolov8": ((640, 640), [(1, 84, 8400)], (None,)),
    "fastestdet": ((352, 352), [(1, 85, 22, 22)], ("mixed",)),
    "blazeface": ((128, 128), [(1, 896, 16), (1, 896, 1)], ("linear", "linear")),
    "rfb": ((320, 240), [(1, 4420, 2), (1, 4420, 4)], ("softmax", "linear")),
    "yunet": ((320, 320), [(1, n, k) for k in (1, 1, 4, 10) for n in (1600, 400, 100)], (None,) * 12),
    "fomo": ((96, 96), [(1, 12, 12, 3)], ("softmax",)),
    "heatmaps": ((192, 256), [(1, 64, 48, 17)], ("linear",)),
    "movenet": ((192, 192), [(1, 1, 17, 3)], (None,)),
    "yolov8_pose": ((640, 640), [(1, 56, 8400)], (None,)),
    "landmarks": ((64, 64), [(1, 213), (1, 15)], ("linear", "linear")),
}
"""A head of each decoder that is recognized: input size, output shapes, last operations."""

NAMES = {
    "tflite_detection": [f"StatefulPartitionedCall:{k}" for k in (1, 3, 0, 2)],
    "heatmaps": ["heatmaps"],
}


def rows(name):
    return [spec(n, s) for n, s in zip(NAMES.get(name, [f"o{k}" for k in range(12)]), HEADS[name][1], strict=False)]


def test_every_row_has_a_head_here():
    assert set(HEADS) == set(decoders.DECODERS)


@pytest.mark.parametrize("name", decoders.DECODERS)
def test_a_row_says_what_it_is(name):
    made = decoders.load(name)
    assert made.task == decoders.task_of(name) in ("detect", "keypoints")
    assert "Parameters:" in made.__doc__ or "no parameters of its own" in made.__doc__
    assert decoders.recognizer(name)
    assert decoders.role_finder(name)


@pytest.mark.parametrize("name", decoders.DECODERS)
def test_a_head_is_recognized_by_its_decoder_alone(name, tmp_path, monkeypatch):
    size, _, ends = HEADS[name]
    monkeypatch.setattr("edge.graph_end.ends", lambda path, count: ends)
    found = recognize(tmp_path / "file.fake", [image(size)], rows(name), Asked())
    assert (found.signature.task.name, found.signature.task.decoder) == (decoders.task_of(name), name)
    assert found.notes[0].endswith(f": task {decoders.task_of(name)}, decoder {name}")
    assert {output.role for output in found.signature.outputs} <= set(ROLES)
    assert json.loads(json.dumps(found.signature.task.parameters)) == found.signature.task.parameters


@pytest.mark.parametrize("name", decoders.DECODERS)
def test_nothing_strange_is_recognized_and_nothing_breaks(name):
    shapes = [(), (1,), (1, 1), (1, 7), (1, 7, 4), (1, 4, 4, 4), (1, 2, 3, 4, 5), (1, 1000), (7, 7)]
    for entry in ([], [spec("i", (1, 40))], [image((64, 48))], [spec("i", (1, 3, 48, 64))], [image((8, 8))] * 2):
        for first in shapes:
            for outputs in ([spec("a", first)], [spec("a", first), spec("b", (1, 7, 4))]):
                found = decoders.recognizer(name)(entry, outputs, (None,) * len(outputs))
                assert found is None


@pytest.mark.parametrize("name", decoders.DECODERS)
def test_a_network_without_an_image_is_refused_in_one_line(name, tmp_path):
    with pytest.raises(InputError) as caught:
        recognize(
            tmp_path / "f.fake", [spec("sound", (1, 40))], rows(name), Asked(decoder=name, parameters={"anchors": []})
        )
    assert "\n" not in str(caught.value)


BROKEN = {
    "nan": lambda a: np.full_like(a, np.nan),
    "inf": lambda a: np.full_like(a, np.inf),
    "-inf": lambda a: np.full_like(a, -np.inf),
    "large": lambda a: np.full_like(a, 3e38),
    "-large": lambda a: np.full_like(a, -3e38),
    "some": lambda a: np.where(a > 1, np.inf, np.where(a < -1, np.nan, a)).astype(np.float32),
    "random": lambda a: a * 50,
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", decoders.DECODERS)
def test_a_broken_network_makes_no_broken_result(name, kind, tmp_path, monkeypatch):
    size, shapes, ends = HEADS[name]
    monkeypatch.setattr("edge.graph_end.ends", lambda path, count: ends)
    found = recognize(tmp_path / "file.fake", [image(size)], rows(name), Asked()).signature
    rng = np.random.default_rng(0)
    values = [BROKEN[kind](rng.normal(0, 1, shape).astype(np.float32)) for shape in shapes]
    outputs = real_outputs({o.name: value for o, value in zip(found.outputs, values, strict=True)})
    try:
        said = decoders.load(name)(found)(outputs)
    except InputError:
        # Their values say what their outputs are, or that they are no scores.
        assert name in ("tflite_detection", "yolov5", "yolov8", "yolov8_pose", "ssd", "rfb", "fomo")
        return
    if isinstance(said, Poses):
        assert said.points.dtype == said.scores.dtype == np.float32
        assert ((said.scores >= 0) & (said.scores <= 1)).all() or not np.isfinite(said.points).all()
        return
    chosen = select(said, Selection(score_threshold=0.1))
    assert np.isfinite(chosen.boxes).all()
    assert np.isfinite(chosen.scores).all()
    assert said.boxes.dtype == said.scores.dtype == np.float32


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="unknown decoder 'yolo8': did you mean 'yolov8'"):
        decoders.load("yolo8")


def test_names_by_task():
    assert decoders.names("keypoints") == ["heatmaps", "movenet", "yolov8_pose", "landmarks"]
    assert set(decoders.names()) == set(decoders.DECODERS)


def test_a_third_party_adds_one(tmp_path, monkeypatch):
    module = types.ModuleType("their_decoder")
    module.Theirs = type("Theirs", (), {"task": "keypoints", "__module__": "their_decoder"})
    monkeypatch.setitem(sys.modules, "their_decoder", module)
    plugins.install(tmp_path, monkeypatch, "edge.decoders", {"theirs": "their_decoder:Theirs"})
    assert decoders.load("theirs") is module.Theirs
    assert decoders.task_of("theirs") == "keypoints"
    assert decoders.names("keypoints")[-1] == "theirs"
    assert decoders.recognizer("theirs") is None
    assert decoders.role_finder("theirs") is None
