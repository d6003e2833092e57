"""The files made of each layer, TFLite and ONNX, float32 and int8, against the reference."""

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy.conversion import tflite
from edge.deploy.conversion.onnx import from_tflite
from edge.errors import InputError
from edge.tensors import Quantization, dequantize, quantize
from tests import tflite_file
from tests.reference.cases import CASES

FLOAT_ONLY = {"CONV_3D", "CONV_3D_TRANSPOSE"}
"""Operations that have no int8 kernel in TFLite: the converter puts them between DEQUANTIZE and QUANTIZE."""
ROUNDED_BEFORE = 2**-7
"""Steps by which a kernel in fixed point is off before it rounds: up to one unit of its sum, 1/128 of a step here."""
CONVERTED = [param for param in CASES if not param.values[0].no_tflite]
REFUSED = [param for param in CASES if param.values[0].no_tflite]


@pytest.fixture(scope="module", params=CONVERTED)
def case(request):
    return request.param


@pytest.fixture(scope="module", params=["float32", "int8"])
def precision(request):
    return request.param


@pytest.fixture(scope="module")
def source(case, precision, tmp_path_factory):
    """Return the layer's TFLite file."""
    path = tmp_path_factory.mktemp("layer") / f"{precision}.tflite"
    path.write_bytes(convert(case, precision))
    return path


def convert(case, precision):
    if precision == "float32":
        return tflite.to_float32(case.frozen)
    return tflite.to_int8(case.frozen, case.images[:, None], "minmax")  # so that the range clips nothing


def check(path, case):
    """Assert that the file computes what the reference does, up to ``tolerance``."""
    with open_model(path) as model:
        (entry,), (out,) = model.inputs, model.outputs
        assert out.shape == (1, *case.expected.shape[1:])
        got = np.concatenate([dequantize(model.run([quantize(x, entry)])[0], out) for x in case.images[:, None]])
    if out.quantization is not None:
        zero_point = 128 if entry.dtype == np.uint8 else 0
        assert entry.quantization == Quantization(1.0, zero_point)  # so it stores the images exactly
    beyond = np.abs(got - case.expected) - tolerance(case, out)
    assert beyond.max() <= 0


def tolerance(case, out):
    """Return the case's tolerance in real units: its rounding in float32, its steps of the output in int8."""
    return case.rounding if out.quantization is None else (case.steps + ROUNDED_BEFORE) * out.quantization.scale


def test_tflite(case, source):
    check(source, case)


def test_onnx(case, source, tmp_path):
    target = tmp_path / "layer.onnx"
    from_tflite(source, target)
    check(target, case)


@pytest.mark.parametrize("precision", ["int8"], indirect=True)
def test_int8_files_hold_float_only_where_no_kernel_takes_int8(source):
    assert has_float(source) == bool(FLOAT_ONLY & tflite_file.op_names(source.read_bytes()).keys())


def has_float(source):
    return "float32" in tflite_file.tensor_dtypes(source.read_bytes())


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_what_tflite_lacks_is_refused_by_name(case, precision):
    with pytest.raises(InputError, match=rf"TFLite cannot write.*: (.*; )?{case.no_tflite} \(at "):
        convert(case, precision)
