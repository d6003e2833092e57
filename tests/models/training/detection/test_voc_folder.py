"""Reading VOC data sets: what the boxes become, and one clear line for each way that a set can be broken."""

import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.models.training.detection.voc_folder import LARGEST_XML, open_boxes, parse
from tests.models.training.detection import voc
from tests.shared import needs_shared, shared

SIZE = (48, 64, 3)
BOXES = [("disc", 1, 1, 16, 12), ("square", 33, 25, 64, 48, "difficult")]


def one(boxes=BOXES, **changed):
    """Return the files of a set with one picture for training and one for the test."""
    files = {}
    for name in ("train", "test"):
        files[f"Annotations/{name}.xml"] = voc.annotation(boxes).encode()
        files[f"JPEGImages/{name}.png"] = voc.picture(boxes)
        files[f"ImageSets/Main/{name}.txt"] = f"{name}\n".encode()
    return {**files, **changed}


@pytest.mark.parametrize("name", ["folder", "set.zip"])
def test_boxes_are_fractions_of_the_picture(tmp_path, name):
    found = open_boxes(voc.write(tmp_path / name, one()))
    assert found.labels == ("disc", "square")
    assert found.splits == {"train": ("train",), "test": ("test",)}
    read = found.read("train", SIZE)
    assert (read.images.shape, read.images.dtype) == ((1, *SIZE), np.uint8)
    # Pixels count from 1 and the last belongs to the box: x 1 to 16 is 0 to 16 of 64.
    np.testing.assert_allclose(read.truths[0].boxes, [[0, 0, 12 / 48, 16 / 64], [0.5, 0.5, 1, 1]])
    assert read.truths[0].classes.tolist() == [0, 1]
    assert read.truths[0].difficult.tolist() == [False, True]
    assert read.images[0, 30, 40].tolist() == list(voc.COLOURS["square"])[::-1]  # RGB


def test_pictures_are_resized_and_boxes_stay_fractions(tmp_path):
    root = voc.write(tmp_path / "set.zip", one())
    small, large = (open_boxes(root).read("test", size) for size in ((24, 32, 1), SIZE))
    assert small.images.shape == (1, 24, 32, 1)
    np.testing.assert_array_equal(small.truths[0].boxes, large.truths[0].boxes)


def test_a_picture_without_a_box_is_a_sample(tmp_path):
    root = voc.write(tmp_path / "a", one(**{"Annotations/test.xml": voc.annotation([]).encode()}))
    assert open_boxes(root).read("test", SIZE).truths[0].boxes.shape == (0, 4)


def test_a_box_of_one_pixel_and_one_counted_from_zero_are_boxes(tmp_path):
    odd = [("disc", 5, 5, 5, 5), ("square", 0, 0, 64, 48)]
    root = voc.write(tmp_path / "a", one(**{"Annotations/train.xml": voc.annotation(odd).encode()}))
    boxes = open_boxes(root).read("train", SIZE).truths[0].boxes * (48, 64, 48, 64)
    np.testing.assert_allclose(boxes, [[4, 4, 5, 5], [0, 0, 48, 64]], atol=1e-5)


def test_what_a_mac_leaves_behind_is_no_second_set(tmp_path):
    files = {**one(), **{f"__MACOSX/{name}": b"junk" for name in one()}}
    assert open_boxes(voc.write(tmp_path / "set.zip", files)).labels == ("disc", "square")


