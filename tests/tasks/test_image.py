"""Pictures of networks: ranges, colours, layout, the way to the frame, and PSNR by hand."""

import cv2
import numpy as np
import pytest

from edge.errors import InputError
from edge.imaging import placement_of
from edge.results import Result
from edge.tasks.image import ImageToImage, psnr
from tests.tasks.networks import image, outputs, quantized, signature


def network(shape=(1, 64, 96, 3), entry=None, dtype="float32", **parameters):
    return ImageToImage(signature("image", [("y", "image", shape)], entry=entry, dtype=dtype, **parameters))


def plain(values, size=(64, 96)):
    """A picture of one colour, in the network's order of channels."""
    return np.broadcast_to(np.asarray(values, np.float32), (1, *size, len(values)))


@pytest.mark.parametrize(
    ("parameters", "values", "bgr"),
    [
        pytest.param({"range": [0, 1]}, [1, 0.5, 0], [0, 128, 255], id="stated, 0 to 1"),
        pytest.param({"range": [-1, 1]}, [1, 0, -1], [0, 128, 255], id="stated, -1 to 1"),
        pytest.param({}, [1, 0.5, 0], [0, 128, 255], id="found, 0 to 1"),
        pytest.param({}, [1.02, 0.5, -0.03], [0, 128, 255], id="a little beyond 0 to 1"),
        pytest.param({}, [1, 0, -1], [0, 128, 255], id="found, -1 to 1"),
        pytest.param({}, [255, 128, 0], [0, 128, 255], id="found, 0 to 255"),
        pytest.param({"mean": 127.5, "std": 127.5}, [1, 0, -1], [0, 128, 255], id="mean and std"),
        pytest.param({"mean": [10, 20, 30], "std": [1, 2, 4]}, [1, 1, 1], [34, 22, 11], id="by channel"),
        pytest.param({"colour": "BGR"}, [1, 0.5, 0], [255, 128, 0], id="BGR"),
    ],
)
def test_numbers_become_pixels(parameters, values, bgr):
    found = network(**parameters).decode(outputs(y=plain(values))).image
    assert (found.shape, found.dtype) == ((64, 96, 3), np.uint8)
    assert (found == bgr).all()


@pytest.mark.parametrize(
    ("values", "dtype", "steps", "bgr"),
    [
        pytest.param([255, 128, 0], "uint8", (1 / 255, 0), [0, 128, 255], id="0 to 1"),
        pytest.param(
            [127, 0, -128], "int8", (2 / 255, 0), [0, 128, 255], id="-1 to 1"
        ),  # 128 of 127.5, rounded to even
        pytest.param([127, 0, -128], "int8", (1.0, -128), [0, 128, 255], id="0 to 255"),
    ],
)
def test_the_range_of_a_quantized_picture_is_that_of_its_type(values, dtype, steps, bgr):
    array = np.broadcast_to(np.asarray(values, dtype), (1, 64, 96, 3))
    found = network().decode(quantized("y", array, dtype, *steps)).image
    np.testing.assert_allclose(found[0, 0].astype(int), bgr, atol=1)


def test_plain_integers_are_pixels():
    array = np.broadcast_to(np.asarray([1, 0, 2], np.uint8), (1, 64, 96, 3))
    assert network(dtype="uint8").decode(outputs(y=array)).image[0, 0].tolist() == [2, 0, 1]


