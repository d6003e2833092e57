"""What would wait in silence for a misspelt name, or for what the task does not give, is refused at the start."""

import json
import re
from dataclasses import replace

import pytest

from edge.camera import checks
from edge.camera.assembly import open_camera
from edge.camera.mappings import build
from edge.errors import InputError
from edge.models.weights import FOLDER
from edge.results import Prediction, Result
from edge.thermal import Reading
from tests.fake_bundle import bundle
from tests.loops import frame
from tests.preview.client import ask, post

CELLS = FOLDER / "ssdlite_shufflenet_v2_bccd_int8.edge"  # Platelets, RBC, WBC
MEMBRANE = FOLDER / "unet_membrane_int8.edge"
LINE = {"name": "gate", "points": [[0, 0.5], [1, 0.5]]}
ZONE = {"name": "yard", "points": [[0, 0], [1, 0], [1, 1]]}


def opened(model, **values):
    return open_camera(build({"model": str(model), "source": [{"address": "synthetic"}], "quiet": True, **values}))


@pytest.mark.parametrize(
    ("model", "values", "line"),
    [
        (CELLS, {"show_labels": ["RBCs"]}, "unknown label 'RBCs': did you mean 'RBC'?"),
        (CELLS, {"line": [LINE]}, "tracker"),
        (CELLS, {"track": True, "line": [{**LINE, "labels": ["rbc"]}]}, "unknown label 'rbc'"),
        (CELLS, {"sink": [{"kind": "clips", "target": "c", "on": "zone:yrad"}], "zone": [ZONE]}, "did you mean 'yard'"),
        (CELLS, {"sink": [{"kind": "hook", "target": "c", "on": ["line:gate"]}]}, "unknown line 'gate'"),
        (CELLS, {"sink": [{"kind": "hook", "target": "c", "on": ["dwell:yard"]}], "zone": [ZONE]}, "dwell time"),
        (CELLS, {"sink": [{"kind": "hook", "target": "c", "on": ["WBC>0.5", "Plates"]}]}, "did you mean 'Platelets'"),
        (MEMBRANE, {"show_labels": ["membrane"]}, "task segment gives none: leave out --show"),
        (MEMBRANE, {"track": True}, "trackers need objects with places, and task segment gives none"),
        (MEMBRANE, {"zone": [ZONE]}, "lines and zones need objects"),
        (
            MEMBRANE,
            {"motion": {"crop": True}},
            "another part of each frame, and the network runs on tiles: use --motion",
        ),
        (MEMBRANE, {"sink": [{"kind": "clips", "target": "c"}]}, "clips acts on classes and objects"),
    ],
)
def test_what_could_never_happen_is_refused(model, values, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=line.replace("?", r"\?")):
        opened(model, **values)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (CELLS, {"show_labels": ["RBC"], "zone": [{**ZONE, "labels": ["WBC"]}]}),
        (CELLS, {"track": True, "line": [LINE], "sink": [{"kind": "hook", "target": "c", "on": "line:gate"}]}),
        (CELLS, {"sink": [{"kind": "hook", "target": "c", "on": ["dwell:yard"]}], "zone": [{**ZONE, "dwell": 3}]}),
        (MEMBRANE, {"sink": [{"kind": "csv", "target": "t.csv"}]}),
    ],
)
def test_what_can_happen_is_not(model, values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened(model, **values).close()


def test_labels_that_are_numbers_are_not_known(tmp_path):
    with opened(bundle(tmp_path, [("fake", "float32")], labels=()), show_labels=["17"]) as camera:
        assert checks.known_labels([camera.network], None) is None


def test_changes_while_it_runs_are_checked_too():
    with opened(CELLS) as camera:
        for change in ({"labels": frozenset({"cat"})}, {"shapes": {"": (build_line(),)}}):
            with pytest.raises(InputError):
                camera.loop.control.change(**change)
        camera.loop.control.change(labels=frozenset({"RBC"}))


@pytest.mark.parametrize(("values", "status"), [({}, 400), ({"track": True}, 200)], ids=["untracked", "tracked"])
def test_the_preview_knows_whether_lines_are_taken(values, status, capsys):
    line = {"kind": "line", **LINE}
    with opened(CELLS, sink=[{"kind": "preview", "target": "127.0.0.1:0"}], **values):
        port = int(re.search(r"http://127.0.0.1:(\d+)/", capsys.readouterr().err)[1])
        assert json.loads(ask(port, "/api/state")[2])["tracked"] is (status == 200)
        assert post(port, {"shapes": {"": [line]}})[0] == status


def build_line():
    from edge.places import Line

    return Line("gate", ((0, 0.5), (1, 0.5)))


@pytest.mark.parametrize(("reading", "count"), [(Reading(), 1), (Reading(50.0), 0), (Reading(cooled=False), 0)])
def test_a_machine_without_a_sensor_says_that_it_cannot_be_cooled(monkeypatch, reading, count):
    monkeypatch.setattr(checks.thermal, "read", lambda: reading)
    assert len(checks.notes(build({"model": "m", "pace": {"soft_limit": 60}}))) == count
    assert checks.notes(build({"model": "m", "pace": {"max_rate": 3}})) == ()


@pytest.mark.parametrize(("counting", "entered"), [({}, 1), ({"grace": 1.0}, 2)], ids=["by default", "stated"])
def test_who_is_hidden_leaves_after_the_trackers_age(counting, entered):
    pytest.importorskip("lap", reason="a tracker needs lapx")
    zone = {"name": "all", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    cell = Prediction("WBC", 0.9, 0, (10, 10, 30, 30))
    with opened(CELLS, track={"max_age": 3.0}, counting=counting, zone=[zone]) as camera:
        for second in (0.0, 0.5, 1.5, 2.5, 3.0):  # hidden for 2.5 s
            result = Result("detect", (cell,) if second in (0.0, 0.5, 3.0) else ())
            one = replace(frame(captured_ns=10**9), position=second)
            for stage in camera.loop._stages:
                result = stage(one, result)
    assert result.places[0].counts == {"now": 1, "entered": entered, "left": entered - 1}
