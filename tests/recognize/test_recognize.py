"""What bare files are taken for, what is refused, and that nothing is assumed in silence."""

import json
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.backends import open_model
from edge.decoders.base import Recognized
from edge.errors import InputError
from edge.file_metadata import FileMetadata
from edge.imaging import InputFormat, Preprocessor, default_format
from edge.recognize import Asked, is_image, recognize, ultralytics
from edge.recognize.inputs import own_scale
from edge.signature import ROLES, TaskSpec
from edge.tensors import Quantization, TensorSpec
from tests import plugins
from tests.decoders.heads import image, spec
from tests.shared import needs_shared, shared

PICTURE = (image((96, 64)),)
NOTHING_SAID = FileMetadata()
SOFTMAX_STEPS = Quantization(1 / 256, -128)


@pytest.fixture
def look(tmp_path, monkeypatch):
    """Return a function that recognizes a made-up file with the last operations that it is told."""

    def look(outputs, end=None, inputs=PICTURE, metadata=NOTHING_SAID, **asked):
        ends = tuple(end) if isinstance(end, tuple) else (end,) * len(outputs)
        monkeypatch.setattr("edge.graph_end.ends", lambda path, count: ends)
        monkeypatch.setattr("edge.file_metadata.read", lambda path: metadata)
        return recognize(tmp_path / "net.fake", inputs, outputs, Asked(**asked))

    return look


def quantized(name, shape, quantization=SOFTMAX_STEPS, dtype=np.int8):
    return TensorSpec(name, shape, np.dtype(dtype), quantization)


def assert_raw(found, *takers):
    """Check that a file was taken for numbers as they are, and that a note says so and names what would take it."""
    assert found.signature.task == TaskSpec("raw")
    assert {output.role for output in found.signature.outputs} == {"tensor"}
    assert found.notes[0].startswith("found ")
    assert found.notes[0].endswith(", numbers of no known task: task raw")
    assert found.notes[1].startswith("nothing tells what these numbers mean; these would take them: --task ")
    assert all(taker in found.notes[1] for taker in takers)
    assert not any("\n" in note for note in found.notes)


@pytest.mark.parametrize(
    ("output", "end", "parameters", "note"),
    [
        pytest.param(spec("o", (1, 10)), "softmax", {"activation": "none"}, None, id="softmax"),
        pytest.param(spec("o", (1, 1, 1, 10)), "softmax", {"activation": "none"}, None, id="four axes"),
        pytest.param(
            spec("o", (1, 1000)), "sigmoid", {"activation": "none", "multi_label": True}, None, id="independent"
        ),
        pytest.param(spec("o", (1, 1000)), "linear", {"activation": "softmax"}, "taken as logits", id="ImageNet"),
        pytest.param(spec("o", (1, 1001)), None, {"activation": "auto"}, "told by their values", id="and a background"),
        pytest.param(
            quantized("o", (1, 10)), None, {"activation": "auto"}, "told by their values", id="steps of 1/256"
        ),
        pytest.param(spec("o", (1, 1)), "sigmoid", {"activation": "none"}, None, id="one probability"),
    ],
)
def test_a_vector_is_a_classifier(look, output, end, parameters, note):
    found = look([output], end)
    assert (found.signature.task.name, found.signature.task.parameters) == ("classify", parameters)
    assert found.signature.outputs[0].role == "scores"
    assert found.notes[0].startswith("found one ")
    assert found.notes[0].endswith(": task classify")
    assert (note is None) == (len(found.notes) == 2)  # the other is on the pixels
    assert note is None or note in found.notes[1]


@pytest.mark.parametrize(
    ("end", "activation"), [("linear", "sigmoid"), (None, "auto"), ("softmax", "auto"), ("tanh", "sigmoid")]
)
def test_one_number_is_a_classifier_only_of_two_labels(look, end, activation):
    assert look([spec("o", (1, 1))], end, labels=2).signature.task.parameters == {"activation": activation}
    assert_raw(look([spec("o", (1, 1))], end), "--task classify, --task embed, --task regress")
    assert look([spec("o", (1, 1))], end, task="classify").signature.task.parameters == {"activation": activation}


def test_what_somebody_says_of_the_scores_replaces_the_assumption(look):
    found = look([spec("o", (1, 10))], "linear", parameters={"activation": "sigmoid", "top": 3})
    assert found.signature.task.parameters == {"activation": "sigmoid", "top": 3}
    assert not any("logits" in note for note in found.notes[1:])


