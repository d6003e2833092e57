"""Networks over sounds, sentences, clips, noise and faces: published sizes, and their own layers against Keras'."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import build
from tests import tflite_file, zoo

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.models.complexity import complexity  # noqa: E402
from edge.models.conv3d import Conv3D, MaxPool3D  # noqa: E402
from edge.models.families.mobilefacenet import PReLU, UnitLength  # noqa: E402
from edge.models.families.mobilevit import Attention, Fold, LayerNorm, Unfold  # noqa: E402

# name, input, classes, trainable, MACs.
COUNTS = [
    # timm's parameters of the weights that the authors released.
    pytest.param("mobilevit_xxs", None, None, 1_272_024, 329_179_648, id="mobilevit_xxs: timm"),
    pytest.param("mobilevit_xs", None, None, 2_317_848, 908_635_136, id="mobilevit_xs: timm"),
    pytest.param("mobilevit_s", None, None, 5_578_632, 1_823_196_160, id="mobilevit_s: timm"),
    # torchvision: num_params 31,505,325, 40.52 GFLOPS.
    pytest.param("r2plus1d_18", None, None, 31_505_325, 40_519_080_960, id="r2plus1d_18: torchvision"),
    # mmaction2 for UCF-101: 78.4 M, 38.5 G.
    pytest.param("c3d", None, None, 78_409_573, 38_547_378_176, id="c3d: mmaction2"),
    # Paper: 0.99 M, 221 M. Without the 7,552 slopes of its PReLU 995,584.
    pytest.param("mobilefacenet", None, None, 1_003_136, 220_965_376, id="mobilefacenet: paper"),
    # Paper, table 1: 0.5 M and 1.8 M. 80 * 128 + 3 * 128 * (128 + 256) + 3 * 256 * 512, their BN, 513 * 10.
    pytest.param("m5", (32_000, 1), 10, 558_090, 278_533_120, id="m5: paper"),
    pytest.param("m11", (32_000, 1), 10, 1_784_202, 226_169_856, id="m11: paper"),
    # By hand: (8 + 1) * 128 + 256, (5 * 128) * 256 + 512, (3 * 256) * 128 + 256, 129 * 37; no bias before BN.
    pytest.param("fcn_1d", None, None, 268_965, 46_322_304, id="fcn_1d: by hand"),
    # By hand: 18,765 * 300, (3 + 4 + 5) * 300 * 100 + 300, 301 * 2.
    pytest.param("text_cnn", None, None, 5_990_402, 19_020_600, id="text_cnn: by hand"),
    pytest.param("dcgan_generator", None, None, 18_855_043, 640_614_400, id="dcgan_generator: by hand"),
    pytest.param("dcgan_discriminator", None, None, 17_232_897, 638_992_384, id="dcgan_discriminator: by hand"),
]


@pytest.mark.parametrize(("name", "shape", "classes", "trainable", "macs"), zoo.grouped(COUNTS))
def test_costs_what_was_published(name, shape, classes, trainable, macs):
    found = zoo.paper(name, shape, classes).costs
    assert (found.trainable, found.macs) == (trainable, macs)


@pytest.mark.slow
def test_a_clips_frames_are_counted_each():
    one = complexity(build("mobilenet_v2", (32, 32, 3), 1, 0.25, include_top=False)).macs
    model = build("cnn_lstm", (3, 32, 32, 3), 5, 0.25)
    lstm, features = 64, 1280
    assert complexity(model).macs == 3 * (one + (features + lstm) * 4 * lstm + lstm * 5)


SIDES = [
    pytest.param((3, 3, 3), (1, 1, 1), (5, 6, 7), id="space and time"),
    pytest.param((3, 3, 3), (2, 2, 2), (5, 6, 7), id="strides, odd frames"),
    pytest.param((3, 3, 3), (2, 1, 1), (6, 4, 4), id="stride in time, even frames"),
    pytest.param((5, 3, 3), (3, 1, 1), (7, 4, 4), id="a stride of 3"),
    pytest.param((1, 3, 3), (1, 2, 2), (4, 7, 6), id="space only"),
    pytest.param((3, 1, 1), (2, 1, 1), (5, 6, 7), id="time only"),
    pytest.param((2, 1, 1), (1, 1, 1), (6, 4, 4), id="time only, even kernel"),
    pytest.param((3, 1, 1), (1, 1, 1), (1, 4, 4), id="one frame"),
    pytest.param((1, 1, 1), (2, 2, 2), (5, 6, 7), id="shortcut"),
]


@pytest.mark.parametrize(("kernel", "stride", "shape"), SIDES)
def test_conv3d_is_keras_conv3d(kernel, stride, shape):
    x = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype(np.float32)
    ours, theirs = Conv3D(4, kernel, stride), keras.layers.Conv3D(4, kernel, stride, padding="same")
    ours.build(x.shape)
    ours.bias.assign([0.1, -0.2, 0.3, 0.4])
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)  # float32 sums of up to 135 products, in another order


def test_conv3d_normalizes_like_a_normalization_behind_it():
    x = np.random.default_rng(1).normal(size=(2, 4, 6, 6, 3)).astype(np.float32)
    ours, norm = Conv3D(4, normalized=True), keras.layers.BatchNormalization()
    plain = keras.layers.Conv3D(4, 3, padding="same", use_bias=False)
    got = ours(x, training=True)
    plain.build(x.shape)
    plain.set_weights([ours.kernel.numpy()])
    np.testing.assert_allclose(got, norm(plain(x), training=True), atol=1e-4)
    assert "bias" not in {weight.name for weight in ours.weights}


@pytest.mark.parametrize(("size", "shape"), [((2, 2, 2), (5, 6, 7)), ((1, 2, 2), (4, 7, 7)), ((2, 2, 2), (1, 1, 1))])
def test_max_pool3d_is_keras_max_pool3d(size, shape):
    x = np.random.default_rng(2).normal(size=(2, *shape, 3)).astype(np.float32)
    np.testing.assert_array_equal(MaxPool3D(size)(x), keras.layers.MaxPooling3D(size, padding="same")(x))


def test_unfold_sorts_positions_by_their_place_in_a_patch_and_fold_undoes_it():
    x = np.random.default_rng(3).normal(size=(2, 4, 6, 8)).astype(np.float32)
    tokens = Unfold()(x)
    assert tokens.shape == (2, 4, 6, 8)
    for place in range(4):
        expected = x[:, place // 2 :: 2, place % 2 :: 2].reshape(2, 6, 8)
        np.testing.assert_array_equal(tokens[:, place], expected)
    np.testing.assert_array_equal(Fold(4)(tokens), x)


def test_layer_norm_is_keras_layer_norm():
    x = np.random.default_rng(4).normal(3, 2, size=(2, 4, 6, 8)).astype(np.float32)
    np.testing.assert_allclose(LayerNorm()(x), keras.layers.LayerNormalization(epsilon=1e-5)(x), atol=1e-5)


def test_attention_is_its_formula():
    heads, size, tokens = 2, 6, 5
    x = np.random.default_rng(5).normal(size=(2, 4, tokens, 3 * size))
    got = Attention(heads)(x.astype(np.float32)).numpy()
    query, key, value = (x[..., n * size : (n + 1) * size] for n in range(3))
    for head in range(heads):
        part = slice(head * size // heads, (head + 1) * size // heads)
        scores = query[..., part] @ key[..., part].swapaxes(-1, -2) / np.sqrt(size / heads)
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        np.testing.assert_allclose(got[..., part], weights @ value[..., part], atol=1e-5)


def test_attention_refuses_a_size_that_heads_do_not_divide():
    with pytest.raises(InputError, match=r"size \(5\) must divide by heads \(2\)"):
        Attention(2).build((None, 4, 6, 15))


def test_prelu_for_int8_is_prelu():
    from edge.models import lowering

    x = np.random.default_rng(6).normal(size=(2, 3, 3, 4)).astype(np.float32)
    layer = PReLU()
    layer.build(x.shape)
    layer.set_weights([np.array([[[-0.5, 0.25, 1.0, 1.5]]], np.float32)])
    expected = np.where(x > 0, x, x * [-0.5, 0.25, 1.0, 1.5])
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6)
    with lowering.lowered_for(lowering.INT8):
        np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_unit_length_is_one():
    x = np.random.default_rng(7).normal(size=(3, 8)).astype(np.float32)
    np.testing.assert_allclose(UnitLength()(x), x / np.linalg.norm(x, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.slow
def test_a_normalized_embedding_has_length_one():
    x = np.random.default_rng(8).normal(size=(3, 32, 32, 3)).astype(np.float32)
    out = build("mobilefacenet", (32, 32, 3), 16, 0.25, normalize=True)(x)
    assert out.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1, atol=1e-5)


def test_generated_images_have_the_side_asked_for():
    model = build("dcgan_generator", (16,), width=0.05, side=32, channels=1)
    out = model(np.random.default_rng(9).uniform(-1, 1, (2, 16)).astype(np.float32)).numpy()
    assert out.shape == (2, 32, 32, 1)
    assert np.abs(out).max() <= 1


def test_a_text_is_known_by_words_anywhere_in_it():
    """The maximum over time does not ask where the window stood."""
    model = build("text_cnn", (20,), 2, 0.25, vocabulary=30, embedding=8)
    words = np.random.default_rng(10).integers(1, 30, 5)
    early, late = np.zeros((2, 1, 20), np.int32)
    early[0, 4:9] = late[0, 9:14] = words
    np.testing.assert_allclose(model(early), model(late), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        pytest.param(
            "text_cnn", {"vocabulary": 0}, "vocabulary of text_cnn must be at least 1, got 0", id="vocabulary"
        ),
        pytest.param("text_cnn", {"embedding": 0}, "embedding of text_cnn must be at least 1, got 0", id="embedding"),
        pytest.param("dcgan_generator", {"side": 40}, "multiple of 16, got 40; 32, 64, 96 fit", id="side"),
        pytest.param("dcgan_generator", {"channels": 0}, "channels of dcgan_generator .* got 0", id="channels"),
        pytest.param("cnn_lstm", {"units": 0}, "units of cnn_lstm must be at least 1, got 0", id="units"),
        pytest.param("cnn_lstm", {"backbone": "mobilenet_v9"}, "mobilenet_v2", id="unknown backbone"),
        pytest.param("mobilefacenet", {"downsample": 32}, r"downsample must be one of \[1, 2, 4, 8, 16\]", id="stride"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(name, options, words):
    with pytest.raises(InputError, match=words):
        build(name, **options)


@pytest.mark.parametrize("channels", [4, 8, 13])
@pytest.mark.parametrize("name", [pytest.param("mobilenet_v2", marks=pytest.mark.slow), "unet"])
def test_images_may_have_any_channels(name, channels):
    """Multispectral images: 13 bands in Sentinel-2."""
    model = build(name, (32, 32, channels), 3, 0.25)
    out = model(np.zeros((1, 32, 32, channels), np.float32))
    assert out.shape == ((1, 3) if name == "mobilenet_v2" else (1, 32, 32, 3))


IN_ONE_PIECE = [
    pytest.param("m5", (512, 1), id="m5: batch normalization is folded, no reshape between"),
    pytest.param("r2plus1d_18", (4, 32, 32, 3), id="r2plus1d_18: no CONV_3D", marks=pytest.mark.slow),
    pytest.param("c3d", (4, 32, 32, 3), id="c3d: no CONV_3D, no 3-D pooling", marks=pytest.mark.slow),
    pytest.param("mobilefacenet", (32, 32, 3), id="mobilefacenet: no PRELU", marks=pytest.mark.slow),
]
NOT_DELEGATED = {"SOFTMAX"}


@pytest.mark.parametrize(("name", "shape"), IN_ONE_PIECE)
def test_int8_file_runs_in_one_piece(name, shape):
    from importlib import import_module

    from edge.models.networks import NETWORKS

    module, _, function = NETWORKS[name].target.partition(":")
    model = getattr(import_module(module), function)(input_shape=shape, classes=5, width=0.25)
    samples = np.random.default_rng(11).normal(size=(4, 1, *shape)).astype(np.float32)
    content = tflite.to_int8(freeze.freeze_keras(model), samples)
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    partitions, left = tflite_file.delegate_partitions(content)
    assert partitions == 1
    assert set(left) <= NOT_DELEGATED


@pytest.mark.slow
def test_lstm_of_several_frames_has_no_float_tensor():
    model = build("cnn_lstm", (4, 32, 32, 3), 5, 0.25)
    samples = np.random.default_rng(12).normal(size=(4, 1, 4, 32, 32, 3)).astype(np.float32)
    content = tflite.to_int8(freeze.freeze_keras(model), samples)
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
