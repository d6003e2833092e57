"""Placements: boxes, points and masks go into the input and come back, for every way a frame is placed."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.imaging import InputFormat, Preprocessor, placement_of
from edge.placement import TURNS, Placement
from edge.tensors import TensorSpec

RESIZES = ("stretch", "letterbox", "crop")
ODD = [(201, 97), (97, 201), (64, 131), (333, 335)]
WAYS = list(itertools.product(RESIZES, TURNS, ODD))
INPUT = (90, 123)


def marked(size, box):
    """Return a black frame of ``size`` with the box in white."""
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    x0, y0, x1, y1 = box
    frame[y0:y1, x0:x1] = 255
    return frame


def seen(frame, resize, rotation):
    """Return what the network sees of a frame, (height, width) 0 to 255, and the placement."""
    spec = TensorSpec("image", (1, INPUT[1], INPUT[0], 1), np.dtype(np.float32))
    form = InputFormat(colour="GRAY", resize=resize, mean=(0.0,), std=(1.0,))
    tensor, placement = Preprocessor(spec, form, rotation)(frame)
    return tensor[0, ..., 0], placement


@pytest.mark.parametrize(("resize", "rotation", "size"), WAYS)
def test_a_box_seen_in_the_input_comes_back_to_the_frame(resize, rotation, size):
    middle = (size[0] // 2 - 15, size[1] // 2 - 9, size[0] // 2 + 8, size[1] // 2 + 12)
    view, placement = seen(marked(size, middle), resize, rotation)
    ys, xs = np.nonzero(view > 127)
    found = placement.boxes_to_frame([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]])[0]
    # An edge is seen to half a pixel of the input at each side.
    assert np.abs(found - middle).max() <= 0.5 / min(placement.scale) + 0.5


@pytest.mark.parametrize(("resize", "rotation", "size"), WAYS)
def test_a_mask_seen_in_the_input_comes_back_to_the_frame(resize, rotation, size):
    middle = (size[0] // 2 - 18, size[1] // 2 - 15, size[0] // 2 + 17, size[1] // 2 + 14)
    frame = marked(size, middle)
    view, placement = seen(frame, resize, rotation)
    truth = frame[..., 0] > 0
    for mask in (placement.mask_to_frame(view > 127), placement.mask_to_frame(view, cv2.INTER_LINEAR) > 127):
        assert mask.shape == truth.shape
        # Along its border a pixel of the input covers up to 1 / scale pixels of the frame.
        border = 2 * (35 + 29) / min(placement.scale)
        assert (mask != truth).sum() <= 0.75 * border


def test_where_the_network_did_not_look_the_mask_has_the_fill():
    placement = placement_of((200, 100), (50, 50), "crop")
    mask = placement.mask_to_frame(np.ones((50, 50), np.uint8), fill=255)
    np.testing.assert_array_equal(np.unique(mask[:, :50]), [255])
    np.testing.assert_array_equal(np.unique(mask[:, 50:150]), [1])
    np.testing.assert_array_equal(np.unique(mask[:, 150:]), [255])


def test_a_coarse_map_is_spread_over_the_whole_frame():
    placement = placement_of((8, 4), (64, 64), "stretch")
    mask = placement.mask_to_frame(np.array([[0, 1], [2, 3]], np.uint8))
    np.testing.assert_array_equal(mask, np.repeat([[0] * 4 + [1] * 4, [2] * 4 + [3] * 4], 2, axis=0))


@pytest.mark.parametrize(
    ("rotation", "point", "turned"),
    [
        # The top left corner of a 20 x 10 frame, and where it lies after turning, worked out by hand.
        (0, (0, 0), (0, 0)),
        (90, (0, 0), (10, 0)),
        (180, (0, 0), (20, 10)),
        (270, (0, 0), (0, 20)),
        (90, (20, 10), (0, 20)),
        (270, (5, 1), (1, 15)),
    ],
)
def test_turning_by_hand(rotation, point, turned):
    size = (10, 20) if rotation in (90, 270) else (20, 10)
    placement = Placement((20, 10), size, (1.0, 1.0), rotation=rotation)
    np.testing.assert_allclose(placement.to_input(point), turned)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    resize=st.sampled_from(RESIZES),
    rotation=st.sampled_from(TURNS),
    frame=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    to=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    points=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5),
)
def test_points_come_back(resize, rotation, frame, to, points):
    placement = placement_of(frame, to, resize, rotation)
    inside = np.asarray(points) * frame
    back = placement.to_frame(placement.to_input(inside))
    # float32 keeps 24 bits; the offset of a crop can be as large as the frame is wide at the input's scale.
    reach = max(frame) + max(to) / min(placement.scale)
    np.testing.assert_allclose(back, inside, atol=1e-6 * reach + 1e-4)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    resize=st.sampled_from(RESIZES),
    rotation=st.sampled_from(TURNS),
    frame=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    to=st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
def test_boxes_and_masks_of_any_size_fit_the_frame(resize, rotation, frame, to):
    placement = placement_of(frame, to, resize, rotation)
    boxes = placement.boxes_to_frame([[-5, -5, to[0] + 5, to[1] + 5]])
    assert (boxes[0, :2] >= 0).all()
    assert (boxes[0, 2:] <= frame).all()
    mask = placement.mask_to_frame(np.ones((to[1], to[0]), np.uint8), fill=7)
    assert mask.shape == (frame[1], frame[0])
    assert set(np.unique(mask)) <= {1, 7}


def test_other_angles_are_refused():
    with pytest.raises(InputError, match=r"one of \(0, 90, 180, 270\) degrees, got 45"):
        Placement((1, 1), (1, 1), (1.0, 1.0), rotation=45)
