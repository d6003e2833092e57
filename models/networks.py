"""The table of networks: a name, its builder, and what can be known of a network before it is built.

A new network is a family file and a row here. Networks that share a builder are bound to it in the family file.
"""

from dataclasses import dataclass

from edge.registry import Entry

_NEEDS = ("tensorflow", "tf_keras")


@dataclass(frozen=True, kw_only=True)
class Network(Entry):
    """One row.

    Attributes:
        paper: address of the paper or the code that defines the network.
        tasks: what it is for, the main task first; names of ``TASKS``.
        input_shape: the paper's, without the batch, which is the default of ``build``.
        classes: the paper's, which is the default of ``build``.
        options: what the builder takes besides input_shape, classes and width.
        smallest: the least size of each input dimension.
        multiple: what height and width must be multiples of.
        float_only: why there is no int8 file, when an operation of the network has no int8 kernel.
    """

    paper: str
    tasks: tuple[str, ...] = ("classify",)
    input_shape: tuple[int, ...] = (224, 224, 3)
    classes: int = 1000
    options: tuple[str, ...] = ()
    smallest: tuple[int, ...] = (32, 32, 1)
    multiple: int = 1
    float_only: str = ""


TASKS = {
    "classify": "one class an image, a sound, a sentence or a clip",
    "segment": "one class a pixel",
    "detect": "boxes with a class",
    "keypoints": "a heat map a keypoint",
    "embed": "a vector, near for the same and far for another",
    "reconstruct": "the input again; a large error is an anomaly",
    "generate": "an image from noise",
    "discriminate": "real or generated",
}


def _row(target: str, summary: str, paper: str, **facts: object) -> Network:
    return Network(f"edge.models.{target}", summary, "train", _NEEDS, paper=paper, **facts)  # type: ignore[arg-type]


STRIDED = ("downsample", "dropout")
ARXIV = "https://arxiv.org/abs/"
EFFICIENTNET_LITE = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"

MOBILE = {
    "mobilenet_v1": _row(
        "families.mobilenet_v1:mobilenet_v1", "depthwise separable, 2017", ARXIV + "1704.04861", options=STRIDED
    ),
    "mobilenet_v2": _row(
        "families.mobilenet_v2:mobilenet_v2",
        "inverted residuals, 2018",
        ARXIV + "1801.04381",
        options=("output_stride", *STRIDED),
    ),
    "shufflenet_v1": _row(
        "families.shufflenet_v1:shufflenet_v1",
        "grouped 1x1 and shuffle, 2018",
        ARXIV + "1707.01083",
        options=("groups", *STRIDED),
    ),
    "shufflenet_v2": _row(
        "families.shufflenet_v2:shufflenet_v2", "channel split and shuffle, 2018", ARXIV + "1807.11164", options=STRIDED
    ),
    "mobilenet_v3_large": _row(
        "families.mobilenet_v3:mobilenet_v3_large",
        "searched, squeeze and hard-swish, 2019",
        ARXIV + "1905.02244",
        options=STRIDED,
    ),
    "mobilenet_v3_small": _row(
        "families.mobilenet_v3:mobilenet_v3_small",
        "the small one of the two, 2019",
        ARXIV + "1905.02244",
        options=STRIDED,
    ),
    "mobilenet_v3_large_minimalistic": _row(
        "families.mobilenet_v3:mobilenet_v3_large_minimalistic",
        "3x3 and ReLU only, 2019",
        ARXIV + "1905.02244",
        options=STRIDED,
    ),
    "mobilenet_v3_small_minimalistic": _row(
        "families.mobilenet_v3:mobilenet_v3_small_minimalistic",
        "3x3 and ReLU only, 2019",
        ARXIV + "1905.02244",
        options=STRIDED,
    ),
    "mobilenet_v4_conv_small": _row(
        "families.mobilenet_v4:mobilenet_v4_conv_small",
        "universal inverted bottlenecks, 2024",
        ARXIV + "2404.10518",
        options=STRIDED,
    ),
    "mobilenet_v4_conv_medium": _row(
        "families.mobilenet_v4:mobilenet_v4_conv_medium",
        "universal inverted bottlenecks, 2024",
        ARXIV + "2404.10518",
        options=STRIDED,
    ),
    "mnasnet_b1": _row(
        "families.mnasnet:mnasnet_b1",
        "searched for a phone's latency, 2019",
        ARXIV + "1807.11626",
        options=STRIDED,
    ),
    "efficientnet_lite0": _row(
        "families.efficientnet_lite:efficientnet_lite0",
        "compound scaling, ReLU6, 2020",
        EFFICIENTNET_LITE,
        options=STRIDED,
    ),
    "efficientnet_lite1": _row(
        "families.efficientnet_lite:efficientnet_lite1",
        "compound scaling, ReLU6, 2020",
        EFFICIENTNET_LITE,
        input_shape=(240, 240, 3),
        options=STRIDED,
    ),
    "efficientnet_lite2": _row(
        "families.efficientnet_lite:efficientnet_lite2",
        "compound scaling, ReLU6, 2020",
        EFFICIENTNET_LITE,
        input_shape=(260, 260, 3),
        options=STRIDED,
    ),
    "efficientnet_lite3": _row(
        "families.efficientnet_lite:efficientnet_lite3",
        "compound scaling, ReLU6, 2020",
        EFFICIENTNET_LITE,
        input_shape=(280, 280, 3),
        options=STRIDED,
    ),
    "efficientnet_lite4": _row(
        "families.efficientnet_lite:efficientnet_lite4",
        "compound scaling, ReLU6, 2020",
        EFFICIENTNET_LITE,
        input_shape=(300, 300, 3),
        options=STRIDED,
    ),
    "ghostnet": _row(
        "families.ghostnet:ghostnet",
        "half the maps by cheap operations, 2020",
        ARXIV + "1911.11907",
        options=STRIDED,
    ),
}
"""Efficient families. The contract tests check that each can be trained quantization-aware."""

