"""Each form of a layer computes the same function, and is in the file that it is meant for."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from tests import tflite_file

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.models import blocks, lowering  # noqa: E402
from edge.models.layers import ChannelShuffle  # noqa: E402


@pytest.fixture(scope="module")
def gated():
    """Return a network with a hard-swish and a squeeze-and-excitation."""
    entry = blocks.image_input((8, 8, 4))
    x = blocks.conv(entry, 8, "first", act="hard_swish")
    return keras.Model(entry, blocks.squeeze_excite(x, 4, "excite"))


@pytest.fixture(scope="module")
def samples():
    return np.random.default_rng(0).normal(0, 2, (16, 8, 8, 4)).astype(np.float32)


@pytest.mark.parametrize("target", [lowering.FLOAT, lowering.INT8])
def test_hard_swish_is_x_times_relu6_of_x_plus_3_over_6(target):
    x = np.linspace(-5, 5, 41, dtype=np.float32).reshape(1, 1, 1, 41)
    with lowering.lowered_for(target):
        got = blocks.hard_swish(tf.constant(x), "act").numpy()
    expected = x * np.clip(x + 3, 0, 6) / 6
    # The int8 form rounds the gate, 0 to 6, to 255 steps: half a step of it times |x| / 6.
    np.testing.assert_allclose(got, expected, atol=1e-6 if target == lowering.FLOAT else 5 * 0.5 * 6 / 255 / 6 + 1e-6)


def test_the_target_is_float_again_behind_the_block():
    with pytest.raises(ValueError, match="stop"), lowering.lowered_for(lowering.INT8):
        raise ValueError("stop")
    assert lowering.current() == lowering.FLOAT


def test_the_float_file_has_the_fused_form_and_the_int8_file_the_delegated_one(gated, samples):
    frozen = freeze.freeze_keras(gated)
    fused = tflite_file.op_names(tflite.to_float32(frozen))
    assert fused["HARD_SWISH"] == 1
    content = tflite.to_int8(frozen, samples[:, None])
    assert not tflite_file.op_names(content)["HARD_SWISH"]
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    assert tflite_file.delegate_partitions(content) == (1, [])


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_the_4d_shuffle_is_the_papers_5d_one(groups):
    x = np.random.default_rng(groups).normal(size=(2, 3, 5, 12)).astype(np.float32)
    papers = x.reshape(2, 3, 5, groups, 12 // groups).transpose(0, 1, 2, 4, 3).reshape(x.shape)
    np.testing.assert_array_equal(ChannelShuffle(groups)(x), papers)


def test_no_transpose_of_a_shuffle_has_more_than_four_dimensions():
    entry = blocks.image_input((8, 8, 6))
    model = keras.Model(entry, ChannelShuffle(3)(blocks.conv(entry, 6, "first")))
    content = tflite.to_float32(freeze.freeze_keras(model))
    assert tflite_file.op_names(content)["TRANSPOSE"] == 1
    assert tflite_file.most_dimensions(content) == 4
