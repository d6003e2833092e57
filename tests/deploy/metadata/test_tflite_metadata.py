"""What is stated for each task. The expected numbers are those of the public schemas, read by ``edge.flatbuffer``."""

import struct

import pytest

from edge import flatbuffer
from edge.deploy.metadata.tflite_metadata import describe
from edge.signature import Input, Output, Signature, TaskSpec
from tests.deploy.metadata.files import network, picture

CLASSES = [("p", "scores", (1, 2))]
ANCHORS = [[0.5, 0.25, 0.2, 0.1], [0.5, 0.75, 0.4, 0.3]]


def stated(signature, labels=("cat", "dog")):
    """Return the metadata's only graph, and the associated files as text."""
    found = describe("net", signature, labels, signature.inputs, signature.outputs)
    model = flatbuffer.root(found.buffer)
    assert found.buffer[4:8] == b"M001"
    assert (model.text(0), model.text(7)) == ("net", "1.5.0")
    return model.item(3, 0), {name: content.decode() for name, content in found.files.items()}


def units(tensor):
    """Return the options of a tensor's process units by their kind."""
    return {unit.number(0, "<B"): unit.table(1) for unit in tensor.tables(4)}


def read_float(table, field):
    return struct.unpack("<f", struct.pack("<I", table.number(field, "<I")))[0]


def attached(tensor):
    """Return kind and name of a tensor's files."""
    return [(file.number(2, "<b"), file.text(0)) for file in tensor.tables(6)]


@pytest.mark.parametrize(
    ("form", "colour", "mean", "std"),
    [
        pytest.param({}, 1, (127.5,), (127.5,), id="as usual"),
        pytest.param({"mean": (1.0, 2.0, 3.0), "std": (4.0,)}, 1, (1, 2, 3), (4, 4, 4), id="as many of each"),
        pytest.param({"colour": "GRAY"}, 2, (127.5,), (127.5,), id="grey"),
        pytest.param({"colour": "BGR"}, 0, (127.5,), (127.5,), id="MediaPipe knows no BGR and must refuse it"),
    ],
)
def test_a_picture(form, colour, mean, std):
    graph, _ = stated(network("classify", CLASSES, entry=picture(**form)))
    entry = graph.item(2, 0)
    content = entry.table(3)
    assert (entry.text(0), content.number(0, "<B")) == ("image", 2)
    assert content.table(1).number(0, "<b") == colour
    size = content.table(1).table(1)
    assert (size.number(0, "<I"), size.number(1, "<I")) == (6, 4)
    normalization = units(entry)[1]
    assert (normalization.numbers(0, "f"), normalization.numbers(1, "f")) == (mean, std)


def test_pixels_as_they_are_have_no_normalization():
    graph, _ = stated(network("classify", CLASSES, entry=picture(raw=True)))
    assert units(graph.item(2, 0)) == {}


def test_a_classifier():
    graph, files = stated(network("classify", CLASSES, activation="none", threshold=0.25))
    output = graph.item(3, 0)
    assert (output.text(0), attached(output), files) == ("p", [(2, "labels.txt")], {"labels.txt": "cat\ndog\n"})
    assert units(output).keys() == {3}
    assert read_float(units(output)[3], 0) == 0.25


def test_a_sigmoid_that_is_left_to_the_reader():
    """MediaPipe's score calibration gives scale / (1 + exp(-(slope * score + offset))) for each class."""
    graph, files = stated(network("classify", CLASSES, activation="sigmoid", multi_label=True))
    output = graph.item(3, 0)
    assert attached(output) == [(2, "labels.txt"), (4, "score_calibration.txt")]
    assert files["score_calibration.txt"] == "1,1,0\n1,1,0\n"
    assert 2 in units(output)


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        pytest.param(CLASSES, (), id="nobody named the classes"),
        pytest.param([("p", "scores", (1, 1))], ("no", "yes"), id="one column stands for two labels"),
    ],
)
def test_labels_that_do_not_name_columns_are_left_out(outputs, labels):
    graph, _ = stated(network("classify", outputs), labels)
    assert attached(graph.item(3, 0)) == []