@pytest.mark.parametrize(
    ("shape", "dtype", "end", "parameters"),
    [
        ((1, 64, 96, 21), np.float32, "linear", {"layout": "NHWC", "activation": "softmax"}),
        ((1, 21, 64, 96), np.float32, "softmax", {"layout": "NCHW", "activation": "none"}),
        ((1, 32, 48, 2), np.float32, "softmax", {"layout": "NHWC", "activation": "none"}),
        ((1, 64, 96, 2), np.float32, None, {"layout": "NHWC", "activation": "auto"}),
        ((1, 64, 96, 1), np.float32, "sigmoid", {"layout": "NHWC", "activation": "none"}),
        ((1, 64, 96), np.int64, "argmax", {"layout": "NHWC", "activation": "none"}),
        ((1, 64, 96, 1), np.int32, "argmax", {"layout": "NHWC", "activation": "none"}),
        ((1, 64, 96, 3), np.float32, "softmax", {"layout": "NHWC", "activation": "none"}),
        ((1, 64, 96), np.float32, "argmax", {"layout": "NHWC", "class_numbers": True}),
        ((1, 1, 64, 96), np.float32, "argmax", {"layout": "NCHW", "class_numbers": True}),
    ],
)
def test_a_map_is_a_mask(look, shape, dtype, end, parameters):
    found = look([spec("o", shape, dtype)], end)
    assert (found.signature.task.name, found.signature.task.parameters) == ("segment", parameters)
    assert found.signature.outputs[0].dtype == np.dtype(dtype).name


@pytest.mark.parametrize(
    ("shape", "end", "span"),
    [
        ((1, 64, 96, 3), "tanh", [-1, 1]),
        ((1, 256, 384, 3), "linear", "auto"),
        ((1, 3, 256, 384), "sigmoid", [0, 1]),
        ((1, 128, 192, 1), None, "auto"),
    ],
)
def test_a_picture_is_a_picture(look, shape, end, span):
    found = look([spec("o", shape)], end)
    assert found.signature.task.name == "image"
    assert found.signature.task.parameters["range"] == span


def test_a_normalized_vector_is_an_embedding(look):
    found = look([spec("o", (1, 128))], "l2_norm")
    assert (found.signature.task.name, found.signature.outputs[0].role) == ("embed", "embedding")


@pytest.mark.parametrize("end", ["linear", "tanh", "sigmoid", "other", "mixed", None])
@pytest.mark.parametrize("count", [2, 4, 10, 128, 136])
def test_a_vector_without_a_sure_meaning_is_never_a_class(look, count, end):
    """Four numbers may be a box, after a sigmoid too, 10 the points of a face, and 128 an embedding."""
    found = look([spec("o", (1, count))], end)
    assert_raw(found, "--task classify", "--task embed", "--task regress")
    assert look([spec("o", (1, count))], end, labels=count).signature.task.name == "classify"
    for told in ({"activation": "softmax"}, {"top": 3}):
        assert look([spec("o", (1, count))], end, parameters=told).signature.task.name == "classify"


@pytest.mark.parametrize(
    ("scale", "zero_point", "name"),
    [
        pytest.param(1 / 256, -128, "int8", id="as the converter quantizes a softmax"),
        pytest.param(1 / 255, 0, "uint8", id="as older files have it"),
    ],
)
def test_steps_from_0_to_1_are_scores(look, scale, zero_point, name):
    output = quantized("o", (1, 10), Quantization(scale, zero_point), name)
    assert look([output], "other").signature.task.name == "classify"
    for other in (Quantization(scale * 2, zero_point), Quantization(scale, zero_point + 1)):
        assert_raw(look([quantized("o", (1, 10), other, name)], "other"))
    assert_raw(look([output], "linear"))


