"""Masks: class by pixel from scores and class numbers, the way to the frame, and overlap by hand."""

import cv2
import numpy as np
import pytest

from edge import backends, labels
from edge.backends.base import OpenOptions
from edge.errors import InputError
from edge.imaging import Preprocessor, default_format, placement_of
from edge.results import Mask, Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tasks.pixel_counts import count
from edge.tasks.segment import Segment
from edge.tensors import Tensor
from tests.shared import needs_shared, shared
from tests.tasks.networks import image, outputs, quantized, signature

ROWS, COLUMNS = 4, 6
"""Of the maps; the input is sixteen times as large."""


def network(channels=3, names=None, shape=None, entry=None, dtype="float32", origin="labels.txt", **parameters):
    rows = [("y", "mask", shape or (1, ROWS, COLUMNS, channels))]
    return Segment(signature("segment", rows, entry=entry, dtype=dtype, **parameters), names, origin)


def scores_of(classes, channels=3):
    """Scores (1, rows, columns, channels) whose largest is at ``classes``."""
    return np.eye(channels, dtype=np.float32)[np.asarray(classes)][None] * 2 - 1


CLASSES = np.array([[0, 0, 1, 1, 2, 2]] * 2 + [[2, 0, 1, 0, 2, 0]] * 2)


def test_the_largest_score_decides_and_of_equal_ones_the_first():
    found = network(names=["sky", "road", "car"]).decode(outputs(y=scores_of(CLASSES))).mask
    np.testing.assert_array_equal(found.classes, CLASSES)
    assert found.classes.dtype == np.uint8
    assert found.labels == ("sky", "road", "car")
    assert (network().decode(outputs(y=np.zeros((1, 4, 6, 3)))).mask.classes == 0).all()
    assert (network(2).decode(outputs(y=np.zeros((1, 4, 6, 2)))).mask.classes == 0).all()


def test_channels_may_come_first():
    nchw = scores_of(CLASSES).transpose(0, 3, 1, 2)
    for task in (
        network(shape=(1, 3, 4, 6), layout="NCHW"),
        network(shape=(1, 3, 4, 6), entry=image(layout="NCHW")),  # told by the input's sides, 96 by 64
    ):
        np.testing.assert_array_equal(task.decode(outputs(y=nchw)).mask.classes, CLASSES)


def test_the_sides_tell_the_layout_even_when_the_image_has_another_one():
    task = network(entry=image(layout="NCHW"))
    np.testing.assert_array_equal(task.decode(outputs(y=scores_of(CLASSES))).mask.classes, CLASSES)


def test_two_channels_and_integers():
    two = np.where(CLASSES == 2, 1, 0)
    given = quantized("y", scores_of(two, 2).astype(np.int8), "int8", 0.1, 3)
    np.testing.assert_array_equal(network(2).decode(given).mask.classes, two)


@pytest.mark.parametrize(
    ("parameters", "values", "expected"),
    [
        pytest.param({"activation": "none"}, [0.2, 0.5, 0.7], [0, 1, 1], id="probabilities"),
        pytest.param({"activation": "sigmoid"}, [-0.2, 0.0, 0.7], [0, 1, 1], id="logits"),
        pytest.param({}, [0.2, 0.5, 0.7], [0, 1, 1], id="found: probabilities"),
        pytest.param({}, [-3.0, 0.0, 0.7], [0, 1, 1], id="found: logits"),
        pytest.param({"activation": "none", "threshold": 0.6}, [0.2, 0.5, 0.7], [0, 0, 1], id="a threshold"),
        pytest.param(
            {"activation": "sigmoid", "threshold": 0.6}, [0.0, 0.3, 0.5], [0, 0, 1], id="1/(1+e^-0.3) = 0.574"
        ),
    ],
)
def test_one_channel_is_the_score_of_the_second_class(parameters, values, expected):
    row = np.tile(np.asarray(values, np.float32), 2)
    given = outputs(y=np.broadcast_to(row[None, None, :, None], (1, 4, 6, 1)))
    found = network(1, **parameters).decode(given).mask
    assert found.labels == ("background", "foreground")
    np.testing.assert_array_equal(found.classes, np.tile(expected, (4, 2)))


