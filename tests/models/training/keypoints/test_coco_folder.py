"""Keypoint sets in COCO's form: what is read, where pictures may lie, and every way in which they can be wrong."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import EdgeError, FileError, InputError
from edge.models.training.keypoints.coco_folder import open_keypoints, parse
from tests.models.training.keypoints import coco
from tests.models.training.keypoints.coco import NAMES, TRAIN, content, files, note, picture, write


def test_points_are_fractions_of_their_picture(tmp_path):
    data = open_keypoints(write(tmp_path, files()))
    assert data.labels == tuple(NAMES)
    assert data.edges == ((0, 1), (0, 2))
    seen = []
    posed = data.read("train", (12, 16, 3), lambda done, total: seen.append((done, total)))
    assert posed.images.shape == (2, 12, 16, 3)
    np.testing.assert_allclose(posed.points[0, :2], [[0.1, 0.2], [0.25, 0.2]], rtol=1e-6)
    np.testing.assert_allclose(posed.points[1], [[1, 1], [0, 0], [0.5, 0.5]], rtol=1e-6)
    assert posed.labelled.tolist() == [[True, True, False], [True, True, True]]
    assert seen == [(1, 2), (2, 2)]
    assert posed.subset(np.array([1])).names == ("train2017/1.png",)


@pytest.mark.parametrize("folder", ["train2017", "images/train2017", "images", "."])
def test_pictures_lie_in_one_of_four_places(tmp_path, folder):
    members = {name: data for name, data in files().items() if not name.startswith("train2017")}
    members |= {f"{folder}/{n}.png": picture() for n in range(2)}
    data = open_keypoints(write(tmp_path / "set", members))
    assert len(data.splits["train"]) == 2


def test_a_zip_holds_the_same(tmp_path):
    target = tmp_path / "set.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files().items():
            archive.writestr(f"outer/{name}", data)
    found = open_keypoints(target).read("test", (8, 8, 1))
    np.testing.assert_allclose(found.points[0, 0], [0.2, 0.3], rtol=1e-6)


def test_pictures_without_a_keypoint_and_other_json_do_not_count(tmp_path):
    notes = [*TRAIN, {"image_id": 7, "keypoints": [0] * 9}]
    members = files(content(notes)) | {"annotations/captions_train2017.json": b'{"images": []}', "train.json": b"[1]"}
    assert len(open_keypoints(write(tmp_path, members)).splits["train"]) == 2


def _without(name):
    return {key: value for key, value in files().items() if key != name}


@pytest.mark.parametrize(
    ("members", "error", "words"),
    [
        pytest.param(
            {"a.txt": b""}, InputError, "has no keypoints to train on: expected annotations/train.json", id="no"
        ),
        pytest.param(
            _without("train2017/1.png"), FileError, r"lists '1.png', which is not in train2017/", id="picture"
        ),
        pytest.param(files(content([*TRAIN, TRAIN[0]])), InputError, "picture 0 has several", id="two bodies"),
        pytest.param(files(content([note(9, *[(1, 1, 2)] * 3)])), InputError, "picture 9, which is not among", id="9"),
        pytest.param(files(content([note(0, (1, 1, 2))])), InputError, "must have 9 numbers x, y, flag, got 3", id="3"),
        pytest.param(
            files(test=content(coco.TEST, 1, ["a", "b", "c"])), InputError, "all with the same keypoints", id="c"
        ),
        pytest.param(files(content(TRAIN, names=["a", "a", "b"])), InputError, "names of their own", id="same names"),
        pytest.param(files(content(TRAIN, names=["a", "\x1b", "b"])), InputError, "printable names", id="control"),
        pytest.param({**files(), "annotations/x_train.json": b"{"}, InputError, "must be JSON", id="json"),
        pytest.param(files({**content(TRAIN), "images": [{}]}), InputError, "COCO's form: KeyError", id="form"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, members, error, words):
    with pytest.raises(error, match=words):
        open_keypoints(write(tmp_path, members))


def test_a_skeleton_names_keypoints_that_there_are(tmp_path):
    broken = content(TRAIN)
    broken["categories"][0]["skeleton"] = [[1, 4]]
    with pytest.raises(InputError, match="skeleton must hold numbers from 1 to 3"):
        open_keypoints(write(tmp_path, files(broken)))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"train2017/0.png": picture((20, 30))}, None, ""),
        ({"train2017/1.png": picture((20, 30))}, InputError, "must lie in the picture of 20x30, got x 40, y 30"),
        ({"train2017/0.png": b"garbage"}, FileError, "cannot be decoded"),
    ],
)
def test_keypoints_must_lie_in_a_picture_that_can_be_decoded(tmp_path, change, error, words):
    data = open_keypoints(write(tmp_path, files() | change))
    if error is None:
        assert len(data.read("train", (8, 8, 3)).names) == 2
        return
    with pytest.raises(error, match=words):
        data.read("train", (8, 8, 3))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["images", "annotations", "categories", "keypoints", "id", "image_id"]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.fixed_dictionaries({"images": JSON, "annotations": JSON, "categories": JSON}))
def test_any_json_is_read_or_refused_in_one_line(whole):
    complaint = ""
    try:
        parse(json.dumps(whole).encode(), "file")
    except EdgeError as error:
        complaint = str(error)
    assert "\n" not in complaint


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_refused_in_one_line(data):
    complaint = ""
    try:
        assert parse(data, "file") is None
    except EdgeError as error:
        complaint = str(error)
    assert "\n" not in complaint
