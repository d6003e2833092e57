"""Networks of dense prediction: counts by hand, up-sampling and dilation against what they stand for, files."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models import build
from edge.models.scaling import Dilation
from edge.tensors import quantize
from tests import tflite_file, zoo

need("tensorflow")

import tf_keras as keras  # noqa: E402

from edge.deploy.conversion import freeze, onnx, tflite  # noqa: E402
from edge.models.backbones import tap  # noqa: E402
from edge.models.blocks import conv_transpose, conv_transpose_bn  # noqa: E402
from edge.models.families.mobilenet_v2 import mobilenet_v2  # noqa: E402
from edge.models.heads import fcn  # noqa: E402

SLOW = pytest.mark.slow


def settle(model, batch=8, seed=0):
    """Give the moving statistics those of one batch, so that values neither vanish nor grow."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    images = np.random.default_rng(seed).normal(0, 1, (batch, *model.input_shape[1:])).astype(np.float32)
    model(images, training=True)
    return images


# Counts


def test_unet_has_the_papers_weights():
    # Figure 1: pairs of 3x3 convolutions down to 1024 channels and up again (twice the channels come in, half from
    # the skip), 2x2 up-convolutions with bias, a 1x1 convolution to 2 classes.
    down = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    up = [(1024, 512), (512, 256), (256, 128), (128, 64)]
    convolutions = sum(9 * a * b + 9 * b * b for a, b in down + up)
    ups = sum(4 * a * b + b for a, b in up)
    channels = 2 * sum(b for _, b in down + up)
    last = 64 * 2 + 2
    assert convolutions + ups + last + channels == 31_030_658  # a bias a channel: the 31.03 M of the original
    found = zoo.paper("unet", (16, 16, 1)).costs  # the count does not depend on the size
    assert found.trainable == convolutions + ups + last + 2 * channels == 31_036_546  # gamma and beta a channel
    assert found.total == found.trainable + 2 * channels


def test_fcn_has_the_papers_134_million():
    vgg = 14_714_688  # the published VGG-16 without its dense layers
    hidden = 7 * 7 * 512 * 4096 + 4096 + 4096 * 4096 + 4096
    scores = {stage: channels * 21 + 21 for stage, channels in ((7, 4096), (4, 512), (3, 256))}
    up = {factor: (2 * factor) ** 2 * 21 * 21 for factor in (2, 8)}
    body = vgg + hidden + sum(scores.values())
    assert round(body / 1e6) == 134  # the paper's table 1, which leaves the resizing out
    assert zoo.paper("fcn8s", (32, 32, 3)).costs.trainable == body + 2 * up[2] + up[8]


@pytest.mark.parametrize(("name", "rows"), [("fcn32s", ()), ("fcn16s", (4,)), ("fcn8s", (4, 3))])
def test_each_fcn_joins_one_skip_more(name, rows):
    names = [layer.name for layer in build(name, (32, 32, 3), 2, 0.0625).layers]
    assert [n for n in names if n.endswith("_add")] == [f"stage{stage}_add" for stage in rows]


# Shapes and options


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("unet", (16, 48, 1), {"dropout": 0.5}),
        ("unet", (32, 16, 4), {}),
        pytest.param("unet_mobilenet_v2", (32, 64, 3), {"dropout": 0.1}, marks=SLOW),
        ("fcn32s", (32, 64, 3), {}),
        ("fcn8s", (64, 32, 1), {"dropout": 0.5}),
        pytest.param("deeplab_v3plus", (16, 48, 3), {}, marks=SLOW),
        pytest.param("deeplab_v3plus", (48, 16, 1), {"output_stride": 8, "dropout": 0.1}, marks=SLOW),
    ],
)
def test_a_segmenter_gives_probabilities_for_every_pixel(name, shape, options):
    model = build(name, shape, 5, 0.125, **options)
    out = model(settle(model, 2), training=False)
    assert out.shape == (2, *shape[:2], 5)
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.sum(out, -1), 1, atol=1e-5)  # the float32 rounding of a softmax


