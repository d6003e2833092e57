"""The Edge TPU report: what the compiler did with published files, its refusals, how it cuts a graph."""

import json
import random
import time

import numpy as np
import pytest

from edge.deploy.placement_report import edgetpu, operators
from edge.deploy.placement_report.edgetpu_memory import parameter_bytes
from edge.deploy.placement_report.graph import read
from edge.errors import EdgeError, InputError
from tests.shared import SHARED, needs_shared, shared

schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

from tests.deploy.placement_report import compiled_pairs  # noqa: E402 - these need the schema
from tests.deploy.placement_report.made import Network, int8  # noqa: E402

CORAL = SHARED / "models" / "coral" if SHARED else None
COMPILED = sorted(path.name for path in CORAL.glob("*_edgetpu.tflite")) if CORAL else ["any"]
IMAGE = (1, 8, 8, 16)


def placed(path):
    return [(row.op, row.placement) for row in edgetpu.report(path).operations]


@needs_shared
@pytest.mark.parametrize("name", COMPILED)
def test_every_published_pair_agrees_operation_by_operation(name):
    original, compiled = CORAL / name.replace("_edgetpu", ""), CORAL / name
    assert placed(original) == compiled_pairs.truth(original, compiled)


@needs_shared
def test_the_pairs_are_those_that_are_known():
    """The truth is derived from the files; these are the two that the compiler mapped in part."""
    left = {
        name: [op for op, side in placed(CORAL / name.replace("_edgetpu", "")) if side == "cpu"] for name in COMPILED
    }
    assert len(COMPILED) >= 6
    assert left["bodypix_mobilenet_v1_075_512_512_16_quant_decoder_edgetpu.tflite"] == ["CUSTOM"]
    assert left["deeplabv3_mnv2_dm05_pascal_quant_edgetpu.tflite"] == [
        "RESIZE_BILINEAR", "QUANTIZE", "CONCATENATION", "CONV_2D", "CONV_2D", "RESIZE_BILINEAR", "RESIZE_BILINEAR",
        "ARG_MAX",
    ]  # fmt: skip


@needs_shared
@pytest.mark.parametrize(
    ("name", "on_chip"),
    [
        ("bodypix_mobilenet_v1_075_512_512_16_quant_decoder", 1_477_888),
        ("deeplabv3_mnv2_dm05_pascal_quant", 766_720),
        ("mobilenet_v1_0.25_128_quant", 566_912),
        ("mobilenet_v1_0.5_160_quant", 1_473_280),
    ],
)
def test_the_estimate_of_the_memory_is_within_a_percent_of_the_compiled_files(name, on_chip):
    """on_chip: the length of ``parameters`` in the executable that fills the chip's memory, in the compiled file."""
    memory = edgetpu.report(CORAL / f"{name}.tflite").facts["memory"]
    assert memory["parameters_bytes"] == pytest.approx(on_chip, rel=0.01)
    assert memory["estimate"]
    assert memory["fits"]


@needs_shared
def test_a_file_with_one_custom_operation_runs_on_the_cpu():
    (row,) = edgetpu.report(shared("models", "coral", "model_invoking_error.tflite")).operations
    assert (row.op, row.placement) == ("CUSTOM", "cpu")
    assert "fake-op-double is a custom operation" in row.reason


@needs_shared
def test_the_cut_of_deeplab():
    cut = edgetpu.report(shared("models", "coral", "deeplabv3_mnv2_dm05_pascal_quant.tflite")).facts["cut"]
    assert [tensor["shape"] for tensor in cut["tensors"]] == [[1, 33, 33, 256], [1, 1, 1, 256]]
    assert (cut["operations_before"], cut["operations_after"]) == (0, 8)
    assert cut["macs_on_cpu"] == 33 * 33 * (512 * 256 + 256 * 21)


@needs_shared
@pytest.mark.parametrize("name", ["pretrainedResnet.tflite", "kws_ref_model_float32.tflite"])
def test_a_float_file_is_refused_with_the_command_that_quantizes(name):
    with pytest.raises(InputError, match=r"is not quantized.*edge-convert .* --tflite int8 --calibrate DATA") as caught:
        edgetpu.report(shared("models", "mlperf_tiny", name))
    assert "\n" not in str(caught.value)


@needs_shared
def test_a_compiled_file_is_refused():
    with pytest.raises(InputError, match="is compiled for the Edge TPU already; give the file"):
        edgetpu.report(shared("models", "coral", "split_concat_edgetpu.tflite"))


def chain(path, *names, kind="INT8"):
    """Write unary operations one after another."""
    net = Network()
    tensor = net.input(IMAGE, kind=kind)
    for name in names:
        (tensor,) = net.operation(name, [tensor], IMAGE, kind=kind)
    return net.write(path)