CLASSIC: dict[str, Network] = {
    "lenet5": _row(
        "families.lenet:lenet5",
        "first convolutional network in use, 1998",
        "https://doi.org/10.1109/5.726791",
        input_shape=(32, 32, 1),
        classes=10,
        options=("dropout",),
        smallest=(16, 16, 1),
    ),
    "alexnet": _row(
        "families.alexnet:alexnet",
        "AlexNet with a single tower, 2014",
        ARXIV + "1404.5997",
        options=("dropout",),
        smallest=(63, 63, 1),
    ),
    "alexnet_2012": _row(
        "families.alexnet:alexnet_2012",
        "AlexNet with two groups, 2012",
        "https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
        input_shape=(227, 227, 3),
        options=("dropout",),
        smallest=(67, 67, 1),
    ),
    "vgg16": _row("families.vgg:vgg16", "3x3 convolutions only, 2014", ARXIV + "1409.1556", options=("dropout",)),
    "inception_v1": _row("families.inception:inception_v1", "GoogLeNet, 2014", ARXIV + "1409.4842", options=STRIDED),
    "resnet18": _row("families.resnet:resnet18", "residual blocks, 2015", ARXIV + "1512.03385", options=STRIDED),
    "resnet34": _row("families.resnet:resnet34", "residual blocks, 2015", ARXIV + "1512.03385", options=STRIDED),
    "resnet50": _row(
        "families.resnet:resnet50", "bottlenecks, version 1.5, 2015", ARXIV + "1512.03385", options=STRIDED
    ),
    "squeezenet_1_0": _row(
        "families.squeezenet:squeezenet_1_0",
        "fire modules, 2016",
        ARXIV + "1602.07360",
        options=("dropout",),
        smallest=(21, 21, 1),
    ),
    "squeezenet_1_1": _row(
        "families.squeezenet:squeezenet_1_1",
        "pools earlier than 1.0, 2016",
        ARXIV + "1602.07360",
        options=("dropout",),
        smallest=(17, 17, 1),
    ),
}
"""Classic networks, which the efficient families are compared with."""