@pytest.mark.parametrize("shape", [(1, 4, 6), (1, 4, 6, 1)])
def test_class_numbers_are_taken_as_they_are(shape):
    given = outputs(y=CLASSES.reshape(shape))
    found = network(shape=shape, dtype="int64").decode(given).mask
    np.testing.assert_array_equal(found.classes, CLASSES)
    assert found.labels == ("0", "1", "2")
    assert network(shape=shape, dtype="int64", names=["sky"]).decode(given).mask.labels == ("sky", "1", "2")


def test_many_classes_take_two_bytes():
    numbers = np.where(CLASSES == 2, 300, 0)
    mask = network(shape=(1, 4, 6), dtype="int64").decode(outputs(y=numbers[None])).mask
    assert mask.classes.dtype == np.uint16
    assert (mask.unknown, mask.classes.max()) == (65535, 300)


def test_class_numbers_below_0_are_refused():
    with pytest.raises(InputError, match="class numbers must be from 0 to 65534, got -1 to 2"):
        network(shape=(1, 4, 6), dtype="int64").decode(outputs(y=np.where(CLASSES == 0, -1, CLASSES)[None]))


@pytest.mark.parametrize("shape", [(1, 4, 6), (1, 4, 6, 1)])
@pytest.mark.parametrize("step", [1.0, 2 / 255], ids=["exact", "as a quantized file rounds"])
def test_class_numbers_may_be_real_values(shape, step):
    """A network that ends in an ArgMax and a cast gives them."""
    values = np.rint(CLASSES / step) * step
    found = network(shape=shape, class_numbers=True).decode(outputs(y=values.reshape(shape))).mask
    np.testing.assert_array_equal(found.classes, CLASSES)
    assert found.labels == ("0", "1", "2")


def test_real_class_numbers_that_nobody_stated_are_refused():
    """As logits each of them would be the second class: a sigmoid of 0 is 0.5."""
    given = outputs(y=CLASSES.astype(np.float32)[None])
    with pytest.raises(InputError, match="whole numbers up to 2, as class numbers are; state the parameter class_numb"):
        network(shape=(1, 4, 6)).decode(given)
    assert network(shape=(1, 4, 6), activation="sigmoid").decode(given).mask.classes.all()


def test_class_numbers_are_whole_and_need_one_channel():
    with pytest.raises(
        InputError, match=r"class numbers must be whole, got 0\.5; leave out the parameter class_numbers"
    ):
        network(shape=(1, 4, 6), class_numbers=True).decode(outputs(y=np.full((1, 4, 6), 0.5)))
    with pytest.raises(InputError, match="class_numbers needs a map of one channel, got 3"):
        network(class_numbers=True)


# On the frame


@pytest.mark.parametrize("resize", ["nearest", "bilinear"])
def test_a_frame_of_the_input_s_shape_gets_each_cell_sixteen_times(resize):
    placement = placement_of((96, 64), (96, 64), "stretch")
    found = network(resize=resize).decode(outputs(y=scores_of(CLASSES)), placement).mask.classes
    assert found.shape == (64, 96)
    expected = CLASSES.repeat(16, 0).repeat(16, 1)
    # bilinear moves borders where three classes meet; the middles of the cells are the cells' own
    assert (found[8::16, 8::16] == CLASSES).all()
    assert (found == expected).mean() >= (1 if resize == "nearest" else 0.9)


def test_bilinear_draws_smoother_borders():
    slope = np.zeros((1, 4, 6, 2), np.float32)
    slope[..., 1] = np.arange(6) - 2.25  # crosses 0 a quarter of a cell beyond the middle of cell 2
    placement = placement_of((96, 64), (96, 64), "stretch")
    nearest, bilinear = (
        network(2, resize=how).decode(outputs(y=slope), placement).mask.classes[0] for how in ("nearest", "bilinear")
    )
    assert nearest.argmax() == 48  # where cell 3 begins
    assert bilinear.argmax() == 44  # (2.25 + 0.5) * 16