def test_progress_counts_pictures(tmp_path):
    seen = []
    open_boxes(voc.write(tmp_path / "a", voc.files_of({"train": 3}))).read("train", SIZE, lambda *n: seen.append(n))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def box(*numbers, label="disc"):
    """Return an annotation with this box beside a good square."""
    return voc.annotation([(label, *numbers), BOXES[1]]).encode()


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        pytest.param({"Annotations/train.xml": b"<annotation><object>"}, InputError, "is no VOC annotation", id="cut"),
        pytest.param({"Annotations/train.xml": b""}, FileError, "train.xml cannot be read or is empty", id="empty"),
        pytest.param({"Annotations/train.xml": b"\xff\xfe<"}, InputError, "is no VOC annotation", id="no text"),
        pytest.param(
            {"Annotations/train.xml": voc.annotation(BOXES, extra="<!DOCTYPE x>").encode()},
            InputError,
            "train.xml must be plain XML without DOCTYPE or ENTITY",
            id="document type",
        ),
        pytest.param(
            {"Annotations/train.xml": voc.annotation(BOXES).encode("utf-16")},
            InputError,
            "is no VOC annotation",
            id="an encoding that hides one",
        ),
        pytest.param({"Annotations/train.xml": box("a", 1, 9, 9)}, InputError, "could not convert", id="no number"),
        pytest.param({"Annotations/train.xml": box("nan", 1, 9, 9)}, InputError, "must lie in the picture", id="nan"),
        pytest.param(
            {"Annotations/train.xml": b"<annotation><object><name>disc</name></object></annotation>"},
            InputError,
            "an object has no bndbox/xmin",
            id="no box",
        ),
        pytest.param({"Annotations/train.xml": box(1, 1, 9, 9, label=" ")}, InputError, "printable name", id="no name"),
        pytest.param(
            {"Annotations/train.xml": box(60, 1, 65, 9)},
            InputError,
            r"train.xml: a box of 'disc' must lie in the picture of 64x48 .* got x 60 to 65, y 1 to 9",
            id="outside",
        ),
        pytest.param({"Annotations/train.xml": box(-3, 1, 9, 9)}, InputError, "must lie in the picture", id="left"),
        pytest.param({"Annotations/train.xml": box(9, 1, 8, 9)}, InputError, "not be empty", id="turned round"),
        pytest.param(
            {"Annotations/train.xml": voc.annotation(BOXES, size=(640, 480)).encode()},
            InputError,
            "is for a picture of 640x480, the picture has 64x48",
            id="another size",
        ),
        pytest.param(
            {"Annotations/test.xml": box(1, 1, 9, 9, label="dics")},
            InputError,
            "class 'dics' of test picture test is not among those trained on: disc, square",
            id="unknown class",
        ),
        pytest.param(
            {"ImageSets/Main/train.txt": b"train\nmissing\n"},
            FileError,
            "lists 'missing' but has no annotation Annotations/missing",
            id="no annotation",
        ),
        pytest.param(
            {"ImageSets/Main/train.txt": b"../../train\n"}, FileError, "has no annotation", id="a path out of the set"
        ),
        pytest.param({"JPEGImages/train.png": None}, FileError, "has no picture JPEGImages/train", id="no picture"),
        pytest.param({"JPEGImages/train.png": b"\x89PNG cut"}, InputError, "cannot be decoded", id="damaged picture"),
        pytest.param({"ImageSets/Main/train.txt": b"\n"}, InputError, "has no box to train on", id="nothing listed"),
        pytest.param({"ImageSets/Main/train.txt": b"\xff\xff"}, InputError, "must be text", id="list is no text"),
    ],
)
def test_a_broken_set_is_told_in_one_line(tmp_path, changed, kind, words):
    files = {name: data for name, data in one(**changed).items() if data is not None}
    with pytest.raises(kind, match=words) as raised:
        open_boxes(voc.write(tmp_path / "set.zip", files)).read("train", SIZE)
    assert "\n" not in str(raised.value)


def test_two_sets_or_none_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"must hold one VOC folder.*found 0"):
        open_boxes(voc.write(tmp_path / "none", {"readme.txt": b"x"}))
    twice = {**one(), **{f"more/{name}": data for name, data in one().items()}}
    with pytest.raises(InputError, match="found 2"):
        open_boxes(voc.write(tmp_path / "two", twice))


def test_a_set_that_is_not_there_or_no_zip(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        open_boxes(tmp_path / "absent")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(FileError, match="cannot be read as a zip"):
        open_boxes(tmp_path / "bad.zip")


def test_an_annotation_of_any_length_is_not_read():
    with pytest.raises(InputError, match="at most"):
        parse(b"<annotation>" + b" " * LARGEST_XML + b"</annotation>", "a.xml")


@needs_shared
def test_blood_cells_are_read_as_they_are():
    found = open_boxes(shared("data", "bccd.zip"))
    assert found.labels == ("Platelets", "RBC", "WBC")
    assert {name: len(stems) for name, stems in found.splits.items()} == {
        "train": 205,
        "val": 87,
        "trainval": 292,
        "test": 72,
    }
    # Counted with grep over the annotations; two of the red cells are a single pixel.
    counts = {
        label: sum(each.label == label for objects in found.objects.values() for each in objects)
        for label in found.labels
    }
    assert counts == {"Platelets": 361, "RBC": 4155, "WBC": 372}
    read = found.read("test", (48, 64, 3))
    assert len(read.names) == 72
