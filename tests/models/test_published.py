"""Parameters and multiply-accumulates against the published numbers, counted from the graph and from a file.

224x224x3, 1000 classes. Sources: the papers; torchvision ``num_params`` (ShuffleNetV2); timm's results tables.
The count from the TFLite file shares no code with the one from the Keras graph: it reads kernels and output shapes.
"""

import gc

import pytest

from edge.deploy._tensorflow import need
from edge.models import build
from tests import tflite_file

need("tensorflow")

from edge.deploy.convert import freeze, tflite  # noqa: E402
from edge.models.complexity import Complexity, complexity  # noqa: E402

# name, width, options, trainable, total, MACs
PUBLISHED = [
    pytest.param("mobilenet_v1", 1.0, {}, 4_231_976, 4_253_864, 568_740_352, id="mobilenet_v1"),
    pytest.param("mobilenet_v2", 1.0, {}, 3_504_872, 3_538_984, 300_774_272, id="mobilenet_v2"),
    pytest.param("shufflenet_v1", 1.0, {"groups": 3}, 1_865_728, 1_890_208, 137_460_672, id="shufflenet_v1 g=3"),
    pytest.param("shufflenet_v1", 1.0, {"groups": 8}, 2_434_768, 2_473_936, 138_365_952, id="shufflenet_v1 g=8"),
    pytest.param("shufflenet_v2", 0.5, {}, 1_366_792, 1_374_744, 40_476_448, id="shufflenet_v2 0.5x"),
    pytest.param("shufflenet_v2", 1.0, {}, 2_278_604, 2_294_784, 144_907_992, id="shufflenet_v2 1.0x"),
    pytest.param("shufflenet_v2", 1.5, {}, 3_503_624, 3_527_064, 295_759_392, id="shufflenet_v2 1.5x"),
]


@pytest.mark.parametrize(("name", "width", "options", "trainable", "total", "macs"), PUBLISHED)
def test_costs_what_was_published(name, width, options, trainable, total, macs):
    model = build(name, width=width, **options)
    assert complexity(model) == Complexity(trainable, total, macs)
    found = tflite_file.cost(tflite.to_float32(freeze.freeze_keras(model)))
    assert found.macs == macs
    # Folding turns a convolution's batch normalization (gamma, beta, mean, variance a channel) into one bias.
    assert found.weights + 2 * found.conv_channels + found.dense_channels == trainable
    assert found.weights + 4 * found.conv_channels + found.dense_channels == total
    del model
    gc.collect()
