"""SSDLite: its outputs and anchors fit each other, it costs what was published, it quantizes without a float tensor."""

import numpy as np
import pytest

from edge.decoders.anchors import anchors
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import build

need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.backends import open_model  # noqa: E402
from edge.deploy.compress import qat  # noqa: E402
from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.tensors import dequantize, quantize  # noqa: E402
from tests import tflite_file, zoo  # noqa: E402

NAMES = ["ssdlite_mobilenet_v2", "ssdlite_shufflenet_v2"]
SMALL = {"input_shape": (72, 96, 3), "classes": 5, "width": 0.25, "strides": (8, 16, 32), "ratios": (1.5,)}
NOT_DELEGATED = {"SOFTMAX"}
"""XNNPACK takes it in float only."""


def small(name):
    keras.utils.set_random_seed(3)
    model = build(name, **SMALL)
    zoo.settle(model, images(16))
    return model


def images(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, *SMALL["input_shape"])).astype(np.float32)


MOBILE, SHUFFLE = NAMES
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        pytest.param(MOBILE, (320, 320, 3), {}, id="the paper's input", marks=SLOW),
        pytest.param(MOBILE, (32, 32, 1), {}, id="the least input, grey", marks=SLOW),
        pytest.param(SHUFFLE, (32, 32, 1), {}, id="the least input, grey, shuffled", marks=SLOW),
        pytest.param(SHUFFLE, (33, 50, 3), {}, id="odd sides"),
        pytest.param(SHUFFLE, (64, 64, 3), {"strides": (4, 8), "ratios": ()}, id="small objects, squares", marks=SLOW),
        pytest.param(MOBILE, (64, 64, 3), {"strides": [32, 64], "ratios": [2, 3, 4]}, id="coarse", marks=SLOW),
        pytest.param(MOBILE, (64, 64, 3), {"strides": (16,)}, id="one map", marks=SLOW),
    ],
)
def test_there_is_one_row_for_each_anchor(name, shape, options):
    model = build(name, shape, 4, 0.25, **options)
    count = len(anchors(shape, **options))
    assert model.output_names == ["boxes", "scores"]
    assert [tuple(out.shape) for out in model.outputs] == [(None, count, 4), (None, count, 5)]
    boxes, scores = zoo.outputs(model, np.zeros((2, *shape), np.float32))
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    assert np.isfinite(boxes).all()


@pytest.mark.parametrize("name", [SHUFFLE, pytest.param(MOBILE, marks=SLOW)])
def test_rows_stand_in_the_order_of_the_anchors(name):
    """Pixels that change move the rows of the anchors around them most."""
    model = small(name)
    first_map = anchors(SMALL["input_shape"], SMALL["strides"], SMALL["ratios"])[: 9 * 12 * 4]
    plain = images(1)
    for y, x in ((8, 8), (8, 84), (60, 30)):
        changed = plain.copy()
        changed[0, y - 4 : y + 4, x - 4 : x + 4] += 3
        moved = np.abs(zoo.outputs(model, changed)[0] - zoo.outputs(model, plain)[0])[0].max(-1)
        centre = first_map[moved[: len(first_map)].argmax(), :2]
        # Three 3x3 convolutions and the head's see no further than 16 + 8 pixels of 72 and of 96.
        assert np.abs(centre - (y / 72, x / 96)).max() < 0.34


@SLOW
def test_costs_what_was_published():
    # Table 6 of the paper: 4.3 M parameters, 0.8 B multiply-adds at 320x320 with COCO's 80 classes. Its network
    # has 3 boxes at a place of the first map (20x20, 576 channels), ours has 6 there, too.
    cost = zoo.paper("ssdlite_mobilenet_v2", (320, 320, 3), 80).costs
    spare = 3 * 576 * (4 + 81)
    assert (cost.trainable - spare - 3 * 85) / 1e6 == pytest.approx(4.3, abs=0.05)
    assert (cost.macs - spare * 20 * 20) / 1e9 == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strides": ()}, r"strides must start at one of \[4, 8, 16, 32\] and double up to at most 512.*got \(\)"),
        ({"strides": (2, 4)}, r"got \(2, 4\)"),
        ({"strides": (8, 32)}, r"got \(8, 32\)"),
        ({"strides": (32, 16)}, r"got \(32, 16\)"),
        ({"strides": tuple(16 << k for k in range(7))}, "at most 512"),
        ({"strides": (12,)}, r"got \(12,\)"),
        ({"strides": "16"}, "strides must be numbers"),
        ({"ratios": (1.0,)}, "ratios must be above 1"),
        ({"ratios": (0.5, 2)}, "inverse of each comes with it"),
        ({"ratios": ("2",)}, "ratios must be numbers"),
        ({"ratios": (float("nan"),)}, "ratios must be above 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        build("ssdlite_mobilenet_v2", (64, 64, 3), 2, 0.25, **options)


def run_file(path, samples):
    """Return (boxes, scores) of an int8 file for each sample, real values, told apart by their last dimension."""
    with open_model(path, threads=1) as file:
        rows = [file.run([quantize(x[None], file.inputs[0])]) for x in samples]
        real = [np.concatenate([dequantize(row[at], spec) for row in rows]) for at, spec in enumerate(file.outputs)]
    return sorted(real, key=lambda out: out.shape[-1])


@pytest.fixture(scope="module", params=NAMES)
def quantized(request):
    """Return the int8 file's content by the way it was made, and the Keras model that each stands for."""
    model, calibration = small(request.param), images(8, seed=5)
    trained = qat.quantize_aware(model, [calibration])
    trained(calibration, training=True)
    qat.finish(trained, model)
    after = tflite.to_int8(freeze.freeze_keras(model), calibration[:, None])
    return {"int8": (after, model), "qat": (tflite.qat_to_int8(freeze.freeze_keras(trained)), trained)}


@SLOW
@pytest.mark.parametrize("way", ["int8", "qat"])
def test_int8_files_are_whole_numbers_in_one_piece_and_agree(quantized, way, tmp_path):
    content, model = quantized[way]
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    ops = tflite_file.op_names(content)
    assert not {"SHAPE", "PACK", "CUSTOM", "DEQUANTIZE"} & set(ops)
    # Trained ranges differ from map to map: joining rescales each map's rows, which stays in whole numbers.
    assert ops["QUANTIZE"] <= (2 * len(SMALL["strides"]) if way == "qat" else 0)
    partitions, left = tflite_file.delegate_partitions(content)
    assert (partitions, set(left)) == (1, NOT_DELEGATED)
    path = tmp_path / "file.tflite"
    path.write_bytes(content)
    samples = images(4, seed=9)
    got, expected = run_file(path, samples), zoo.outputs(model, samples)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.shape == theirs.shape
        # Untrained, so roundings of 50 layers weigh much; rows in another order or a lost scale leave nothing of it.
        least = {"int8": 0.75, "qat": 0.95}[way]  # 0.81 and 0.98 were seen
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= least
        assert ours.std() == pytest.approx(theirs.std(), rel=0.2)
