"""One picture an event: annotated, complete, and written when there is room again."""

import json

import cv2
import pytest

from edge.backoff import Backoff
from edge.errors import FileError, InputError
from edge.results import Prediction, Result
from edge.sinks import event_folder, open_sink
from edge.sinks.context import Context
from edge.sinks.queued import Queued
from tests.loops import ListSource, event

PERSON = Result(predictions=(Prediction("person", 0.7, 0),), source="cam", captured_ns=10**18)


def test_one_annotated_picture_an_event(tmp_path):
    results = [Result(), PERSON, PERSON, Result(), PERSON]
    with open_sink("snapshots", str(tmp_path), ListSource([]), {"on": ["person"], "hold": 0, "json": True}) as sink:
        for index, result in enumerate(results):
            sink.emit(event(index, result))
    names = sorted(path.name for path in tmp_path.iterdir())
    start = "20010909T014640.000Z_list_person"
    assert names == [f"{start}-1.jpg", f"{start}-1.json", f"{start}.jpg", f"{start}.json"]
    assert json.loads((tmp_path / names[3]).read_text())["trigger"] == "person"
    image = cv2.imread(str(tmp_path / names[2]))
    assert abs(image.astype(int) - event(1, PERSON).picture).mean() < 8  # the error of a JPEG


def test_a_disk_that_is_full_for_a_while(tmp_path, monkeypatch, capsys):
    """With a live source it is said once and counted; the picture is written when there is room."""
    context = Context([ListSource([], live=True)])
    sink = open_sink("snapshots", str(tmp_path), context, {"on": ["any"]})
    file, tries = event_folder.EventFolder.file, []

    def full(self, *given):
        tries.append(1)
        if len(tries) < 4:
            raise FileError("the disk is full")
        return file(self, *given)

    monkeypatch.setattr(event_folder.EventFolder, "file", full)
    with Queued(sink, True, context.stats, backoff=Backoff(0.001, 0.001)) as queued:
        queued.emit(event(0, PERSON))
        while len(tries) < 4:
            queued._ending.wait(0.01)
    assert len(list(tmp_path.iterdir())) == 1
    assert context.stats.snapshot().errors_by_sink == {"snapshots": 3}
    assert context.stats.snapshot().lost == 0
    assert capsys.readouterr().err.splitlines() == [
        "sink snapshots: the disk is full; again in 0.001 s",
        "sink snapshots: back after 3 attempt(s)",
    ]


def test_a_full_disk_ends_the_run_over_a_file(tmp_path):
    assert open_sink("snapshots", str(tmp_path), ListSource([], live=False)).on_error == "fatal"
    assert open_sink("snapshots", str(tmp_path), ListSource([], live=True)).on_error == "retry"


@pytest.mark.parametrize(("options", "line"), [({"quality": 0}, "quality must be from 1 to 100"), ({"on": []}, "1 to")])
def test_other_values_are_one_line(tmp_path, options, line):
    with pytest.raises(InputError, match=line):
        open_sink("snapshots", str(tmp_path), ListSource([]), options)
