"""uint8 files become int8 files that compute the same, or are refused with the reason."""

import json

import numpy as np
import pytest

from edge.backends import open_model
from edge.cli import convert
from edge.deploy.conversion import legacy_uint8
from edge.deploy.conversion.source import open_source
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.placement_report import edgetpu, graph
from edge.errors import InputError
from tests.deploy.conversion import uint8_files
from tests.deploy.conversion.uint8_files import OPERATIONS, UNEQUAL, Uint8, write
from tests.shared import needs_shared, shared


def encoded(path):
    lines = []
    return legacy_uint8.as_int8(open_source(str(path)), lines.append), lines


def differences(before, after, count=40):
    """Return how many outputs of two files differ on random inputs, by hand: an int8 number is the uint8 one - 128."""
    rng, found = np.random.default_rng(1), 0
    with open_model(before) as one, open_model(after) as other:
        for _ in range(count):
            given = [rng.integers(0, 256, spec.shape).astype(np.uint8) for spec in one.inputs]
            expected = one.run(given)
            got = other.run([(array.astype(np.int16) - 128).astype(np.int8) for array in given])
            for a, b in zip(expected, got, strict=True):
                shift = 128 if b.dtype == np.int8 else 0
                found += int(np.count_nonzero(a.astype(np.float64) != b.astype(np.float64) + shift))
    return found


def test_every_operation_that_is_taken_is_tested():
    assert set(OPERATIONS) == set(legacy_uint8.ALIKE)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_kernels_of_an_operation_agree(name, tmp_path):
    for seed in range(4):
        path = write(tmp_path / "net.tflite", OPERATIONS[name], seed)
        source, _ = encoded(path)
        assert not {"uint8"} & {tensor.dtype for tensor in _tensors(source.file)}
        assert differences(path, source.file) == 0


@pytest.mark.parametrize("name", UNEQUAL)
def test_kernels_that_do_not_agree_are_refused_by_name(name, tmp_path):
    path = write(tmp_path / "net.tflite", UNEQUAL[name])
    with pytest.raises(InputError, match=rf"kernels of {name} are not known to round alike; leave --tflite out"):
        encoded(path)


def _tensors(path):
    return [tensor for operation in graph.read(path).operations for tensor in (*operation.inputs, *operation.outputs)]


def network(path, least=-127, most=127):
    """Write a small classifier of pictures: a convolution, a pooling, a dense layer and a softmax."""
    net = Uint8(3)
    fields = {"strideW": 1, "strideH": 1, "padding": uint8_files.VALID, "fusedActivationFunction": uint8_files.RELU6}
    entry = net.entry((1, 9, 9, 3), scales=(1 / 128,), zero_point=128)
    linear = {"scales": (6 / 255,), "zero_point": 0}
    (x,) = net.layer(entry, net.weights(least, most, 6, 3, 3, 3), "CONV_2D", (1, 7, 7, 6), linear, **fields)
    size = {"padding": 1, "strideW": 1, "strideH": 1, "filterWidth": 7, "filterHeight": 7}
    (x,) = net.give("AVERAGE_POOL_2D", [x], (1, 1, 1, 6), linear=linear, **size)
    (x,) = net.give("RESHAPE", [x, net.numbers([1, 6])], (1, 6), linear=linear)
    logits = {"scales": (0.2,), "zero_point": 120}
    (x,) = net.layer(x, net.weights(-127, 127, 5, 6), "FULLY_CONNECTED", (1, 5), logits)
    return net.write(path, *net.give("SOFTMAX", [x], (1, 5), linear=uint8_files.SHARES, beta=1.0))


