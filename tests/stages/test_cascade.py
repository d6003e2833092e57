import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import tasks
from edge.errors import BrokenOutput, InputError
from edge.frames import Frame
from edge.imaging import InputFormat, Preprocessor
from edge.opening import open_session
from edge.options import build
from edge.results import Mask, Pose, Prediction, Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.stages.cascade import Cascade, CascadeOptions, moved
from edge.tensors import TensorSpec
from tests.backends.test_openvino import RELEASED
from tests.loops import BandsNetwork

SIZE = (120, 90)


def frame():
    return Frame(
        np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8), "BGR", 0, 1, "arrival", "a"
    )


def found(*rows):
    """Return a detector's result. rows: (label, score, box)."""
    return Result("detect", tuple(Prediction(label, score, 0, box) for label, score, box in rows))


class Spotter:
    """Says where in its picture the brightest pixel is, and keeps what it was given."""

    def __init__(self, side=16, resize="stretch", task="detect", fails=False):
        self.signature = Signature(
            (Input("image", "image", (1, side, side, 3), format=InputFormat(raw=True, resize=resize)),),
            (Output("x", "tensor", (1, 4)),),
            TaskSpec(task),
        )
        prepare = Preprocessor(TensorSpec("image", (1, side, side, 3), np.dtype("uint8")), self.signature.image.format)
        self.seen, self.fails = [], fails

        def preprocess(image):
            self.seen.append(image)
            return prepare(image)

        self.preprocess = preprocess

    def infer(self, prepared):
        if self.fails:
            raise BrokenOutput("no result: NaN")
        pixels = prepared.tensor[0].sum(axis=-1)
        y, x = np.unravel_index(pixels.argmax(), pixels.shape)
        corners = prepared.placement.boxes_to_frame([[x, y, x + 1, y + 1]])[0]
        centre = prepared.placement.to_frame([[x + 0.5, y + 0.5]])[0]
        points = ((float(centre[0]), float(centre[1]), 1.0),)
        return Result("detect", (Prediction("spot", 0.9, 0, tuple(map(float, corners)), points=points),))


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_places_of_the_second_network_are_pixels_of_the_frame(resize, margin):
    one = Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), "BGR", 0, 1, "arrival", "a")
    one.pixels[50:54, 60:64] = 255
    stage = Cascade(Spotter(32, resize), CascadeOptions(margin=margin))
    (prediction,) = stage(one, found(("dog", 0.9, (40.0, 30.0, 80.0, 70.0)))).predictions
    (spot,) = prediction.nested.predictions
    x, y, _ = spot.points[0]
    # The part's pixels are between 1.25 and 2 to one of the input: the spot is found to 2 pixels.
    assert abs(x - 62) <= 2 + 2
    assert abs(y - 52) <= 2 + 2
    assert spot.box[0] <= x <= spot.box[2]
    assert spot.box[1] <= y <= spot.box[3]


def test_the_second_network_gets_the_box_with_its_margin_cut_at_the_frame():
    network, image = Spotter(), frame()
    stage = Cascade(network, CascadeOptions(margin=0.5))
    stage(image, found(("dog", 0.9, (10.4, 60.0, 30.4, 80.0))))
    np.testing.assert_array_equal(network.seen[0], image.bgr[50:90, 0:41])


DOG, CAT = ("dog", 0.9, (0.0, 0.0, 40.0, 40.0)), ("cat", 0.6, (50.0, 0.0, 90.0, 40.0))


@pytest.mark.parametrize(
    ("options", "rows", "looked"),
    [
        pytest.param({}, [DOG, CAT], [True, True], id="all"),
        pytest.param({"labels": ("cat",)}, [DOG, CAT], [False, True], id="a label"),
        pytest.param({"min_score": 0.7}, [DOG, CAT], [True, False], id="a score"),
        pytest.param({"max_boxes": 1}, [DOG, CAT], [True, False], id="the best"),
        pytest.param({"max_boxes": 1, "labels": ("cat",)}, [DOG, CAT], [False, True], id="the best of those wanted"),
        pytest.param({"min_side": 41}, [DOG, CAT], [False, False], id="too small"),
        pytest.param({}, [("dog", 0.9, (-200.0, -200.0, 15.0, 15.0))], [False], id="a corner that is visible"),
        pytest.param({}, [("dog", 0.9, (119.5, 0.0, 300.0, 40.0))], [False], id="a column that is visible"),
        pytest.param({}, [("dog", 0.9, (-200.0, -200.0, 16.0, 16.0))], [True], id="enough that is visible"),
        pytest.param({"margin": 2.0}, [("dog", 0.9, (0.0, 0.0, 8.0, 40.0))], [False], id="small without its margin"),
        pytest.param({}, [("dog", 0.9, None)], [False], id="no box"),
        pytest.param({}, [("dog", 0.9, (float("nan"), 0.0, 40.0, 40.0))], [False], id="no number"),
        pytest.param({}, [("dog", 0.9, (200.0, 0.0, 240.0, 40.0))], [False], id="outside the frame"),
    ],
)
def test_which_objects_are_looked_at(options, rows, looked):
    result = Cascade(Spotter(), CascadeOptions(**options))(frame(), found(*rows))
    assert [one.nested is not None for one in result.predictions] == looked


