"""The XNNPACK report against what the interpreter reports, read by other code."""

import random

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

from edge.deploy.placement_report import delegated, xnnpack
from edge.errors import InputError
from tests import tflite_file
from tests.deploy.placement_report.made import Network, int8
from tests.shared import needs_shared, shared

IMAGE = (1, 8, 8, 16)
PUBLISHED = [
    ("coral", "deeplabv3_mnv2_dm05_pascal_quant.tflite"),
    ("coral", "keras_lstm_mnist_ptq.tflite"),
    ("coral", "mobilenet_v1_0.25_128_quant.tflite"),
    ("mlperf_tiny", "pretrainedResnet_quant.tflite"),
    ("mlperf_tiny", "kws_ref_model.tflite"),
    ("wild", "face_detection_front.tflite"),
    ("wild", "okay_nabu.tflite"),
]


def conv(net, x):
    options = {"dilationWFactor": 1, "dilationHFactor": 1, "strideW": 1, "strideH": 1}
    bias = net.tensor((16,), "INT32", [0.25], data=np.zeros(16, np.int32))
    return net.operation("CONV_2D", [x, net.constant(int8(16, 1, 1, 16)), bias], IMAGE, **options)[0]


@needs_shared
@pytest.mark.parametrize("name", PUBLISHED, ids=lambda name: name[-1])
def test_the_parts_are_those_of_the_interpreter(name):
    path = shared("models", *name)
    report = xnnpack.report(path)
    parts, left = tflite_file.delegate_partitions(path.read_bytes())
    assert len(report.facts["partitions"]) == parts
    assert [row.op for row in report.operations if row.placement == "interpreter"] == left
    assert f"{parts} part(s)" in report.headline


@needs_shared
def test_each_operation_is_the_file_s(tmp_path):
    report = xnnpack.report(shared("models", "mlperf_tiny", "pretrainedResnet_quant.tflite"))
    assert [row.index for row in report.operations] == list(range(16))
    assert report.facts["macs"]["xnnpack"] == report.facts["macs"]["all"] == 12_501_632


def test_an_operation_left_behind_has_a_reason_and_a_fix(tmp_path):
    net = Network()
    x = conv(net, net.input(IMAGE))
    (x,) = net.operation("HARD_SWISH", [x], IMAGE)
    conv(net, x)
    path = net.write(tmp_path / "x.tflite")
    report = xnnpack.report(path)
    parts, left = tflite_file.delegate_partitions(path.read_bytes())
    assert (parts, left) == (2, ["HARD_SWISH"])
    assert [row.placement for row in report.operations] == ["xnnpack", "interpreter", "xnnpack"]
    assert [part["operations"] for part in report.facts["partitions"]] == [[0], [2]]
    assert report.operations[1].reason == "XNNPACK did not take HARD_SWISH with these tensors (int8)"
    assert report.operations[1].fix.startswith("use relu6, or a network of edge-train")  # edge-convert keeps HARD_SWISH


def test_a_custom_operation_that_no_interpreter_has_is_refused(tmp_path):
    net = Network()
    net.operation("CUSTOM", [net.input(IMAGE)], IMAGE, custom="mine")
    with pytest.raises(InputError, match="needs the custom operation mine, which this runtime does not have"):
        xnnpack.report(net.write(tmp_path / "x.tflite"))


def test_a_damaged_file_is_refused(tmp_path):
    net = Network()
    conv(net, net.input(IMAGE))
    content = net.write(tmp_path / "x.tflite").read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"cut\.tflite"):
        xnnpack.report(path)


@needs_shared
def test_a_file_that_kills_the_interpreter_is_refused(tmp_path):
    """Some changes of a published LSTM end LiteRT 2.3 with a segmentation fault, in its own process."""
    content = shared("models", "coral", "keras_lstm_mnist_ptq.tflite").read_bytes()
    draw, path = random.Random(1), tmp_path / "damaged.tflite"
    for _ in range(12):
        damaged = bytearray(content)
        for _ in range(4):
            damaged[draw.randrange(8, len(damaged))] = draw.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            xnnpack.report(path)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017 - some damaged files still load


def test_a_process_that_dies_is_an_input_error(tmp_path, monkeypatch):
    net = Network()
    conv(net, net.input(IMAGE))
    path = net.write(tmp_path / "x.tflite")
    monkeypatch.setattr(delegated.sys, "executable", "/bin/false")
    with pytest.raises(InputError, match=r"interpreter failed on .*probably damaged: exit status 1"):
        delegated.operations(path)