def test_what_comes_after_an_operation_on_the_cpu_stays_there(tmp_path):
    report = edgetpu.report(chain(tmp_path / "x.tflite", "RELU", "TANH", "HARD_SWISH", "RELU", "LOGISTIC"))
    assert [row.placement for row in report.operations] == ["tpu", "tpu", "cpu", "cpu", "cpu"]
    swish, after = report.operations[2:4]
    assert swish.reason == "hard-swish has no kernel on the Edge TPU"
    assert "use relu6" in swish.fix
    assert after.reason.startswith("it comes after operation 2 (HARD_SWISH), which is on the CPU")
    assert "mend operation 2" in after.fix
    assert [tensor["name"] for tensor in report.facts["cut"]["tensors"]] == ["t2"]


def test_operations_before_the_first_part_stay_on_the_cpu_and_do_not_end_it(tmp_path):
    """As published logs show for networks with float inputs: QUANTIZE and DEQUANTIZE on the CPU, the rest mapped."""
    net = Network()
    (x,) = net.operation("QUANTIZE", [net.input(IMAGE, kind="FLOAT32", scales=())], IMAGE)
    (x,) = net.operation("RELU", [x], IMAGE)
    (x,) = net.operation("TANH", [x], IMAGE)
    net.operation("DEQUANTIZE", [x], IMAGE, kind="FLOAT32", scales=())
    report = edgetpu.report(net.write(tmp_path / "x.tflite"))
    assert [row.placement for row in report.operations] == ["cpu", "tpu", "tpu", "cpu"]
    assert report.operations[0].fix.startswith("convert with int8 or uint8 inputs")
    assert report.operations[3].fix.startswith("convert with int8 or uint8 outputs")
    assert (report.facts["cut"]["operations_before"], report.facts["cut"]["operations_after"]) == (1, 1)


def test_a_branch_without_the_operation_on_the_cpu_is_mapped(tmp_path):
    net = Network()
    image = net.input(IMAGE)
    (left,) = net.operation("HARD_SWISH", [image], IMAGE)
    (right,) = net.operation("RELU", [image], IMAGE)
    net.operation("ADD", [left, right], IMAGE)
    # The turn of the CPU comes first, so that both are ready when the Edge TPU's begins.
    assert [side for _, side in placed(net.write(tmp_path / "first.tflite"))] == ["cpu", "tpu", "tpu"]
    net = Network()
    (image,) = net.operation("RELU", [net.input(IMAGE)], IMAGE)
    (left,) = net.operation("HARD_SWISH", [image], IMAGE)
    (right,) = net.operation("RELU", [image], IMAGE)
    net.operation("ADD", [left, right], IMAGE)
    assert [side for _, side in placed(net.write(tmp_path / "second.tflite"))] == ["tpu", "cpu", "tpu", "cpu"]


def test_a_graph_in_a_circle_is_reported_and_ends(tmp_path):
    net = Network()
    x = net.input(IMAGE)
    net.operation("ADD", [x, 2], IMAGE)
    net.operation("RELU", [1], IMAGE)
    assert [side for _, side in placed(net.write(tmp_path / "x.tflite"))] == ["cpu", "cpu"]


@pytest.mark.parametrize("number", range(len(operators.NAMES)))
def test_every_operation_of_the_schema_has_a_placement(tmp_path, number):
    net = Network()
    net.operation("CUSTOM" if number == operators.CUSTOM else "RELU", [net.input(IMAGE)], IMAGE, custom="mine")
    net.model.operatorCodes[0].builtinCode = number
    net.model.operatorCodes[0].deprecatedBuiltinCode = min(number, 127)
    try:
        (row,) = edgetpu.report(net.write(tmp_path / "x.tflite")).operations
    except InputError as error:
        assert "dynamic" in str(error)  # noqa: PT017 - most operations do not raise
        return
    assert row.placement in ("tpu", "cpu")
    assert row.op == operators.NAMES[number]
    assert row.placement == "tpu" or (row.reason and row.fix)


def test_the_names_are_those_of_the_schema():
    numbers = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    assert {number: operators.NAMES[number] for number in numbers if number < len(operators.NAMES)} == {
        number: name for number, name in numbers.items() if number < len(operators.NAMES)
    }
    assert operators.name(9999) == "UNKNOWN_9999"


def test_an_operation_newer_than_the_table_is_on_the_cpu(tmp_path):
    net = Network()
    net.operation("RELU", [net.input(IMAGE)], IMAGE)
    net.model.operatorCodes[0].builtinCode, net.model.operatorCodes[0].deprecatedBuiltinCode = 3000, 127
    (row,) = edgetpu.report(net.write(tmp_path / "x.tflite")).operations
    assert (row.op, row.placement) == ("UNKNOWN_3000", "cpu")