@pytest.mark.parametrize(
    ("outputs", "end", "takers"),
    [
        pytest.param(
            [spec("a", (1, 10)), spec("b", (1, 4))],
            "softmax",
            ["found a (1, 10) float32, b (1, 4) float32,", "--task regress"],
            id="two heads are never read by the first",
        ),
        pytest.param(
            [spec("o", (1, 16, 24, 17))],
            "linear",
            ["--task segment", "--task keypoints --decoder heatmaps"],
            id="a coarse map",
        ),
        pytest.param([spec("o", (1, 5, 7, 9, 3))], None, ["--task regress"], id="five axes"),
        pytest.param([spec("o", (1,), np.int64)], "argmax", ["o (1,) int64"], id="a class's number"),
        pytest.param([spec("o", (1, 5))], "argmax", ["o (1, 5) float32"], id="numbers as real values"),
        pytest.param([spec("o", (1, 10), np.bool_)], "linear", ["o (1, 10) bool"], id="truth values"),
        pytest.param([spec("o", (5, 64, 96))], "linear", ["--task regress"], id="a batch of five maps"),
        pytest.param(
            [spec("a", (1, 3234, 4)), spec("b", (1, 3234, 21))],
            ("linear", "softmax"),
            ["--task detect --decoder ssd"],
            id="anchors that nobody knows",
        ),
    ],
)
def test_outputs_of_no_known_task_are_numbers_as_they_are(look, outputs, end, takers):
    found = look(outputs, end)
    assert_raw(found)
    assert all(taker in " ".join(found.notes) for taker in takers)


@pytest.mark.parametrize(
    ("outputs", "end", "words"),
    [
        pytest.param(
            [spec("o", (1, 64, 96, 3))],
            "linear",
            r"which may be .*\(--task segment\); or .*\(--task image\): say which",
            id="three classes or a picture",
        ),
        pytest.param(
            [spec("o", (1, 126, 15))],
            None,
            r"yolo.*10 classes.*\(--task detect --decoder yolov5\); or .*11 classes.*--decoder yolov8\): say which|"
            r"objectness and 10 classes.*--decoder yolov5.*11 classes.*--decoder yolov8",
            id="with or without objectness",
        ),
        pytest.param(
            [spec("o", (1, 126, 56))], None, "51 classes.*yolov5.*17 keypoints.*yolov8_pose", id="classes or keypoints"
        ),
    ],
)
def test_what_may_be_several_is_refused_with_what_would_take_it(look, outputs, end, words):
    with pytest.raises(InputError, match=words) as caught:
        look(outputs, end)
    assert "net.fake takes image (1, 64, 96, 3) float32 and gives" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plugin_may_read_a_vector(look, tmp_path, monkeypatch):
    """YOLO of 2016 gave one vector of 1470 numbers."""

    def recognize(inputs, outputs, ends):
        return Recognized(TaskSpec("detect", "yolov1"), ("detections",), "1470 numbers of YOLO")

    module = types.ModuleType("their_decoder")
    module.Yolov1 = type("Yolov1", (), {"__init__": lambda self, signature: None, "__module__": "their_decoder"})
    module.recognize = recognize
    monkeypatch.setitem(sys.modules, "their_decoder", module)
    plugins.install(tmp_path, monkeypatch, "edge.decoders", {"yolov1": "their_decoder:Yolov1"})
    assert look([spec("o", (1, 1470))]).signature.task == TaskSpec("detect", "yolov1")


def test_an_autoencoder_of_vectors_is_no_classifier(look):
    assert_raw(look([spec("o", (1, 640))], "linear", inputs=[spec("i", (1, 640))]), "--task embed")
    assert look([spec("o", (1, 640))], "softmax", inputs=[spec("i", (1, 640))]).signature.task.name == "classify"


def test_labels_choose_between_heads_of_the_same_shape(look):
    assert look([spec("o", (1, 126, 15))], labels=10).signature.task.decoder == "yolov5"
    assert look([spec("o", (1, 126, 15))], labels=11).signature.task.decoder == "yolov8"
    with pytest.raises(InputError, match="say which"):
        look([spec("o", (1, 126, 15))], labels=12)


@pytest.mark.parametrize(
    ("task", "roles"),
    [
        ("raw", ("tensor", "tensor")),
        ("regress", ("value", "value")),
        ("keypoints", ("points", "points")),
        ("somebody_else_s", ("tensor", "tensor")),
    ],
)
def test_a_task_that_is_asked_for_reads_what_it_can(look, task, roles):
    found = look([spec("a", (1, 213)), spec("b", (1, 15))], task=task)
    assert found.signature.task.name == task
    assert tuple(output.role for output in found.signature.outputs) == roles


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (
            "classify",
            r"needs one vector of scores as the only output, net.fake gives a \(1, 213\) float32, b \(1, 15\)",
        ),
        ("segment", "needs one map as the only output"),
        ("image", "needs one picture as the only output"),
        ("embed", "needs one vector as the only output"),
        ("detect", "no decoder of task detect is told by them; these would take them: --task regress, --task raw, "),
    ],
)
def test_a_task_that_cannot_read_the_file_says_so(look, task, words):
    with pytest.raises(InputError, match=words):
        look([spec("a", (1, 213)), spec("b", (1, 15))], task=task)


