"""The motion gate on drawn scenes and photographs: noise and light pass nothing, motion passes at once."""

import cv2
import numpy as np
import pytest

from edge.errors import InputError
from edge.frames import Frame
from edge.scenes import moving
from edge.stages.motion import MotionGate, MotionOptions, small_grey
from edge.stages.regions import region_around
from tests.shared import needs_shared, shared

SIZE = (640, 360)
FPS = 10.0


def scenes(count, seed=0):
    rows = moving(SIZE, 30.0, seed)
    return [next(rows).image for _ in range(count)]


@pytest.fixture(scope="module")
def background():
    return scenes(1)[0]


def frame(image, index, fps=FPS):
    seconds = index / fps
    return Frame(np.ascontiguousarray(image), "BGR", index, round(seconds * 1e9), "arrival", "cam", position=seconds)


@pytest.fixture(autouse=True)
def seed():
    cv2.setRNGSeed(1)


def noisy(image, sigma):
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, 0, sigma)
    return np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def answers(gate, images, fps=FPS):
    return [gate(frame(image, index, fps)) for index, image in enumerate(images)]


def settled(images, options=None, **more):
    """Return a gate that has seen the first image long enough to be quiet, and the answers for the others."""
    gate = MotionGate(options or MotionOptions(max_pause=120), **more)
    before = answers(gate, [images[0]] * 30)
    assert before[0] is True
    assert not any(before[15:])
    return [gate(frame(image, 30 + index)) for index, image in enumerate(images[1:])]


@pytest.mark.parametrize("sigma", [0, 4, 12, 25])
def test_noise_is_no_motion(background, sigma):
    found = answers(MotionGate(MotionOptions(max_pause=120)), [noisy(background, sigma) for _ in range(40)])
    assert found[0] is True
    assert not any(found[12:])


@needs_shared
@pytest.mark.parametrize("name", ["pets.jpg", "parrot.jpg", "grace_hopper.bmp"])
def test_noise_on_a_photograph_is_no_motion(name):
    image = cv2.resize(cv2.imread(str(shared("images", name))), SIZE)
    found = answers(MotionGate(MotionOptions(max_pause=120)), [noisy(image, 8) for _ in range(40)])
    assert not any(found[12:])


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.5], ids=["much darker", "darker", "brighter"])
def test_a_change_of_the_light_everywhere_is_no_motion(background, gain):
    dim = background * 0.6
    changed = [noisy(dim * gain, 3) for _ in range(30)]
    assert not any(settled([noisy(dim, 3), *changed]))
    slowly = [noisy(dim * (1 + (gain - 1) * step / 30), 3) for step in range(30)]
    assert not any(settled([noisy(dim, 3), *slowly]))


@pytest.mark.parametrize("side", [30, 80, 200])
def test_an_object_is_motion_at_once_and_for_the_hold_time_after(background, side):
    shown = []
    for step in range(8):
        image = background.copy()
        image[100 : 100 + side, 40 * step : 40 * step + side] = 5
        shown.append(image)
    assert all(settled([background, *shown]))
    after = settled([background, *shown, *[background] * 120])[8:]
    assert all(after[:10])  # hold: 1 s at 10 frames per second
    assert not any(after[-20:])


def test_something_too_small_is_no_motion(background):
    image = background.copy()
    image[100:112, 100:112] = 5
    assert not any(settled([background, *[image] * 3], MotionOptions(min_area=0.01, max_pause=120)))


def test_moving_objects_of_drawn_clips_are_seen():
    """The background of these clips moves as well."""
    assert all(answers(MotionGate(), scenes(60, seed=4), fps=30.0))


def test_what_stays_becomes_background(background):
    chair = background.copy()
    chair[200:300, 300:400] = 5
    found = settled([background, *[chair] * 400])
    assert found[0]
    assert not any(found[-50:])