def test_channels_first_and_grey():
    nchw = network((1, 3, 64, 96), image(layout="NCHW"))
    values = plain([1, 0.5, 0]).transpose(0, 3, 1, 2)
    assert (nchw.decode(outputs(y=np.ascontiguousarray(values))).image == [0, 128, 255]).all()
    grey = network((1, 64, 96, 1))
    assert (grey.decode(outputs(y=plain([0.5]))).image == 128).all()


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_picture_lies_as_the_frame_does(resize, rotation):
    """A network that doubles its input: a frame of four colours comes back with each in its corner."""
    frame = np.zeros((120, 200, 3), np.uint8)
    corners = {(0, 0): (200, 30, 30), (0, 1): (30, 200, 30), (1, 0): (30, 30, 200), (1, 1): (200, 200, 30)}
    for (row, column), colour in corners.items():
        frame[row * 60 : row * 60 + 60, column * 100 : column * 100 + 100] = colour
    placement = placement_of((200, 120), (96, 64), resize, rotation)
    turned = np.rot90(frame, -rotation // 90)
    matrix = np.float32([[placement.scale[0], 0, placement.offset[0]], [0, placement.scale[1], placement.offset[1]]])
    put = cv2.warpAffine(
        np.ascontiguousarray(turned), matrix * 2, (192, 128), flags=cv2.INTER_NEAREST, borderValue=(9, 9, 9)
    )
    task = network((1, 128, 192, 3), range=[0, 255], colour="BGR")
    found = task.decode(outputs(y=put[None].astype(np.float32)), placement).image
    height, width = found.shape[:2]
    assert width / height == pytest.approx(200 / 120, abs=0.02)
    # a point well inside each corner, which every way to resize holds
    for (row, column), colour in corners.items():
        y, x = int((0.35, 0.65)[row] * height), int((0.4, 0.6)[column] * width)
        np.testing.assert_allclose(found[y, x].astype(int), colour, atol=2)


def test_a_stretched_picture_gets_the_frame_s_ratio_and_keeps_the_resolution():
    placement = placement_of((200, 120), (96, 64), "stretch")
    found = network((1, 128, 192, 3)).decode(outputs(y=plain([1, 1, 1], (128, 192))), placement).image
    assert found.shape == (128, 213, 3)  # 120 and 200 times 128 / 120


def test_what_the_input_did_not_hold_is_black():
    placement = placement_of((200, 64), (96, 64), "crop")
    found = network().decode(outputs(y=plain([1, 1, 1])), placement).image
    assert found.shape == (64, 200, 3)
    assert (found[:, :52] == 0).all()
    assert (found[:, 52:148] == 255).all()


@pytest.mark.parametrize(
    ("shape", "parameters", "message"),
    [
        ((1, 64, 96, 2), {}, r"colour RGB with layout NHWC needs 3 channel\(s\), output 'y' is \(1, 64, 96, 2\)"),
        ((1, 64, 96, 3), {"colour": "GRAY"}, r"colour GRAY with layout NHWC needs 1 channel\(s\)"),
        ((1, 10), {}, r"task image needs a map, \(1, rows, columns, channels\), got output 'y' \(1, 10\)"),
        ((1, 64, 96, 3), {"range": [1, 0]}, "parameter range must be two rising numbers"),
        ((1, 64, 96, 3), {"range": [0, 1], "mean": 0}, "parameter range must be two rising numbers, without mean"),
        ((1, 64, 96, 3), {"std": [1, 2]}, "parameter std must be one number or 3, got"),
        ((1, 64, 96, 3), {"color": "RGB"}, "unknown parameter of task image 'color': did you mean 'colour'"),
    ],
)
def test_what_does_not_fit_is_refused(shape, parameters, message):
    with pytest.raises(InputError, match=message):
        network(shape, **parameters)


def test_psnr_by_hand():
    assert psnr(4 * 25.5**2, 4) == pytest.approx(20.0)  # a tenth of the peak
    assert psnr(0, 4) == np.inf
    comparer = network(range=[0, 255]).comparer()
    white, grey = plain([255, 255, 255]), plain([229.5, 229.5, 229.5])
    comparer.add(outputs(y=white), outputs(y=grey), None, None)
    comparer.add(outputs(y=white), outputs(y=white), None, np.full((64, 96, 3), 250, np.uint8))
    figures = comparer.figures()
    assert (figures.measure, figures.unit) == ("PSNR", "dB")
    assert figures.agreement == pytest.approx(20 + 10 * np.log10(2), abs=1e-3)  # half of the pixels have no error
    assert figures.details == {"lowest PSNR, dB": 20.0}
    assert figures.quality == figures.reference_quality == pytest.approx(20 * np.log10(255 / 5), abs=1e-3)


def test_values_beyond_the_range_do_not_count_twice():
    comparer = network(range=[0, 1]).comparer()
    comparer.add(outputs(y=plain([1, 1, 1])), outputs(y=plain([9, 9, 9])), None, None)
    assert comparer.figures().agreement == np.inf  # both are white
    assert comparer.figures().max_error == 8.0


def test_a_true_picture_of_another_size_is_refused():
    with pytest.raises(InputError, match=r"the true picture must be \(64, 96, 3\), got \(8, 8, 3\)"):
        network().comparer().add(outputs(y=plain([1, 1, 1])), outputs(y=plain([1, 1, 1])), None, np.zeros((8, 8, 3)))


def test_it_is_drawn_over_the_whole_frame():
    canvas = np.zeros((30, 50, 3), np.uint8)
    ImageToImage.draw(canvas, Result("image", image=np.full((64, 96, 3), 77, np.uint8)))
    assert (canvas == 77).all()
    assert ImageToImage.line(Result("image", image=np.zeros((64, 96, 3), np.uint8))) == "picture 96x64"