@pytest.mark.parametrize("heatmaps", [pytest.param("linear", marks=SLOW), "sigmoid"])
def test_keypoints_are_a_quarter_of_the_input(heatmaps):
    model = build("keypoints_mobilenet_v2", (64, 32, 3), 5, 0.25, heatmaps=heatmaps)
    out = model(settle(model), training=False).numpy()
    assert out.shape == (8, 16, 8, 5)
    assert (out.min() < 0) == (heatmaps == "linear")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("deeplab_v3plus", {"output_stride": 32}, "output_stride must be one of 16, 8, got 32"),
        ("keypoints_mobilenet_v2", {"heatmaps": "softmax"}, "heatmaps must be one of linear, sigmoid, got 'softmax'"),
        ("mobilenet_v2", {"output_stride": 12}, r"output_stride must be one of \[1, 2, 4, 8, 16, 32\], got 12"),
        ("unet", {"input_shape": (100, 96, 1)}, "height of unet's input must be a multiple of 16, got 100"),
        ("fcn8s", {"width": 0.0001}, "fcn8s: width 0.0001 leaves"),
    ],
)
def test_says_what_fits(name, options, message):
    with pytest.raises(InputError, match=message):
        build(name, **{"input_shape": (32, 32, 3), "classes": 2, "width": 0.25, **options})


# Dilation


def test_strides_beyond_the_output_stride_become_dilation():
    steps = (2, 1, 2, 2, 2, 1, 2, 1)
    of = Dilation(32)
    assert [of(stride) for stride in steps] == [(2, 1), (1, 1), (2, 1), (2, 1), (2, 1), (1, 1), (2, 1), (1, 1)]
    of = Dilation(8)
    # A convolution that loses its stride still sees undilated features; those behind it do not.
    assert [of(stride) for stride in steps] == [(2, 1), (1, 1), (2, 1), (2, 1), (1, 1), (1, 2), (1, 2), (1, 4)]