@pytest.mark.parametrize("task", ["classify", "embed"])
def test_a_map_is_no_vector(look, task):
    with pytest.raises(InputError, match=rf"task {task} needs one vector of real numbers, got o \(1, 4, 6, 3\)"):
        look([spec("o", (1, 4, 6, 3))], task=task)


@pytest.mark.parametrize("task", ["segment", "image"])
def test_a_vector_is_no_map(look, task):
    with pytest.raises(InputError, match=rf"task {task} needs an image input and a map of its proportions, got o"):
        look([spec("o", (1, 1, 1, 3))], task=task)


def test_keypoints_of_a_map_are_heat_maps(look):
    found = look([spec("o", (1, 17, 16, 24))], "linear", task="keypoints")
    assert (found.signature.task.decoder, found.signature.task.parameters) == ("heatmaps", {"layout": "NCHW"})


def test_a_decoder_that_is_asked_for(look):
    outputs = [spec("a", (1, 3, 5)), spec("b", (1, 3, 4))]
    anchors = [[0.5, 0.5, 0.1, 0.1]] * 3
    found = look(outputs, ("softmax", "linear"), decoder="ssd", parameters={"anchors": anchors})
    assert found.signature.task.name == "detect"
    assert found.signature.task.parameters == {"anchors": anchors, "background": True, "activation": "none"}
    assert [output.role for output in found.signature.outputs] == ["scores", "boxes"]
    with pytest.raises(InputError, match=r"3 anchors must give boxes.*got \(1, 4, 4\)"):
        look([spec("a", (1, 4, 5)), spec("b", (1, 4, 4))], decoder="ssd", parameters={"anchors": anchors})
    with pytest.raises(InputError, match="decoder ssd belongs to task detect, not to task segment"):
        look(outputs, decoder="ssd", task="segment")
    with pytest.raises(InputError, match="decoder blazeface takes boxes"):
        look(outputs, decoder="blazeface")


def test_roles_can_be_said_in_the_file_s_order(look):
    outputs = [spec("a", (1, 3, 4)), spec("b", (1, 3, 4))]
    told = {"anchors": [[0.5, 0.5, 0.1, 0.1]] * 3, "order": ["scores", "boxes"]}
    found = look(outputs, decoder="ssd", parameters=told)
    assert [output.role for output in found.signature.outputs] == ["scores", "boxes"]
    assert "order" not in found.signature.task.parameters
    for order in (["scores"], ["scores", "bananas"], "scores, boxes"):
        with pytest.raises(InputError, match="parameter order must be one of"):
            look(outputs, decoder="ssd", parameters={**told, "order": order})


SSD = [spec("boxes", (1, 3, 4)), spec("scores", (1, 3, 91))]


@pytest.mark.parametrize(
    ("end", "labels", "told", "parameters"),
    [
        ("softmax", None, {}, {"background": True, "activation": "none"}),
        ("softmax", 90, {}, {"background": True, "activation": "none"}),
        ("softmax", 91, {}, {"background": True, "activation": "none", "background_label": True}),
        ("sigmoid", 90, {}, {"background": True, "activation": "none"}),
        ("sigmoid", 91, {}, {"background": False, "activation": "none"}),
        ("linear", 90, {}, {"background": True, "activation": "softmax"}),
        ("linear", 91, {}, {"background": False, "activation": "sigmoid"}),
        ("sigmoid", 91, {"background": True}, {"background": True, "background_label": True}),
        ("linear", 90, {"activation": "none"}, {"background": True, "activation": "none"}),
    ],
)
def test_labels_tell_whether_there_is_a_background(look, end, labels, told, parameters):
    anchors = {"anchors": [[0.5, 0.5, 0.1, 0.1]] * 3}
    found = look(SSD, ("linear", end), decoder="ssd", labels=labels, parameters={**anchors, **told})
    assert found.signature.task.parameters == {**anchors, **parameters}