def ssd(background=True, **parameters):
    outputs = [("b", "boxes", (1, 2, 4)), ("s", "scores", (1, 2, 2 + background))]
    return network("detect", outputs, "ssd", anchors=ANCHORS, background=background, **parameters)


@pytest.mark.parametrize(("background", "names"), [(False, "cat\ndog\n"), (True, "background\ncat\ndog\n")])
def test_a_detector_with_anchors(background, names):
    graph, files = stated(ssd(background, score_threshold=0.5))
    location, score = graph.tables(3)
    assert (location.text(0), score.text(0)) == ("location", "score")
    assert (attached(score), files) == ([(2, "labels.txt")], {"labels.txt": names})
    boxes = location.table(3).table(1)
    assert (boxes.numbers(0, "I"), boxes.number(1, "<b"), boxes.number(2, "<b")) == ((1, 0, 3, 2), 1, 0)
    assert read_float(units(score)[3], 0) == 0.5
    entry = graph.item(9, 0)
    assert entry.text(0) == "DETECTOR_METADATA"
    options = flatbuffer.root(entry.bytes(1))
    anchors = options.table(1).table(0)
    rows = [tuple(read_float(anchor, index) for index in range(4)) for anchor in anchors.tables(0)]
    assert rows == [pytest.approx((x, y, w, h)) for y, x, h, w in ANCHORS]
    decoding = options.table(2)
    assert [decoding.number(index) for index in (0, 1, 2, 5)] == [2 + background, 2, 4, 2]
    assert [read_float(decoding, index) for index in (6, 7, 8, 9)] == [10, 10, 5, 5]
    assert [decoding.number(index, "<B") for index in (10, 11)] == [1, 0]


@pytest.mark.parametrize("parameters", [{"offsets": "xywh"}, {"activation": "softmax"}])
def test_a_detector_that_mediapipe_cannot_decode_states_no_decoding(parameters):
    graph, _ = stated(ssd(**parameters))
    assert graph.item(9, 0) is None


def test_a_detector_that_selects_its_boxes_itself():
    outputs = [
        ("a", "scores", (1, 5)),
        ("b", "boxes", (1, 5, 4)),
        ("c", "count", (1,)),
        ("d", "classes", (1, 5)),
    ]
    graph, files = stated(network("detect", outputs, "tflite_detection", first_class=1))
    names = [tensor.text(0) for tensor in graph.tables(3)]
    assert names == ["score", "location", "number of detections", "category"]
    assert attached(graph.item(3, 3)) == [(3, "labels.txt")]
    assert files == {"labels.txt": "background\ncat\ndog\n"}
    assert graph.item(8, 0).text(0) == "detection_result"


@pytest.mark.parametrize(("activation", "number"), [("none", 0), ("sigmoid", 1), ("softmax", 2), ("auto", 0)])
def test_a_segmenter(activation, number):
    graph, files = stated(network("segment", [("m", "mask", (1, 4, 6, 2))], activation=activation))
    assert attached(graph.item(3, 0)) == [(2, "labels.txt")]
    assert files == {"labels.txt": "cat\ndog\n"}
    assert graph.item(9, 0).text(0) == "SEGMENTER_METADATA"
    options = flatbuffer.root(graph.item(9, 0).bytes(1))
    assert (options.number(0, "<b"), options.text(1)) == (number, "1.0.0")


@pytest.mark.parametrize(
    ("task", "role"), [("embed", "embedding"), ("regress", "value"), ("raw", "tensor"), ("image", "image")]
)
def test_other_tasks_have_names_and_normalization(task, role):
    graph, files = stated(network(task, [("o", role, (1, 4, 6, 3))]), ())
    assert (graph.item(3, 0).text(0), files) == ("o", {})
    assert 1 in units(graph.item(2, 0))


def test_tensors_that_are_no_pictures():
    signature = Signature(
        (Input("tokens", "tensor", (1, 16), "int32"),), (Output("o", "scores", (1, 2)),), TaskSpec("classify")
    )
    graph, _ = stated(signature)
    assert graph.item(2, 0).table(3).number(0, "<B") == 1
    assert units(graph.item(2, 0)) == {}