def test_another_scene_is_background_at_once(background):
    other = background.copy()
    other[:, (np.arange(SIZE[0]) // 40) % 2 == 0] = 5
    other[:, (np.arange(SIZE[0]) // 40) % 2 == 1] = 250
    found = settled([background, *[other] * 20])
    assert found[0] is True
    assert not any(found[12:])


def test_a_frame_is_passed_at_least_every_max_pause(background):
    found = answers(MotionGate(MotionOptions(max_pause=2.0, hold=0)), [background] * 100)
    assert np.flatnonzero(found).tolist() == list(range(0, 100, 20))


def test_a_change_of_the_size_starts_again(background):
    gate = MotionGate(MotionOptions(hold=0))
    small = cv2.resize(background, (320, 180))
    found = answers(gate, [background, background, small, small])
    assert found == [True, False, True, False]


def in_format(image, form):
    if form == "BGR":
        return image
    if form == "GRAY":
        return image[..., 1]
    yuv = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    if form == "I420":
        return yuv
    height, width = image.shape[:2]
    if form == "NV12":
        planes = yuv[height:].reshape(2, -1)
        return np.concatenate([yuv[:height], planes.T.reshape(height // 2, width)])
    return np.stack([yuv[:height], np.full_like(yuv[:height], 128)], axis=-1)


@pytest.mark.parametrize("form", ["BGR", "GRAY", "I420", "NV12", "YUYV"])
def test_every_format_is_looked_at_without_a_conversion(background, form, monkeypatch):
    monkeypatch.setattr(Frame, "bgr", property(lambda self: pytest.fail("converted")))
    image = background.copy()
    image[100:200, 100:200] = 5
    gate = MotionGate(MotionOptions(hold=0, crop=True), network=(96, 96))
    found = [
        gate(Frame(in_format(one, form), form, i, i * 10**8, "arrival", "cam", position=i / 10))
        for i, one in enumerate([background, background, image])
    ]
    assert found[:2] == [True, False]
    x0, y0, x1, y1 = found[2]
    assert x0 <= 100
    assert y0 <= 100
    assert x1 >= 200
    assert y1 >= 200


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 300), (100, 75), (1279, 719), (3840, 2160)])
def test_any_size_is_taken(size):
    image = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    grey = small_grey(frame(image, 0))
    assert grey.shape[1] == min(160, size[0])
    assert answers(MotionGate(MotionOptions(hold=0)), [image, image]) == [True, False]


def test_cropping_gives_the_region_and_sometimes_the_whole_frame(background):
    image = background.copy()
    image[100:160, 400:460] = 5
    gate = MotionGate(MotionOptions(crop=True, max_pause=2.0), network=(96, 96))
    found = answers(gate, [background, *[image, background] * 30])
    regions = [one for one in found if one is not True and one is not False]
    assert found[0] is True
    assert 1 <= found[1:].count(True) <= 4  # every two seconds of six
    assert len(regions) > 40
    for x0, y0, x1, y1 in regions:
        assert 0 <= x0 <= 400
        assert 460 <= x1 <= 640
        assert y0 <= 100
        assert y1 >= 160
        assert x1 - x0 == y1 - y0  # the network's aspect


@pytest.mark.parametrize(
    ("boxes", "network", "expected"),
    [
        pytest.param([(300, 100, 400, 200)], (32, 32), (285, 85, 415, 215), id="room on each side"),
        pytest.param([(300, 100, 400, 140)], (32, 32), (285, 55, 415, 185), id="the network's aspect"),
        pytest.param([(300, 100, 310, 110)], (96, 96), (257, 57, 353, 153), id="not smaller than the input"),
        pytest.param([(0, 0, 100, 100)], (32, 32), (0, 0, 130, 130), id="moved into the frame"),
        pytest.param([(600, 300, 640, 360)], (32, 64), (573, 244, 640, 360), id="moved back from the corner"),
        pytest.param([(100, 100, 120, 120), (300, 150, 320, 170)], (64, 32), (67, 69, 353, 201), id="merged"),
        pytest.param([(0, 0, 640, 300)], (32, 32), None, id="nearly the whole frame"),
        pytest.param([(300, 100, 310, 110)], (1000, 1000), None, id="the input is larger than the frame"),
    ],
)
def test_regions(boxes, network, expected):
    found = region_around(boxes, SIZE, network)
    if expected is None:
        assert found is None
    else:
        assert found == pytest.approx(expected, abs=13)


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0},
        {"threshold": 300},
        {"min_area": 0},
        {"min_area": 1},
        {"max_pause": 0},
        {"max_pause": 121},
        {"hold": -1},
    ],
)
def test_options_are_checked(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} of motion must be"):
        MotionOptions(**options)