def test_a_mask_behind_a_letterbox_covers_the_frame_alone():
    placement = placement_of((96, 32), (96, 64), "letterbox")  # the frame lies in the middle half
    rows = np.array([[1], [0], [2], [1]]).repeat(6, 1)
    found = network().decode(outputs(y=scores_of(rows)), placement).mask
    np.testing.assert_array_equal(found.classes, np.array([[0], [2]]).repeat(16, 0).repeat(96, 1))


@pytest.mark.parametrize("resize", ["nearest", "bilinear"])
def test_what_a_crop_cuts_off_is_unknown(resize):
    placement = placement_of((192, 64), (96, 64), "crop")
    found = network(resize=resize).decode(outputs(y=scores_of(np.ones((4, 6), int))), placement).mask
    assert (found.classes[:, 48:144] == 1).all()
    assert (found.classes[:, :48] == found.unknown).all()
    assert (found.classes[:, 144:] == found.unknown).all()
    assert found.shares() == {"1": 0.5}


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_frame_gets_its_mask_back(rotation):
    frame = np.zeros((48, 72), int)
    frame[:24, :36] = 1
    frame[:24, 36:] = 2
    turned = np.rot90(frame, -rotation // 90)
    size = (turned.shape[1], turned.shape[0])
    placement = placement_of((72, 48), size, "stretch", rotation)
    task = network(shape=(1, *turned.shape, 3), entry=image(*size))
    np.testing.assert_array_equal(task.decode(outputs(y=scores_of(turned)), placement).mask.classes, frame)


# Checks


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"names": ["a", "b"]},
            r"each of the model's 3 classes, got 2 in labels.txt \(layout NHWC\); if the model's first",
        ),
        ({"channels": 1, "names": ["a", "b", "c"]}, "each of the model's 2 classes, got 3"),
        ({"shape": (1, 10)}, r"task segment needs a map, \(1, rows, columns, channels\), got output 'y' \(1, 10\)"),
        ({"shape": (2, 4, 6, 3)}, "task segment needs a map"),
        ({"resize": "cubic"}, "parameter resize must be one of nearest, bilinear, got 'cubic'"),
        ({"layout": "HWC"}, "parameter layout must be one of NHWC, NCHW"),
        ({"channels": 1, "activation": "softmax"}, r"a softmax over one channel is always 1.*\(1, 4, 6, 1\)"),
        ({"shape": (1, 4, 6), "dtype": "int64", "resize": "bilinear"}, "class numbers cannot be interpolated"),
        ({"classes": 3}, "unknown parameter of task segment 'classes'"),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        network(**given)


# Comparison


def test_pixels_dice_and_iou_by_hand():
    placement = placement_of((6, 4), (96, 64), "stretch")
    wrong = CLASSES.copy()
    wrong[0, 4:] = 1  # two pixels of class 2 become class 1
    truth = CLASSES.astype(np.uint8)
    truth[3] = 255
    comparer = network().comparer()
    comparer.add(outputs(y=scores_of(CLASSES)), outputs(y=scores_of(wrong)), placement, truth)
    figures = comparer.figures()
    assert (figures.measure, figures.agreement) == ("pixels", round(100 * 22 / 24, 4))
    # of the 18 pixels that count: class 1 has 5 and is found on 7, 5 of them right; class 2 has 6, found on 4
    assert figures.quality_name == "Dice"
    assert figures.quality == pytest.approx(100 * (10 / 12 + 8 / 10) / 2, abs=1e-3)
    assert figures.reference_quality == 100.0
    assert figures.details["IoU, %"] == pytest.approx(100 * (5 / 7 + 4 / 6) / 2, abs=1e-3)
    assert figures.details["pixel accuracy, %"] == pytest.approx(100 * 16 / 18, abs=1e-3)