def test_a_network_goes_on_as_an_int8_file(tmp_path, capsys):
    path = network(tmp_path / "legacy.tflite")
    pictures = np.random.default_rng(0).uniform(-1, 1, (6, 9, 9, 3)).astype(np.float32)
    np.savez(tmp_path / "data.npz", **{open_source(str(path)).inputs[0].name: pictures})
    words = ["--task", "classify", "--input-kind", "tensor", "--verify", str(tmp_path / "data.npz"), "--onnx", "int8"]
    assert convert.main([str(path), "--out", str(tmp_path / "net"), "--tflite", "int8", *words]) == 0
    said = capsys.readouterr()
    assert "legacy.tflite re-encoded as int8: equal outputs on 18 inputs" in said.err
    made = tmp_path / "net" / "model_int8.tflite"
    assert differences(path, made) == 0
    with open_model(made) as model:
        (entry,) = model.inputs
        assert (entry.dtype, entry.quantization) == (np.int8, (1 / 128, 0))
    assert edgetpu.report(made).headline == edgetpu.report(path).headline
    rows = json.loads((tmp_path / "net" / "manifest.json").read_text())["measured"]["parity"]
    assert [row["agreement"] for row in rows if row["candidate"] == made.name] == [100.0]
    assert {row["candidate"] for row in rows} == {"model_int8.tflite", "model_int8.onnx"}


def test_without_the_option_the_file_stays_as_it_is(tmp_path):
    path = network(tmp_path / "legacy.tflite")
    words = ["--task", "classify", "--input-kind", "tensor"]
    assert convert.main([str(path), "--out", str(tmp_path / "net"), *words]) == 0
    assert (tmp_path / "net" / "model_int8.tflite").read_bytes() == path.read_bytes()


def test_weights_that_do_not_fit_are_counted(tmp_path, capsys):
    path = network(tmp_path / "legacy.tflite", -128, 100)
    assert convert.main([str(path), "--out", str(tmp_path / "net"), "--tflite", "int8"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "those of 1 of 2 layers do not fit, first t3 with -128 to 100; leave --tflite out" in line
    assert not (tmp_path / "net").exists()


def test_a_file_whose_int8_kernel_does_not_take_it_is_refused(tmp_path):
    net = Uint8(0)
    path = net.write(
        tmp_path / "net.tflite", *net.give("CONCATENATION", [net.entry(), net.entry()], (1, 5, 6, 16), axis=3)
    )
    with pytest.raises(InputError, match=r"net\.tflite cannot become int8 exactly: .* takes tensors of one scale"):
        encoded(path)


def test_bytes_without_a_scale_are_refused(tmp_path):
    net = Uint8(0)
    data = net.input(uint8_files.MAP, kind="UINT8", scales=())
    path = net.write(tmp_path / "net.tflite", *net.operation("SQUEEZE", [data], (5, 6, 8), kind="UINT8", scales=()))
    with pytest.raises(InputError, match="t0 holds bytes without a scale"):
        encoded(path)


def test_outputs_that_differ_are_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "net.tflite", UNEQUAL["AVERAGE_POOL_2D"])
    monkeypatch.setattr(legacy_uint8, "_agrees", lambda operation: True)
    with pytest.raises(InputError, match="LiteRT's kernels give another 't1' for the same input"):
        encoded(path)


def test_an_int8_file_with_uint8_inputs_is_none_of_them(tmp_path):
    net = Uint8(0)
    (x,) = net.operation("QUANTIZE", [net.entry()], uint8_files.MAP)
    weights = net.constant(np.ones((4, 1, 1, 8), np.int8))
    net.operation("CONV_2D", [x, weights], (1, 5, 6, 4), strideW=1, strideH=1)
    path = net.write(tmp_path / "net.tflite")
    assert not legacy_uint8.is_legacy(path)
    assert legacy_uint8.is_legacy(network(tmp_path / "legacy.tflite"))


@needs_shared
def test_a_published_file_does_not_fit():
    path = shared("models", "coral", "mobilenet_v1_0.25_128_quant.tflite")
    with pytest.raises(InputError, match=r"28 of 28 layers do not fit, first \S*Conv2d_0/Relu6 with -156 to 98"):
        legacy_uint8.check(path)


@needs_shared
def test_label_files_stay_behind_the_network():
    content = shared("models", "coral", "mobilenet_v2_1.0_224_quant.tflite").read_bytes()
    behind = legacy_uint8._label_files(content)
    assert behind.startswith(b"PK")
    assert content.endswith(behind)
    assert legacy_uint8._label_files(TFLiteObject(content).to_bytes()) == b""