TINY: dict[str, Network] = {
    "resnet8": _row(
        "families.mlperf_tiny:resnet8",
        "MLPerf Tiny, image classification, 2021",
        ARXIV + "2106.07597",
        input_shape=(32, 32, 3),
        classes=10,
        options=("dropout",),
        smallest=(4, 4, 1),
    ),
    "mobilenet_v1_025_96": _row(
        "families.mobilenet_v1:mobilenet_v1_025_96",
        "MLPerf Tiny, visual wake words, 2021",
        ARXIV + "2106.07597",
        input_shape=(96, 96, 3),
        classes=2,
        options=STRIDED,
    ),
    "ds_cnn": _row(
        "families.mlperf_tiny:ds_cnn",
        "MLPerf Tiny, keyword spotting, 2021",
        ARXIV + "2106.07597",
        input_shape=(49, 10, 1),
        classes=12,
        options=("dropout",),
        smallest=(2, 2, 1),
    ),
    "toycar": _row(
        "families.mlperf_tiny:toycar",
        "MLPerf Tiny, anomaly detection, 2021",
        ARXIV + "2106.07597",
        tasks=("reconstruct",),
        input_shape=(640,),
        classes=1,
        options=("dropout",),
        smallest=(1,),
    ),
    "mcunet_in2": _row(
        "families.mcunet:mcunet_in2",
        "ImageNet in 256 kB of SRAM, 2020",
        ARXIV + "2007.10319",
        input_shape=(160, 160, 3),
        options=STRIDED,
    ),
    "mcunet_vww2": _row(
        "families.mcunet:mcunet_vww2",
        "visual wake words in 320 kB of SRAM, 2020",
        ARXIV + "2007.10319",
        input_shape=(144, 144, 3),
        classes=2,
        options=STRIDED,
    ),
}
"""Networks for microcontrollers: MLPerf Tiny and MCUNet."""

DENSE: dict[str, Network] = {
    "ssdlite_mobilenet_v2": _row(
        "heads.ssdlite:ssdlite_mobilenet_v2",
        "SSDLite on MobileNetV2, 2018",
        ARXIV + "1801.04381",
        tasks=("detect",),
        input_shape=(320, 320, 3),
        classes=20,
        options=("strides", "ratios"),
    ),
    "ssdlite_shufflenet_v2": _row(
        "heads.ssdlite:ssdlite_shufflenet_v2",
        "SSDLite on ShuffleNetV2, 2018",
        ARXIV + "1807.11164",
        tasks=("detect",),
        input_shape=(320, 320, 3),
        classes=20,
        options=("strides", "ratios"),
    ),
    "unet": _row(
        "heads.unet:unet",
        "U-Net with batch normalization, 2015",
        ARXIV + "1505.04597",
        tasks=("segment",),
        input_shape=(512, 512, 1),
        classes=2,
        options=("dropout",),
        smallest=(16, 16, 1),
        multiple=16,
    ),
    "unet_mobilenet_v2": _row(
        "heads.unet:unet_mobilenet_v2",
        "U-Net on MobileNetV2's features, 2018",
        ARXIV + "1505.04597",
        tasks=("segment",),
        classes=21,
        options=("dropout",),
        multiple=32,
    ),
    "fcn32s": _row(
        "heads.fcn:fcn32s",
        "fully convolutional VGG-16, 2015",
        ARXIV + "1411.4038",
        tasks=("segment",),
        classes=21,
        options=("dropout",),
        multiple=32,
    ),
    "fcn16s": _row(
        "heads.fcn:fcn16s",
        "fully convolutional VGG-16, one skip, 2015",
        ARXIV + "1411.4038",
        tasks=("segment",),
        classes=21,
        options=("dropout",),
        multiple=32,
    ),
    "fcn8s": _row(
        "heads.fcn:fcn8s",
        "fully convolutional VGG-16, two skips, 2015",
        ARXIV + "1411.4038",
        tasks=("segment",),
        classes=21,
        options=("dropout",),
        multiple=32,
    ),
    "deeplab_v3plus": _row(
        "heads.deeplab:deeplab_v3plus",
        "DeepLabV3+ on MobileNetV2, 2018",
        ARXIV + "1802.02611",
        tasks=("segment",),
        input_shape=(512, 512, 3),
        classes=21,
        options=("output_stride", "dropout"),
        smallest=(16, 16, 1),
        multiple=16,
    ),
    "keypoints_mobilenet_v2": _row(
        "heads.keypoints:keypoints_mobilenet_v2",
        "Simple Baselines' heat maps on MobileNetV2, 2018",
        ARXIV + "1804.06208",
        tasks=("keypoints",),
        input_shape=(256, 192, 3),
        classes=17,
        options=("heatmaps", "dropout"),
        multiple=32,
    ),
    "mobilefacenet": _row(
        "families.mobilefacenet:mobilefacenet",
        "a face to a vector, 2018",
        ARXIV + "1804.07573",
        tasks=("embed",),
        input_shape=(112, 112, 3),
        classes=128,
        options=("downsample", "normalize"),
        smallest=(16, 16, 1),
    ),
}
"""Networks for other tasks on images: segmentation, detection, keypoints, embeddings."""