def test_pixels_that_the_network_did_not_see_count_nowhere():
    placement = placement_of((192, 64), (96, 64), "crop")
    truth = np.full((64, 192), 2, np.uint8)
    truth[:, 48:144] = 1
    comparer = network().comparer()
    ones = outputs(y=scores_of(np.ones((4, 6), int)))
    comparer.add(ones, ones, placement, truth)
    assert comparer.figures().quality == 100.0


def test_a_true_mask_of_another_size_is_refused():
    ones = outputs(y=scores_of(np.ones((4, 6), int)))
    with pytest.raises(InputError, match=r"the true mask must be \(4, 6\) class numbers, got \(64, 96\)"):
        network().comparer().add(ones, ones, None, np.zeros((64, 96), int))


# The form and the drawing


def test_runs_go_through_the_rows():
    classes = np.array([[0, 0, 0, 1], [1, 0, 1, 255]], np.uint8)
    mask = Segment.as_json(Result("segment", mask=Mask(classes, ("background", "bird"))))["mask"]
    assert mask["runs"] == [[0, 3], [1, 2], [0, 1], [1, 1], [None, 1]]
    assert mask["classes"] == [
        {"index": 0, "label": "background", "share": 0.5},
        {"index": 1, "label": "bird", "share": 0.375},
    ]
    assert sum(count for _, count in mask["runs"]) == mask["width"] * mask["height"] == 8


def test_what_a_person_reads():
    classes = np.array([[0] * 7 + [1] * 3], np.uint8)
    assert Segment.line(Result("segment", mask=Mask(classes, ("background", "bird")))) == "background 70% | bird 30%"


@pytest.mark.parametrize(("first", "stays"), [("background", True), ("road", False)])
def test_the_background_stays_and_other_first_classes_do_not(first, stays):
    picture = np.full((40, 60, 3), 100, np.uint8)
    classes = np.zeros((40, 60), np.uint8)
    classes[:, 30:] = 1
    Segment.draw(picture, Result("segment", mask=Mask(classes, (first, "car"))))
    assert (picture[:, :30] == 100).all() == stays
    assert (picture[:, 30:] != 100).any(axis=-1).all()


def test_a_mask_of_another_size_is_drawn_over_the_whole_picture():
    picture = np.full((40, 60, 3), 100, np.uint8)
    Segment.draw(picture, Result("segment", mask=Mask(np.ones((4, 6), np.uint8), ("background", "car"))))
    assert (picture != 100).any(axis=-1).all()


@needs_shared
def test_coral_s_segmenter_sees_the_bird():
    path = shared("models", "coral", "deeplabv3_mnv2_dm05_pascal_quant.tflite")
    names = labels.read(shared("models", "coral", "pascal_voc_segmentation_labels.txt"))
    frame = cv2.imread(str(shared("images", "bird_segmentation.bmp")))
    truth = cv2.imread(str(shared("images", "bird_segmentation_mask.bmp")))[..., 0]
    with backends.for_file(path).open(path, OpenOptions(2)) as model:
        (entry,), (output,) = model.inputs, model.outputs
        form = default_format(entry)
        spec = TaskSpec("segment", None, {})
        network = Signature(
            (Input("image", "image", entry.shape, "float32", form),),
            (Output("mask", "mask", output.shape, output.dtype.name),),
            spec,
        )
        task = Segment(network, names)
        prepared = Preprocessor(entry, form)(frame)
        (raw,) = model.run([prepared.tensor])
    found = task.decode({"mask": Tensor(raw, output)}, prepared.placement).mask
    plain = cv2.resize(raw[0].astype(np.uint8), (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_NEAREST)
    assert (found.classes == plain).mean() >= 0.999
    assert names[3] == "bird"
    assert found.shares()["bird"] > 0.1
    # 0.82 in a plain interpreter run
    assert count((found.classes == 3).astype(int), (truth == 3).astype(int), 2).iou()[1] == pytest.approx(
        0.82, abs=0.01
    )
