"""The four MLPerf Tiny networks against the benchmark's released files and its published sizes."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.models import build
from tests import tflite_file, zoo
from tests.shared import needs_shared, shared

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.models.complexity import Complexity  # noqa: E402

# trainable, total, MACs: by hand from the layers of the reference code
COUNTS = {
    "resnet8": Complexity(78_186, 78_666, 12_501_632),
    "mobilenet_v1_025_96": Complexity(216_322, 221_794, 7_489_664),
    "ds_cnn": Complexity(23_756, 24_908, 2_656_768),
    "toycar": Complexity(267_928, 269_992, 264_192),
}

RESNET8 = (
    "stem",
    "stage1_block1_conv1",
    "stage1_block1_conv2",
    "stage2_block1_conv1",
    "stage2_block1_conv2",
    "stage2_block1_shortcut",
    "stage3_block1_conv1",
    "stage3_block1_conv2",
    "stage3_block1_shortcut",
)
"""Our names of the reference's conv2d, conv2d_1, …; those with batch normalization are its batch_normalization, …"""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in COUNTS])
def test_costs_what_the_reference_costs(name):
    assert zoo.paper(name).costs == COUNTS[name]


@needs_shared
@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("resnet8", "pretrainedResnet.tflite", id="resnet8"),
        pytest.param("ds_cnn", "kws_ref_model.tflite", id="ds_cnn"),
        pytest.param("toycar", "ad01_fp32.tflite", id="toycar"),
    ],
)
def test_has_the_kernels_of_the_released_file(name, file):
    released = shared("models", "mlperf_tiny", file).read_bytes()
    ours = tflite.to_float32(freeze.freeze_keras(build(name)))
    assert tflite_file.kernel_shapes(ours) == tflite_file.kernel_shapes(released)
    assert tflite_file.cost(ours) == tflite_file.cost(released)
    assert tflite_file.cost(ours).macs == COUNTS[name].macs


@needs_shared
def test_resnet8_computes_what_the_released_one_computes():
    released = keras.models.load_model(shared("models", "mlperf_tiny", "pretrainedResnet.h5"), compile=False)
    ours = build("resnet8")
    assert ours.count_params() == released.count_params()
    convs = [layer for layer in released.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in released.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for name, layer in zip(RESNET8, convs, strict=True):
        ours.get_layer(f"{name}_conv").set_weights(layer.get_weights())
    for name, layer in zip((n for n in RESNET8 if "shortcut" not in n), norms, strict=True):
        ours.get_layer(f"{name}_bn").set_weights(layer.get_weights())
    ours.get_layer("classifier").set_weights(released.layers[-1].get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)
    expected = released(images, training=False)
    assert len(set(np.argmax(expected, -1))) > 1  # noise, and yet told apart: the outputs depend on the input
    np.testing.assert_allclose(
        ours(images, training=False), expected, atol=1e-5
    )  # float32 sums, in an order that depends on the CPU


@needs_shared
def test_toycar_computes_what_the_released_one_computes():
    released = keras.models.load_model(shared("models", "mlperf_tiny", "ad01.h5"), compile=False)
    ours = build("toycar")
    ours.set_weights(released.get_weights())
    features = np.random.default_rng(0).normal(-20, 10, (8, 640)).astype(np.float32)  # decibels
    np.testing.assert_array_equal(ours(features, training=False), released(features, training=False))


def test_toycar_rebuilds_its_input_whatever_the_classes():
    model = build("toycar", (30,), classes=7, width=0.5)
    assert model.output_shape == (None, 30)
    assert model.get_layer("encoder1_dense").units == 64
