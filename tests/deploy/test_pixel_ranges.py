"""An int8 file's input holds every pixel, whatever the calibration pictures held; warnings where pixels do not fit."""

import cv2
import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need

need("tensorflow")

from edge.deploy.conversion_options import Calibration, Callbacks, ConversionOptions  # noqa: E402
from edge.deploy.package import convert  # noqa: E402
from edge.deploy.parity import Gate  # noqa: E402
from edge.deploy.pixel_ranges import PixelRange  # noqa: E402
from edge.deploy.signature import Pixels  # noqa: E402
from edge.imaging import InputFormat  # noqa: E402
from edge.tensors import Quantization, TensorSpec  # noqa: E402

SIZE = 16


def pictures(folder, darkest, brightest, count=6):
    """Write noise of grey values from ``darkest`` to ``brightest``, both included."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(darkest, brightest + 1, (SIZE, SIZE, 3), np.uint8)
        pixels[0, 0], pixels[0, 1] = darkest, brightest
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((SIZE, SIZE, 3)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    path = tmp_path_factory.mktemp("network") / "net.keras"
    keras.Sequential(layers).save(path)
    return path


def converted(model, out, **options):
    """Return the bundle's folder, and the warnings of the conversion."""
    heard = []
    convert(model, ConversionOptions(out, **options), Callbacks(report=heard.append))
    return out, [line for line in heard if line.startswith("warning")]


def input_of(path):
    with open_model(path) as model:
        return model.inputs[0]


@pytest.mark.parametrize(
    ("mean", "std", "io", "least", "most"),
    [
        (127.5, 127.5, "int8", -128 / 127, 1),  # -1, 0 and 1 are steps
        (127.5, 127.5, "uint8", -1, 1),  # a step is one pixel, for programs that feed bytes
        (0, 255, "int8", 0, 1),
        (0, 1, "int8", 0, 255),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), "int8", -123.7 / 58.4, (255 - 103.5) / 57.4),
    ],
)
def test_the_input_of_an_int8_file_holds_every_pixel_though_calibrated_in_the_dark(
    network, tmp_path, mean, std, io, least, most
):
    mean, std = (v if isinstance(v, tuple) else (v,) for v in (mean, std))
    dark = Calibration(pictures(tmp_path / "dark", 0, 60))
    out, _ = converted(
        network, tmp_path / "net", tflite=("int8",), onnx=(), calibration=dark, io=io, pixels=Pixels(mean, std)
    )
    scale, zero = input_of(out / "model_int8.tflite").quantization
    first = 0 if io == "uint8" else -128
    # The quantizer moves zero to a whole step, by half of one at most.
    assert (first - zero) * scale == pytest.approx(least, abs=0.51 * scale)
    assert (first + 255 - zero) * scale == pytest.approx(most, abs=0.51 * scale)
    if (mean, io) == ((127.5,), "int8"):
        assert zero == 0
        assert scale == pytest.approx(1 / 127, rel=1e-6)


def test_dark_calibration_pictures_are_warned_of(network, tmp_path):
    data = pictures(tmp_path / "dark", 0, 60)
    _, heard = converted(network, tmp_path / "net", tflite=("int8",), onnx=(), calibration=Calibration(data))
    assert len(heard) == 1
    assert "fill 24 % of that, from -1 to -0.529; calibrate with pictures as the camera will see them" in heard[0]


def test_pictures_from_dark_to_bright_are_not(network, tmp_path):
    data = pictures(tmp_path / "bright", 0, 255)
    both = {"calibration": Calibration(data), "gate": Gate(data, min_agreement=0, min_onnx_agreement=0)}
    assert converted(network, tmp_path / "net", **both)[1] == []


@pytest.fixture(scope="module")
def finished(network, tmp_path_factory):
    """An int8 file whose input holds 0 to 1, with a scale of 1/255."""
    folder = tmp_path_factory.mktemp("finished")
    data = pictures(folder / "data", 0, 255)
    options = {"tflite": ("int8",), "onnx": (), "calibration": Calibration(data), "pixels": Pixels((0.0,), (255.0,))}
    return converted(network, folder / "net", **options)[0] / "model_int8.tflite"


@pytest.mark.parametrize("option", ["calibration", "gate"])
@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        (127.5, 127.5, "takes 0 to 1 in model_int8.tflite, but 49.7 % of the values are clipped"),  # the dark half
        (0.0, 1020.0, "fill 25 % of that"),
        (0.0, 255.0, None),
    ],
)
def test_pixels_that_do_not_fit_a_finished_file_are_warned_of(finished, tmp_path, option, mean, std, words):
    data = pictures(tmp_path / "data", 0, 255)
    given = {"calibration": {"calibration": Calibration(data)}, "gate": {"gate": Gate(data)}}[option]
    _, heard = converted(finished, tmp_path / "net", pixels=Pixels((mean,), (std,)), **given)
    if words is None:
        assert heard == []
        return
    assert len(heard) == 1
    assert words in heard[0]
    assert "with --mean 0 --std 255 pixels from 0 to 255 fill it" in heard[0]


def test_a_quantized_input_has_the_range_of_its_integers():
    spec = TensorSpec("x", (1, 4, 4, 3), np.dtype(np.uint8), Quantization(0.5, 10))
    assert PixelRange.of_file(spec) == PixelRange(-5.0, 122.5, 0.5)
    assert PixelRange.of_file(TensorSpec("x", (1, 4, 4, 3), np.dtype(np.float32), None)) is None


def test_the_range_of_pixels_takes_in_all_channels():
    found = PixelRange.of_pixels(InputFormat(mean=(0.0, 127.5, 255.0), std=(255.0, 127.5, 51.0)))
    assert (found.least, found.most) == (-5.0, 1.0)
