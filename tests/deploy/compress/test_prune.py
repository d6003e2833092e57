"""What pruning does to a network, and what it leaves alone."""

import numpy as np
import pytest
import tf_keras as keras

from edge.deploy.compress import prune
from edge.errors import InputError

IMAGES = np.random.default_rng(0).normal(0, 1, (16, 6, 6, 3)).astype(np.float32)


def network():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 3, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    return keras.Model(inputs, keras.layers.Dense(4, name="dense")(keras.layers.Flatten()(x)), name="net")


def pruned(model, sparsity):
    wrapped, callbacks = prune.prunable(model, sparsity, steps=4)
    wrapped.compile("sgd", "mse", run_eagerly=True)
    wrapped.fit(IMAGES, np.ones((16, 4), np.float32), 4, callbacks=callbacks, verbose=0)
    return prune.strip(wrapped)


def test_the_smallest_weights_of_each_kernel_go_and_depthwise_kernels_stay_whole():
    result = pruned(network(), 0.75)
    for name in ("conv", "dense"):
        kernel = result.get_layer(name).kernel.numpy()
        assert np.mean(kernel == 0) == pytest.approx(0.75, abs=1 / kernel.size)
    assert (result.get_layer("depthwise").depthwise_kernel.numpy() != 0).all()
    assert [type(layer).__name__ for layer in result.layers] == [type(layer).__name__ for layer in network().layers]


def test_the_network_that_was_given_stays_as_it_was():
    model = network()
    before = model.get_weights()
    pruned(model, 0.5)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("sparsity", [0.0, 1.0, -0.5, 50])
def test_a_share_that_is_none_is_refused(sparsity):
    with pytest.raises(InputError, match="above 0 and below 1"):
        prune.prunable(network(), sparsity, 4)