@SLOW
@pytest.mark.parametrize("output_stride", [16, 8])
def test_a_dilated_backbone_computes_the_strided_ones_features_and_those_between(output_stride):
    last = ["stage7_block1_project_bn"]
    strided = tap(mobilenet_v2((64, 96, 3), 2, 0.25), last)
    dilated = tap(mobilenet_v2((64, 96, 3), 2, 0.25, output_stride=output_stride), last)
    images = settle(strided)
    dilated.set_weights(strided.get_weights())
    step = 32 // output_stride
    expected, got = (model(images, training=False).numpy() for model in (strided, dilated))
    assert got.shape[1:3] == (64 // output_stride, 96 // output_stride)
    # Padding "same" puts a stride-2 kernel's middle on the second of two rows, so the last of each ``step`` is shared.
    np.testing.assert_allclose(got[:, step - 1 :: step, step - 1 :: step], expected, atol=1e-4)


# Up-sampling


def bilinear(image, factor):
    """Resize (height, width) by hand: an output pixel's middle, in input pixels, between its four neighbours."""
    height, width = image.shape
    out = np.zeros((height * factor, width * factor))
    for row in range(height * factor):
        for column in range(width * factor):
            y, x = (row + 0.5) / factor - 0.5, (column + 0.5) / factor - 0.5
            top, left = int(np.floor(y)), int(np.floor(x))
            for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= r < height and 0 <= c < width:  # nothing beyond the border, as a transposed convolution has it
                    out[row, column] += (1 - abs(y - r)) * (1 - abs(x - c)) * image[r, c]
    return out


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_transposed_convolution_begins_as_bilinear_resizing(factor):
    x = keras.Input((3, 5, 2))
    model = keras.Model(x, fcn.resized(x, factor, "up"))
    image = np.random.default_rng(factor).normal(0, 1, (3, 5, 2)).astype(np.float32)
    expected = np.stack([bilinear(image[..., channel], factor) for channel in range(2)], -1)
    np.testing.assert_allclose(model(image[None])[0], expected, atol=1e-5)


def test_the_bilinear_kernel_of_four_by_hand():
    np.testing.assert_array_equal(fcn.bilinear_profile(4), [0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(fcn.bilinear_profile(3), [0.5, 1, 0.5])
    with pytest.raises(ValueError, match="must be square, got 2x4"):
        fcn.Bilinear()((2, 4, 1, 1))


@pytest.mark.parametrize("block", [conv_transpose, conv_transpose_bn])
@pytest.mark.parametrize("kernel", [2, 4])
def test_a_transposed_convolution_keeps_the_variance(block, kernel):
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 64))
    model = keras.Model(x, block(x, 64, "up", kernel, act=None))
    assert [layer.name for layer in model.layers][1] == "up_conv_transpose"
    images = np.random.default_rng(1).normal(0, 1, (4, 16, 16, 64)).astype(np.float32)
    # He's rule doubles it, for the half that a rectifier takes; the border sees fewer weights.
    out = model(images, training=False).numpy()[:, 2:-2, 2:-2]
    assert out.shape == (4, 28, 28, 64)
    assert out.var() == pytest.approx(2, rel=0.1)


# Files

# Tolerance in int8 steps: 1 for two roundings of the same number on either side of a tie.
SMALL = [
    pytest.param("unet", (32, 48, 1), 0.0625, 1, id="unet: up-convolutions"),
    pytest.param("unet_mobilenet_v2", (32, 64, 3), 0.25, 1, id="unet_mobilenet_v2", marks=SLOW),
    pytest.param("fcn8s", (32, 64, 3), 0.0625, 1, id="fcn8s: large kernels, sums of skips", marks=SLOW),
    # The delegate resizes with fixed-point weights: one step off in 3 % of the values behind the pyramid, which the
    # two convolutions and the softmax of an untrained decoder made 8.
    pytest.param("deeplab_v3plus", (32, 64, 3), 0.25, 16, id="deeplab: dilation, bilinear resizing", marks=SLOW),
    pytest.param(
        "keypoints_mobilenet_v2", (32, 64, 3), 0.25, 1, id="keypoints: 4x4 transposed convolutions", marks=SLOW
    ),
]


def ort_without_fusion(path, quantized):
    """Run an ONNX file in float arithmetic between its roundings.

    ONNX Runtime's fused int8 kernels saturate 16-bit sums on x86 processors without VNNI
    (https://github.com/microsoft/onnxruntime/issues/14642), whatever the file says.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: quantized})[0]


@pytest.mark.parametrize(("name", "shape", "width", "steps"), SMALL)
def test_int8_file_runs_in_one_piece_and_as_onnx(name, shape, width, steps, tmp_path):
    keras.utils.set_random_seed(0)
    model = build(name, shape, 3, width)
    images = settle(model)
    file = tmp_path / "int8.tflite"
    file.write_bytes(tflite.to_int8(freeze.freeze_keras(model), images[:, None]))
    content = file.read_bytes()
    assert tflite_file.tensor_dtypes(content) <= {"int8", "int32"}
    partitions, left = tflite_file.delegate_partitions(content)
    assert partitions == 1
    assert set(left) <= {"SOFTMAX"}  # the last operation; XNNPACK takes it in float only
    onnx.from_tflite(file, tmp_path / "int8.onnx")
    apart = []
    with open_model(file, threads=1) as opened:
        for image in images[:, None]:
            quantized = quantize(image, opened.inputs[0])
            expected = opened.run([quantized])[0]
            as_uint8 = (quantized.astype(int) + 128).astype(np.uint8)
            got = ort_without_fusion(tmp_path / "int8.onnx", as_uint8).astype(int) - 128
            assert got.shape == expected.shape
            apart.append(int(np.abs(got - expected.astype(int)).max()))
    # One value in some 100,000 lies so near a tie that the runtimes round it apart. An untrained network then differs
    # everywhere behind it, in that image; what a file computes wrongly, it computes wrongly in all of them.
    assert min(apart) <= steps, apart
