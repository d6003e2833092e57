"""The table: one row for each thing that was found, which Python's reader and a spreadsheet read alike."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import FileError
from edge.results import Mask, Occurrence, Pose, Prediction, Result
from edge.sinks import open_sink
from edge.sinks.csv import COLUMNS
from tests.loops import ListSource, event

SOURCE = ListSource([])
FRAME = {"source": "cam", "frame": 7, "captured_ns": 1_795_228_380_678_666_030, "age_ms": 4.56789, "infer_ms": 1.5}
CELLS = {"source": "cam", "frame": "7", "captured": "2026-11-21T02:33:00.678Z", "age_ms": "4.568", "infer_ms": "1.5"}
DOG = Prediction("dog", 0.90124, 16, (118.04, 39.2, 259.1, 297.0), 3)
BREED = Result(predictions=(Prediction("Boston terrier", 0.7311, 195),))


def written(tmp_path, *results, **options):
    path = tmp_path / "new" / "out.csv"
    with open_sink("csv", str(path), SOURCE, options) as sink:
        for result in results:
            sink.emit(event(result=result))
    return path.read_bytes().decode("utf-8")


def table(text, **reading):
    return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(io.StringIO(text), **reading)]


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({}, [{"kind": "nothing"}]),
        (
            {"predictions": (Prediction("cat", 0.5, 2),)},
            [{"kind": "class", "label": "cat", "index": "2", "score": "0.5"}],
        ),
        (
            {"predictions": (Prediction("dog", 0.9, 16, (1.0, 2.0, 3.0, 4.25), 3, nested=BREED),)},
            [
                {"kind": "object", "label": "dog", "index": "16", "score": "0.9", "id": "3"}
                | {"x0": "1.0", "y0": "2.0", "x1": "3.0", "y1": "4.2"},
                {"kind": "class", "label": "Boston terrier", "index": "195", "score": "0.7311", "id": "3"},
            ],
        ),
        ({"poses": (Pose((), (), 0.75),)}, [{"kind": "pose", "score": "0.75"}]),
        (
            {"mask": Mask(np.array([[0, 0], [1, 0]], np.uint8), ("road", "car"))},
            [{"kind": "area", "label": "road", "value": "0.75"}, {"kind": "area", "label": "car", "value": "0.25"}],
        ),
        (
            {"values": {"yaw": -3.21, "bad": float("nan")}, "units": {"yaw": "deg"}},
            [{"kind": "value", "label": "yaw", "value": "-3.21", "unit": "deg"}, {"kind": "value", "label": "bad"}],
        ),
        (
            {
                "occurrences": (
                    Occurrence("cross", "door", "dog", 3, "in"),
                    Occurrence("dwell", "bed", "dog", 3, "", 9.5),
                )
            },
            [
                {"kind": "nothing"},
                {"kind": "cross", "label": "dog", "id": "3", "place": "door", "direction": "in"},
                {"kind": "dwell", "label": "dog", "id": "3", "place": "bed", "value": "9.5", "unit": "s"},
            ],
        ),
        ({"fault": "no result: it holds NaN"}, [{"kind": "fault", "label": "no result: it holds NaN"}]),
    ],
    ids=["nothing", "class", "object with a nested result", "pose", "mask", "values", "occurrences", "fault"],
)
def test_rows(tmp_path, fields, rows):
    text = written(tmp_path, Result(**fields, **FRAME))
    assert text.split("\r\n")[0] == ",".join(COLUMNS)
    assert table(text) == [CELLS | row for row in rows]


def test_the_header_comes_once_and_the_file_is_alone(tmp_path):
    text = written(tmp_path, Result(**FRAME), Result(**FRAME))
    assert len(text.splitlines()) == 3
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.csv"]


@pytest.mark.parametrize("label", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\tx", "\rx"])
def test_no_text_is_a_formula(tmp_path, label):
    (row,) = table(written(tmp_path, Result(predictions=(Prediction(label, 0.5, 0),))), strict=True)
    assert row["label"] == f"'{label}"


@given(st.text(st.characters(exclude_characters="\0")))
def test_any_label_is_read_back(label):
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.sinks.csv.TextFile", lambda target: _Text(out))
        with open_sink("csv", "-", SOURCE) as sink:
            sink.emit(event(result=Result(predictions=(Prediction(label, 0.5, 0),))))
    (row,) = csv.DictReader(io.StringIO(out.getvalue(), newline=""), strict=True)
    assert row["label"].removeprefix("'") == label.removeprefix("'")
    assert not row["label"].startswith(("=", "+", "-", "@", "\t", "\r"))


class _Text:
    begun = False

    def __init__(self, out):
        self.write, self.close = out.write, lambda: None


def test_a_semicolon_and_a_byte_order_mark_for_excel(tmp_path):
    text = written(tmp_path, Result(predictions=(DOG,), **FRAME), delimiter=";", byte_order_mark=True)
    assert text.startswith("\ufeffsource;frame;captured")
    assert table(text[1:], delimiter=";")[0]["label"] == "dog"


def test_stdout(capfd):
    with open_sink("csv", "-", SOURCE) as sink:
        sink.emit(event(result=Result(predictions=(DOG,), **FRAME)))
    assert table(capfd.readouterr().out)[0]["x0"] == "118.0"


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    sink = open_sink("csv", str(path), SOURCE)
    sink.emit(event(result=Result()))
    monkeypatch.setattr(sink._file, "_file", _Full())
    with pytest.raises(FileError, match=r"cannot write .*out\.csv"):
        sink.emit(event(result=Result()))
    sink.close()
    assert not list(tmp_path.iterdir())


class _Full:
    def write(self, _):
        raise OSError(28, "No space left on device")


def test_half_characters_are_written_as_escapes(tmp_path):
    (row,) = table(written(tmp_path, Result(predictions=(Prediction("a\udce9", 0.5, 2),))))
    assert row["label"] == "a\\udce9"