@pytest.mark.parametrize(
    ("outputs", "end", "labels", "words"),
    [
        (SSD, ("linear", "softmax"), 80, "each of the 90 classes .*, or 91 with one for the background first, got 80"),
        (SSD, ("linear", "sigmoid"), 92, "each of the 90 classes .*, or 91 .*, got 92"),
        (
            [spec("o", (1, 84, 126))],
            (None,),
            79,
            "each of the 80 classes that decoder yolov8 finds in net.fake, got 79",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(look, outputs, end, labels, words):
    asked = {"decoder": "ssd", "parameters": {"anchors": [[0.5, 0.5, 0.1, 0.1]] * 3}} if len(outputs) == 2 else {}
    with pytest.raises(InputError, match=words):
        look(outputs, end, labels=labels, **asked)


def test_faces_have_one_class_or_two_with_the_background(look):
    outputs, inputs = [spec("scores", (1, 4420, 2)), spec("boxes", (1, 4420, 4))], [image((320, 240))]
    ends = ("softmax", "linear")
    assert "background_label" not in look(outputs, ends, inputs, labels=1).signature.task.parameters
    found = look(outputs, ends, inputs, labels=2)
    assert found.signature.task.parameters["background_label"] is True
    assert "the first label is taken for the background" in found.notes


def test_the_number_of_labels_is_that_of_classes_where_the_graph_does_not_say(look):
    outputs = [
        spec(f"StatefulPartitionedCall:{k}", s) for k, s in ((1, (1, 9)), (3, (1, 9, 4)), (0, (1,)), (2, (1, 9)))
    ]
    assert look(outputs, labels=80).signature.task.parameters == {"classes": 80}


def test_names_of_the_file_s_metadata_tell_outputs_apart(look):
    outputs = [spec(f"StatefulPartitionedCall:{31 + k}", s) for k, s in enumerate([(1, 9, 4), (1, 9), (1, 9), (1,)])]
    assert_raw(look(outputs), "--task regress")
    metadata = FileMetadata(("location", "category", "score", "number of detections"))
    found = look(outputs, metadata=metadata)
    assert [output.role for output in found.signature.outputs] == ["boxes", "classes", "scores", "count"]
    assert found.signature.outputs[0].name == "StatefulPartitionedCall:31"


@pytest.mark.parametrize("task", ["segment", "obb", "classify"])
def test_a_file_that_says_that_it_is_no_detector_is_none(look, task):
    assert look([spec("o", (1, 84, 126))]).signature.task.decoder == "yolov8"
    found = look([spec("o", (1, 84, 126))], metadata=FileMetadata(properties={"task": task}))
    assert_raw(found, "--task detect --decoder yolov8")
    assert look([spec("o", (1, 84, 126))], metadata=FileMetadata(properties={"task": "detect"}))


@pytest.mark.parametrize(
    ("rows", "properties", "parameters"),
    [
        pytest.param(56, {}, {"dimensions": 3}, id="COCO's keypoints without a word of the file"),
        pytest.param(56, {"task": "pose", "kpt_shape": "[17, 3]"}, {"dimensions": 3}, id="COCO's"),
        pytest.param(68, {"task": "pose", "kpt_shape": "[21, 3]"}, {"dimensions": 3}, id="a hand's"),
        pytest.param(13, {"task": "pose", "kpt_shape": "[4, 2]"}, {"dimensions": 2}, id="corners"),
    ],
)
def test_keypoints_of_yolo(look, rows, properties, parameters):
    for shape in ((1, rows, 126), (1, 126, rows)) if properties else ((1, rows, 126),):
        found = look([spec("o", shape)], metadata=FileMetadata(properties=properties)).signature
        assert found.task == TaskSpec("keypoints", "yolov8_pose", parameters)
        assert found.inputs[0].format == InputFormat("RGB", (0.0,), (255.0,), "letterbox")
    assert_raw(look([spec("o", (1, rows, 127))], metadata=FileMetadata(properties={"task": "pose"})))


def test_class_names_come_from_a_detector_s_properties(look):
    names = ", ".join(f"{number}: 'thing {number}'" for number in range(80))
    found = look([spec("o", (1, 84, 126))], metadata=FileMetadata(properties={"names": f"{{{names}}}"}))
    assert found.labels[:2] == ("thing 0", "thing 1")
    assert "80 labels read from the file's metadata" in found.notes
    fewer = look([spec("o", (1, 84, 126))], metadata=FileMetadata(properties={"names": "{0: 'a', 1: 'b'}"}))
    assert fewer.labels == ()
    assert any("2 labels in the file's metadata do not fit" in note for note in fewer.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{0: 'person', 1: 'traffic light'}", ("person", "traffic light")),
        ("""{0: "driver's seat", 1: 'a, b: {c}', 2: 'it\\'s'}""", ("driver's seat", "a, b: {c}", "it's")),
        ("{0: 'a',}", ("a",)),
        ("{}", ()),
        ("", ()),
        ("{1: 'a', 2: 'b'}", ()),
        ("{0: 'a', 0: 'b'}", ()),
        ("['a', 'b']", ()),
        ("{0: 'a'; 1: 'b'}", ()),
        ("{0: open('a')}", ()),
        ("{0: 'a", ()),
    ],
)
def test_names_as_ultralytics_writes_them(text, expected):
    assert ultralytics.labels({"names": text}) == expected


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((1, 224, 224, 3), np.uint8, True),
        ((1, 3, 224, 224), np.float32, True),
        ((1, 1, 28, 28), np.float32, True),
        ((1, 28, 28), np.float32, True),
        ((1, 8, 8, 1), np.float32, True),
        ((1, 96, 128), np.float32, True),
        ((1, 1, 160, 90), np.uint8, True),
        ((1, 32, 320, 1), np.float32, False),
        ((1, 49, 10, 1), np.int8, False),
        ((1, 49, 40, 1), np.int8, False),
        ((1, 76, 32, 1), np.float32, False),
        ((1, 1, 96, 64), np.float32, False),
        ((1, 16, 96), np.float32, False),
        ((1, 30, 1, 40), np.float32, False),
        ((1, 3, 40), np.int8, False),
        ((1, 7, 7, 3), np.float32, False),
        ((1, 224, 224, 4), np.float32, False),
        ((1, 16, 112, 112, 3), np.float32, False),
        ((1, 640), np.float32, False),
        ((2, 224, 224, 3), np.float32, False),
        ((1, 28, 28), np.bool_, False),
    ],
)
def test_what_is_a_picture(shape, dtype, expected):
    assert is_image(spec("i", shape, dtype)) == expected


