"""The wrapped network is the one that tfmot makes by itself, built fewer times."""

from functools import partial

import numpy as np
import pytest

from edge.deploy._tensorflow import need

tfmot = need("tensorflow_model_optimization")

import tf_keras as keras  # noqa: E402

from edge.deploy import quantized  # noqa: E402
from edge.deploy.compress import qat, wrapping  # noqa: E402
from edge.deploy.compress.scheme import Scheme  # noqa: E402
from edge.deploy.load import load_keras  # noqa: E402
from edge.errors import InputError  # noqa: E402
from edge.models.layers import ChannelShuffle  # noqa: E402

layers = keras.layers
IMAGES = np.random.default_rng(0).normal(0, 1, (4, 8, 8, 4)).astype(np.float32)


def convolved(x, name):
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name=name)(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


def own_and_foreign_layers(x):
    gate = layers.Activation("sigmoid", name="gate")(convolved(x, "conv"))
    return ChannelShuffle(2, name="shuffle")(layers.Multiply(name="gated")([x, gate]))


def dense_with_normalization(x):
    x = layers.Dense(6, use_bias=False, name="dense")(layers.Flatten(name="flat")(x))
    return layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))


NETWORKS = {
    "a chain": lambda x: convolved(convolved(x, "first"), "second"),
    "the input reaches several": lambda x: layers.Add(name="add")([convolved(x, "left"), convolved(x, "right")]),
    "the input is joined to what follows it": lambda x: layers.Concatenate(name="join")([x, convolved(x, "conv")]),
    "two are joined": lambda x: layers.Concatenate(name="join")(
        [convolved(convolved(x, "stem"), "left"), layers.MaxPooling2D(1, name="pool")(convolved(x, "right"))]
    ),
    "a normalization that is folded before": dense_with_normalization,
    "layers of our own, and one that tfmot does not know": own_and_foreign_layers,
}


def network(body):
    keras.utils.set_random_seed(1)
    entry = keras.Input((8, 8, 4), name="image")
    return keras.Model(entry, body(entry), name="net")


def sequential():
    keras.utils.set_random_seed(1)
    stack = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm"), layers.ReLU(name="relu")]
    return keras.Sequential([keras.Input((8, 8, 4), name="image"), *stack], name="net")


def two_inputs():
    entries = [keras.Input((8, 8, 4), name=name) for name in ("left", "right")]
    return keras.Model(entries, layers.Concatenate(name="join")(entries), name="net")


def half_zeros():
    model = network(NETWORKS["a chain"])
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            layer.set_weights([np.where(np.arange(4) % 2, kernel, 0) for kernel in layer.get_weights()])
    return model


def by_tfmot(model, keep_sparsity=False):
    """Return what tfmot makes of ``model`` when it is told of our layers in its own way."""

    def annotate(layer):
        return tfmot.quantization.keras.quantize_annotate_layer(layer, wrapping._own_config(layer))

    annotated = keras.models.clone_model(model, clone_function=annotate)
    annotated.set_weights(model.get_weights())
    with quantized.scope():
        return tfmot.quantization.keras.quantize_apply(annotated, Scheme(keep_sparsity))


def described(model):
    """Return each layer's name, configuration but for counted names, and where its inputs come from."""
    found = []
    for layer in model.layers:
        config = {key: value for key, value in layer.get_config().items() if key != "name"}
        before = [node.layer.name for node in layer.inbound_nodes[0].parent_nodes]
        found.append((layer.name, repr(config), before))
    return found


MODELS = {
    **{name: partial(network, body) for name, body in NETWORKS.items()},
    "sequential": sequential,
    "two inputs are joined, which gives them its range": two_inputs,
    "zeros are kept": half_zeros,
}


@pytest.mark.parametrize("name", MODELS)
def test_is_what_tfmot_makes(name):
    model, keep_sparsity = MODELS[name](), name == "zeros are kept"
    keras.backend.reset_uids()  # both count their layers from one
    expected = by_tfmot(model, keep_sparsity)
    keras.backend.reset_uids()
    with quantized.scope():
        found = wrapping.wrapped(model, Scheme(keep_sparsity))
    assert described(found) == described(expected)
    inputs = [IMAGES, 2 * IMAGES] if len(model.inputs) == 2 else IMAGES
    for training in (True, False):  # in a training step the ranges move
        np.testing.assert_array_equal(found(inputs, training=training), expected(inputs, training=training))


def test_the_network_that_was_given_stays_and_can_be_saved(tmp_path):
    model = network(NETWORKS["a chain"])
    before = model(IMAGES).numpy()
    simulated = qat.quantize_aware(model, [IMAGES])
    simulated(IMAGES, training=True)
    simulated.set_weights([weights + 1 for weights in simulated.get_weights()])
    np.testing.assert_array_equal(model(IMAGES), before)
    assert not model.use_legacy_config  # or it would be saved in Keras' older form
    model.save(tmp_path / "net.keras")
    np.testing.assert_array_equal(load_keras(tmp_path / "net.keras")(IMAGES), before)


def test_what_moves_values_keeps_its_scale_and_what_computes_them_gets_one():
    simulated = qat.quantize_aware(network(own_and_foreign_layers), [IMAGES])
    shuffle, gated = (simulated.get_layer(f"quant_{name}") for name in ("shuffle", "gated"))
    assert shuffle.quantize_config.get_output_quantizers(shuffle.layer) == []
    assert len(gated.quantize_config.get_output_quantizers(gated.layer)) == 1


def test_a_layer_that_cannot_be_built_again_is_refused():
    class Scaled(layers.Layer):
        quantizes_output = True

        def __init__(self, by, **options):
            super().__init__(**options)
            self.by = by

        def call(self, inputs):
            return inputs * self.by

        def get_config(self):
            return {"name": self.name}  # "by" is missing

    with pytest.raises(InputError, match=r"^net cannot be trained quantization-aware: "):
        qat.quantize_aware(network(lambda x: Scaled(2.0, name="scaled")(x)), [IMAGES])


def test_all_layers_without_a_configuration_are_named():
    def unknown(x):
        x = layers.LayerNormalization(name="norm")(convolved(x, "conv"))
        return layers.Softmax(name="soft")(layers.GaussianNoise(0.1, name="noise")(x))

    expected = (
        r"^net cannot be trained quantization-aware: no quantize configuration is known for norm "
        r"\(LayerNormalization\), noise \(GaussianNoise\); leave --qat away"
    )
    for refuse in (lambda model: qat.quantize_aware(model, [IMAGES]), qat.check):
        with pytest.raises(InputError, match=expected):
            refuse(network(unknown))


def test_whole_numbers_are_refused():
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    model = keras.Model(tokens, layers.Embedding(5, 2)(tokens), name="net")
    with pytest.raises(InputError, match="the input tokens holds whole numbers"):
        qat.check(model)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_can_be_trained_so_passes_the_check_and_stays_as_it_is(name):
    model = network(NETWORKS[name])
    names = [layer.name for layer in model.layers]
    qat.check(model)
    assert [layer.name for layer in model.layers] == names
    assert not getattr(model, "use_legacy_config", False)