def test_a_result_without_objects_is_the_same_object():
    result = found()
    assert Cascade(Spotter())(frame(), result) is result


def test_a_broken_second_result_is_a_fault_of_the_object_alone():
    result = Cascade(Spotter(fails=True))(frame(), found(DOG))
    (one,) = result.predictions
    assert (one.nested.fault, result.fault) == ("no result: NaN", "")
    assert one.nested.task == "detect"
    assert tasks.load("detect").line(result) == "dog 90% (no result)"
    assert result.as_json()["results"][0]["nested"] == {"task": "detect", "fault": "no result: NaN", "results": []}


def test_nested_results_are_in_the_json_the_line_and_the_picture():
    result = Cascade(BandsNetwork())(frame(), found(DOG))
    (one,) = result.predictions
    nested = json.loads(json.dumps(result.as_json()))["results"][0]["nested"]
    assert nested["task"] == "classify"
    assert nested["results"][0]["label"] == one.nested.predictions[0].label
    assert tasks.load("detect").line(result) == f"dog 90% ({one.nested.predictions[0].caption})"
    plain, drawn = np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400, 3), np.uint8)
    tasks.load("detect").draw(plain, found(DOG))
    tasks.load("detect").draw(drawn, result)
    assert (plain != drawn).any()


def test_a_mask_is_in_the_frame_and_unknown_around_the_object():
    mask = Mask(np.ones((20, 30), np.uint8), ("sky", "dog"))
    whole = moved(Result("segment", mask=mask), (10, 5), SIZE).mask
    assert whole.classes.shape == (SIZE[1], SIZE[0])
    assert (whole.classes[5:25, 10:40] == 1).all()
    assert (whole.classes == mask.unknown).sum() == SIZE[0] * SIZE[1] - 600


numbers = st.floats(-1e4, 1e4, allow_nan=False)


@given(st.lists(st.tuples(numbers, numbers, st.floats(0, 1)), max_size=4), st.integers(0, 5000), st.integers(0, 5000))
def test_everything_is_moved_by_the_same_offset(points, x, y):
    inner = Result("detect", (Prediction("a", 1.0, 0, (0.0, 1.0, 2.0, 3.0)),))
    outer = Prediction("b", 1.0, 0, (4.0, 5.0, 6.0, 7.0), points=tuple(points), nested=inner)
    poses = (Pose(tuple(points), ("p",) * len(points), box=(1.0, 1.0, 2.0, 2.0)),)
    result = moved(Result("detect", (outer,), poses=poses), (x, y), SIZE)
    (one,) = result.predictions
    assert one.box == (4.0 + x, 5.0 + y, 6.0 + x, 7.0 + y)
    assert one.points == tuple((a + x, b + y, s) for a, b, s in points) == result.poses[0].points
    assert one.nested.predictions[0].box == (0.0 + x, 1.0 + y, 2.0 + x, 3.0 + y)
    assert result.poses[0].box == (1.0 + x, 1.0 + y, 2.0 + x, 2.0 + y)


def test_a_first_network_without_boxes_is_refused():
    with pytest.raises(InputError, match="looks at boxes, and the first is of task classify, which gives none"):
        Cascade(Spotter(), first=BandsNetwork())
    Cascade(BandsNetwork(), first=Spotter())


def test_a_second_network_without_an_image_is_refused():
    network = Spotter()
    network.preprocess = None
    with pytest.raises(InputError, match="a second network must take one image, the box of an object; it takes"):
        Cascade(network)


def test_a_label_that_the_first_network_does_not_have_is_refused():
    with pytest.raises(InputError, match="label 'dgo' is none of the first network: dog, cat"):
        Cascade(Spotter(), CascadeOptions(labels=("dgo",)), labels=("dog", "cat"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"min_score": 1.5}, "min_score must be from 0 to 1, got 1.5"),
        ({"margin": -0.1}, "margin must be from 0 to 2"),
        ({"max_boxes": 0}, "max_boxes must be from 1 to 1000, got 0"),
        ({"min_side": 0}, "min_side must be from 1"),
        ({"labels": []}, "labels must name at least one"),
        ({"lables": ["dog"]}, "labels"),
    ],
)
def test_options_are_checked(values, words):
    with pytest.raises(InputError, match=words):
        build(CascadeOptions, values)


def test_a_released_classifier_says_of_a_box_what_it_says_of_the_part():
    image = frame()
    with open_session(RELEASED) as session:
        result = Cascade(session)(image, found(("dog", 0.9, (20.0, 10.0, 84.0, 74.0))))
        alone = session(np.ascontiguousarray(image.bgr[10:74, 20:84]))
    assert result.predictions[0].nested == alone