OTHER: dict[str, Network] = {
    "m5": _row(
        "families.conv1d:m5",
        "five layers over the raw waveform, 2016",
        ARXIV + "1610.00087",
        input_shape=(8000, 1),
        classes=10,
        options=("dropout",),
        smallest=(256, 1),
    ),
    "m11": _row(
        "families.conv1d:m11",
        "eleven layers over the raw waveform, 2016",
        ARXIV + "1610.00087",
        input_shape=(8000, 1),
        classes=10,
        options=("dropout",),
        smallest=(1024, 1),
    ),
    "fcn_1d": _row(
        "families.conv1d:fcn_1d",
        "fully convolutional over a time series, 2016",
        ARXIV + "1611.06455",
        input_shape=(176, 1),
        classes=37,
        options=("dropout",),
        smallest=(8, 1),
    ),
    "text_cnn": _row(
        "families.textcnn:text_cnn",
        "windows of 3, 4 and 5 words, 2014",
        ARXIV + "1408.5882",
        input_shape=(56,),
        classes=2,
        options=("vocabulary", "embedding", "dropout"),
        smallest=(5,),
    ),
    "c3d": _row(
        "families.c3d:c3d",
        "3x3x3 convolutions over a clip, 2015",
        ARXIV + "1412.0767",
        input_shape=(16, 112, 112, 3),
        classes=101,
        options=("dropout",),
        smallest=(16, 32, 32, 1),
    ),
    "r2plus1d_18": _row(
        "families.r2plus1d:r2plus1d_18",
        "ResNet over a clip, space and time apart, 2018",
        ARXIV + "1711.11248",
        input_shape=(16, 112, 112, 3),
        classes=400,
        options=("dropout",),
        smallest=(8, 16, 16, 1),
    ),
    "cnn_lstm": _row(
        "families.cnn_lstm:cnn_lstm",
        "LRCN on MobileNetV2, 2015",
        ARXIV + "1411.4389",
        input_shape=(16, 224, 224, 3),
        classes=101,
        options=("backbone", "units", "dropout"),
        smallest=(1, 32, 32, 1),
    ),
    "dcgan_generator": _row(
        "families.dcgan:dcgan_generator",
        "DCGAN, noise to an image, 2015",
        ARXIV + "1511.06434",
        tasks=("generate",),
        input_shape=(100,),
        classes=1,
        options=("side", "channels"),
        smallest=(1,),
    ),
    "dcgan_discriminator": _row(
        "families.dcgan:dcgan_discriminator",
        "DCGAN, image to a verdict, 2015",
        ARXIV + "1511.06434",
        tasks=("discriminate",),
        input_shape=(64, 64, 3),
        classes=1,
        options=("dropout",),
        smallest=(16, 16, 1),
    ),
    "mobilevit_xxs": _row(
        "families.mobilevit:mobilevit_xxs",
        "attention between inverted residuals, 2022",
        ARXIV + "2110.02178",
        input_shape=(256, 256, 3),
        options=("dropout",),
        smallest=(64, 64, 1),
        multiple=64,
    ),
    "mobilevit_xs": _row(
        "families.mobilevit:mobilevit_xs",
        "attention between inverted residuals, 2022",
        ARXIV + "2110.02178",
        input_shape=(256, 256, 3),
        options=("dropout",),
        smallest=(64, 64, 1),
        multiple=64,
    ),
    "mobilevit_s": _row(
        "families.mobilevit:mobilevit_s",
        "attention between inverted residuals, 2022",
        ARXIV + "2110.02178",
        input_shape=(256, 256, 3),
        options=("dropout",),
        smallest=(64, 64, 1),
        multiple=64,
    ),
}
"""Networks for sounds, sentences and clips, networks that generate images, and networks with attention."""

NETWORKS: dict[str, Network] = {**MOBILE, **CLASSIC, **TINY, **DENSE, **OTHER}