def entry(look, inputs=PICTURE, **more):
    found = look([spec("o", (1, 10))], "softmax", inputs, **more)
    return found.signature.inputs[0].format, found.notes


def test_integers_without_a_scale_are_said_where_they_are_no_pixels(look):
    found = {
        name: look([spec("o", (1, 10))], "softmax", [spec("image", (1, 64, 96, 3), name)]).notes
        for name in ("uint8", "int8")
    }
    assert "pixels assumed -128 to 127, pixel - 128: the file states no scale" in found["int8"]
    assert not any("pixels" in note for note in found["uint8"])


def test_pixels_are_assumed_and_that_is_said(look):
    form, notes = entry(look)
    assert form == InputFormat()
    assert "pixels assumed -1 to 1; --mean and --std say otherwise" in notes


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"std": [255.0]}, "(pixel - 127.5) / 255: no --mean is given, and 127.5 is assumed", id="no mean"),
        pytest.param({"mean": [0.0]}, "(pixel - 0) / 127.5: no --std is given, and 127.5 is assumed", id="no std"),
    ],
)
def test_what_is_assumed_beside_half_of_the_pixels_is_said(look, said, expected):
    _, notes = entry(look, format=said)
    assert f"pixels taken as {expected}" in notes
    assert not any("-1 to 1" in note for note in notes)


def test_pixels_as_the_metadata_says(look):
    form, notes = entry(look, metadata=FileMetadata((), (10.0, 20.0, 30.0), (2.0,)))
    assert (form.mean, form.std) == ((10, 20, 30), (2,))
    assert "pixels as the file's metadata says: RGB, (pixel - 10,20,30) / 2, stretch" in notes


def test_pixels_as_somebody_says(look):
    said = {"colour": "BGR", "mean": [0.0], "std": [255.0], "resize": "letterbox"}
    form, notes = entry(look, format=said)
    assert form == InputFormat("BGR", (0.0,), (255.0,), "letterbox")
    assert not any("fill the quantized input" in note for note in notes)