def test_dynamic_sizes_are_refused(tmp_path):
    net = Network()
    image = net.input(IMAGE)
    (size,) = net.operation("SHAPE", [image], (4,), kind="INT32", scales=())
    net.operation("RESHAPE", [image, size], (1, 1024))
    with pytest.raises(InputError, match=r"dynamic sizes.*operation 1 \(RESHAPE\) computes the size.*freeze the batch"):
        edgetpu.report(net.write(tmp_path / "shape.tflite"))
    net = Network()
    net.operation("RELU", [net.input((1, -1, 8, 16))], IMAGE)
    with pytest.raises(InputError, match=r"operation 0 \(RELU\) has the open shape \(1, \?, 8, 16\)"):
        edgetpu.report(net.write(tmp_path / "open.tflite"))
    net = Network()
    net.operation("RELU", [net.input((1, 1, 1, 16), signature=[-1, -1, -1, 16])], (1, 1, 1, 16))
    with pytest.raises(InputError, match=r"input 't0' has the open shape \(\?, \?, \?, 16\)"):
        edgetpu.report(net.write(tmp_path / "signature.tflite"))


def test_an_open_batch_alone_is_taken_as_one(tmp_path):
    net = Network()
    net.operation("RELU", [net.input(IMAGE, signature=[-1, 8, 8, 16])], IMAGE)
    report = edgetpu.report(net.write(tmp_path / "x.tflite"))
    assert report.operations[0].placement == "tpu"
    assert any("batch is open" in note for note in report.notes)


def test_parameters_over_the_chip_s_memory_are_said(tmp_path):
    net = Network()
    net.operation("FULLY_CONNECTED", [net.input((1, 3072)), net.constant(int8(3072, 3072)), -1], (1, 3072))
    report = edgetpu.report(net.write(tmp_path / "x.tflite"))
    assert report.operations[0].placement == "tpu"
    assert not report.facts["memory"]["fits"]
    assert report.facts["memory"]["parameters_bytes"] == 3072 * 3072 + 24 * 3072
    assert "sent with every run" in "\n".join(report.text())


def test_weights_of_more_than_16_mib_are_read(tmp_path):
    net = Network()
    net.operation("FULLY_CONNECTED", [net.input((1, 4100)), net.constant(int8(4100, 4100)), -1], (1, 4100))
    graph = read(net.write(tmp_path / "x.tflite"))
    assert graph.operations[0].macs == 4100 * 4100
    assert parameter_bytes(graph.operations[0]) > 16 << 20


def test_multiply_accumulates_by_hand(tmp_path):
    net = Network()
    image = net.input((1, 6, 6, 4))
    (x,) = net.operation("CONV_2D", [image, net.constant(int8(8, 3, 3, 4)), -1], (1, 3, 3, 8))
    (x,) = net.operation("DEPTHWISE_CONV_2D", [x, net.constant(int8(1, 3, 3, 8)), -1], (1, 3, 3, 8))
    size = net.constant(np.array([1, 6, 6, 2]))
    (x,) = net.operation("TRANSPOSE_CONV", [size, net.constant(int8(2, 2, 2, 8)), x], (1, 6, 6, 2))
    (x,) = net.operation("RESHAPE", [x, net.constant(np.array([1, 72]))], (1, 72))
    net.operation("FULLY_CONNECTED", [x, net.constant(int8(10, 72)), -1], (1, 10))
    macs = [operation.macs for operation in read(net.write(tmp_path / "x.tflite")).operations]
    assert macs == [8 * 9 * 4 * 9, 9 * 8 * 9, 2 * 4 * 8 * 9, 0, 720]


def test_damaged_files_give_a_report_or_one_line(tmp_path):
    """1,500 files with one to eight bytes changed or cut off: no other exception, and no long wait."""
    net = Network()
    image = net.input(IMAGE)
    weights, bias = net.constant(int8(16, 3, 3, 16)), net.constant(np.zeros(16, np.int32))
    (x,) = net.operation("CONV_2D", [image, weights, bias], IMAGE, dilationWFactor=1, dilationHFactor=1)
    (x,) = net.operation("MEAN", [x, net.constant(np.array([1, 2]))], (1, 16), keepDims=False)
    (a, b) = net.operation("SPLIT", [net.constant(np.array([1])), x], (1, 8), (1, 8), numSplits=2)
    net.operation("CONCATENATION", [a, b], (1, 16), axis=1)
    content = net.write(tmp_path / "whole.tflite").read_bytes()
    draw, path = random.Random(5), tmp_path / "damaged.tflite"
    refused, begin = 0, time.monotonic()
    for _ in range(1500):
        damaged = bytearray(content[: draw.choice([len(content), draw.randrange(8, len(content))])])
        for _ in range(draw.randrange(1, 9)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            report = edgetpu.report(path)
            json.dumps(report.as_json())
            assert all(line.isprintable() for line in report.text())
        except EdgeError as error:
            assert "\n" not in str(error)  # noqa: PT017 - some damaged files still have a report
            refused += 1
    assert refused > 500
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0\0\0\0TFL3", b"PK\3\4" + bytes(100), bytes(7) + b"\xff" * 9])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(InputError, match="tflite file"):
        edgetpu.report(path)