def test_what_somebody_says_is_more_than_what_the_head_s_network_has(look):
    outputs = [spec("o", (1, 84, 126))]
    usual = look(outputs).signature.inputs[0].format
    assert usual == InputFormat("RGB", (0.0,), (255.0,), "letterbox")
    said = look(outputs, format={"colour": "BGR", "resize": "stretch"}).signature.inputs[0].format
    assert said == InputFormat("BGR", (0.0,), (255.0,), "stretch")


@pytest.mark.parametrize("said", [{}, {"mean": (0.0,), "std": (255.0,)}])
def test_integers_are_pixels_unless_somebody_says_what_they_stand_for(look, said):
    inputs = [TensorSpec("i", (1, 64, 96, 3), np.dtype(np.uint8), Quantization(0.01, 128))]
    form, notes = entry(look, inputs, format=said)
    assert (form.mean, form.std) == ((0.0,), (255.0,)) if said else ((128.0,), (100.0,))
    assumed = "pixels 0 to 255 fill the quantized input, (pixel - 128) / 100 by its own scale"
    assert any(note.startswith(assumed) for note in notes) == (not said)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("scale", [1 / 128, 1 / 255, 1.0, 0.0186584])
@pytest.mark.parametrize("zero_point", [-128, -14, 0, 127])
def test_an_input_s_own_scale_keeps_every_pixel(dtype, scale, zero_point):
    quantization = Quantization(scale, zero_point - np.iinfo(dtype).min - 128)
    entry = TensorSpec("i", (1, 16, 16, 3), np.dtype(dtype), quantization)
    form = own_scale(default_format(entry), entry)
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, axis=-1)
    expected = pixels.astype(np.int16) + np.iinfo(dtype).min
    np.testing.assert_array_equal(Preprocessor(entry, form)(pixels).tensor[0], expected)


def test_integers_without_a_scale_take_no_mean(look):
    inputs = [TensorSpec("i", (1, 64, 96, 3), np.dtype(np.uint8))]
    with pytest.raises(InputError, match=r"takes pixels as they are, 0 to 255; leave out mean and std"):
        entry(look, inputs, format={"mean": (0.0,)})


def test_grey_and_channels_first(look):
    assert entry(look, [spec("i", (1, 1, 28, 28))])[0].colour == "GRAY"
    assert entry(look, [spec("i", (1, 3, 64, 96))])[0].layout == "NCHW"
    outputs = [spec("o", (1, 12, 12, 3))]
    found = look(outputs, "softmax", [image((96, 96), channels=1)])
    assert (found.signature.task.decoder, found.signature.inputs[0].format.colour) == ("fomo", "GRAY")


def test_other_inputs_are_tensors_and_have_no_format(look):
    found = look([spec("o", (1, 10))], "softmax", [spec("sound", (1, 30, 1, 40)), spec("ids", (1, 7), np.int32)])
    assert [(i.kind, i.dtype, i.format) for i in found.signature.inputs] == [
        ("tensor", "float32", None),
        ("tensor", "int32", None),
    ]
    assert found.signature.image is None
    assert len(found.notes) == 1


def test_a_map_of_one_channel_is_a_picture_where_somebody_says_so(look):
    inputs = [spec("lines", (1, 32, 320, 1))]
    plain = look([spec("o", (1, 10))], "softmax", inputs)
    assert plain.signature.inputs[0].kind == "tensor"
    assert plain.notes[1].startswith("lines (1, 32, 320, 1) is taken for numbers, such as a spectrogram; --colour GRAY")
    said = look([spec("o", (1, 32, 320, 2))], "softmax", inputs, format={"colour": "GRAY"})
    assert (said.signature.inputs[0].kind, said.signature.task.name) == ("image", "segment")
    assert look([spec("o", (1, 10))], "softmax", inputs, kind="image").signature.inputs[0].kind == "image"
    assert len(look([spec("o", (1, 10))], "softmax", inputs, kind="tensor").notes) == 1


def test_a_picture_is_a_tensor_where_somebody_says_so(look):
    found = look([spec("o", (1, 10))], "softmax", kind="tensor")
    assert (found.signature.inputs[0].kind, len(found.notes)) == ("tensor", 1)


def test_names_are_there_and_unique(look):
    found = look([spec("", (1, 3)), spec("same", (1, 3)), spec("same", (1, 3))], task="raw")
    assert [output.name for output in found.signature.outputs] == ["output_0", "same", "same_2"]


TASKS = st.sampled_from([None, "classify", "detect", "keypoints", "segment", "image", "embed", "regress", "raw"])
SHAPES = st.lists(st.lists(st.sampled_from([1, 2, 3, 4, 6, 16, 21, 24, 64, 96]), max_size=5), min_size=1, max_size=4)


@given(SHAPES, SHAPES, TASKS, st.sampled_from([None, "softmax", "linear", "mixed"]), st.sampled_from([None, 2, 21]))
@settings(max_examples=200, deadline=None)
def test_any_file_is_taken_for_something_or_refused_in_one_line(tmp_path_factory, inputs, outputs, task, end, labels):
    given_in = [spec(f"i{k}", shape) for k, shape in enumerate(inputs)]
    given_out = [spec(f"o{k}", shape) for k, shape in enumerate(outputs)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.graph_end.ends", lambda path, count: (end,) * count)
        try:
            path = tmp_path_factory.getbasetemp() / "any.fake"
            found = recognize(path, given_in, given_out, Asked(task=task, labels=labels))
        except InputError as error:
            said = str(error)
            found = None
    if found is None:
        assert "\n" not in said
        return
    assert len(found.signature.outputs) == len(outputs)
    assert {output.role for output in found.signature.outputs} <= set(ROLES)
    json.dumps(found.signature.task.parameters)
    assert all("\n" not in note for note in found.notes)


@needs_shared
@pytest.mark.parametrize(
    ("name", "task", "decoder"),
    [
        ("coral/deeplabv3_mnv2_dm05_pascal_quant.tflite", "segment", None),
        ("coral/keras_lstm_mnist_ptq.tflite", "classify", None),
        ("coral/mobilenet_v1_0.25_128_quant.tflite", "classify", None),
        ("coral/split_concat.tflite", "raw", None),
        ("mlperf_tiny/ad01_int8.tflite", "raw", None),
        ("mlperf_tiny/kws_ref_model.tflite", "classify", None),
        ("mlperf_tiny/pretrainedResnet_quant.tflite", "classify", None),
        ("wild/FastestDet.onnx", "detect", "fastestdet"),
        ("wild/SINet_Softmax.onnx", "segment", None),
        ("wild/face_detection_front.tflite", "detect", "blazeface"),
        ("wild/face_mask_detection.tflite", "detect", "ssd"),
        ("wild/iris_landmark.tflite", "keypoints", "landmarks"),
        ("wild/okay_nabu.tflite", "classify", None),
        ("wild/portrait_segmentation.tflite", "segment", None),
        ("wild/version-RFB-320.onnx", "detect", "rfb"),
        ("wild/version-RFB-320_without_postprocessing.tflite", "detect", "rfb"),
    ],
)
def test_published_files(name, task, decoder):
    path = shared("models", *name.split("/"))
    with open_model(path, threads=1) as model:
        found = recognize(path, model.inputs, model.outputs, Asked())
        assert (found.signature.task.name, found.signature.task.decoder) == (task, decoder)
        raw = recognize(path, model.inputs, model.outputs, Asked(task="raw")).signature
        assert [output.role for output in raw.outputs] == ["tensor"] * len(model.outputs)


def test_a_grey_input_takes_no_colour(look):
    grey = (spec("image", (1, 28, 28, 1)),)
    with pytest.raises(InputError, match=r"has one channel and takes grey pictures; leave out colour RGB"):
        look([spec("o", (1, 10))], "softmax", inputs=grey, format={"colour": "RGB"})
    assert entry(look, grey, format={"colour": "GRAY"})[0].colour == "GRAY"


def test_a_batch_that_is_built_in_is_named(look):
    with pytest.raises(InputError, match=r"a batch of 2 is built into the file; convert or export it with a batch of"):
        look([spec("o", (2, 10))], "softmax", inputs=(spec("image", (2, 32, 32, 3)),))


def test_truth_values_are_no_scores(look):
    with pytest.raises(InputError, match="task classify needs one vector of real numbers"):
        look([spec("o", (1, 10), np.bool_)], task="classify")


def test_who_says_that_logits_are_scores_is_not_told_of_other_tasks(look):
    (note, *_) = look([spec("o", (1, 10))], "linear", task="classify").notes
    assert note == "no softmax at the end, the scores are taken as logits; --parameter activation=none says otherwise"
