import pytest

from edge.backends import open_model
from edge.errors import InputError
from tests.backends import models
from tests.backends.test_openvino import RELEASED

pytest.importorskip("onnx")


def test_a_quantized_network_is_refused(tmp_path):
    import zipfile

    with zipfile.ZipFile(RELEASED) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".onnx")]
        path = archive.extract(name, tmp_path)
    with pytest.raises(InputError, match=r"known to compute right: \w+Linear; run it with --backend onnxruntime"):
        open_model(type(tmp_path)(path), "opencv_dnn")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda p: models.onnx_pair(p, "Zork"), "right: Zork; run it with", id="operation"),
        pytest.param(lambda p: models.onnx_pair(p, "Add", "my.ops"), r"right: my\.ops\.Add; run it with", id="domain"),
        pytest.param(
            lambda p: models.onnx_conv(p, ("batch", 3, "height", "width"), ("batch", 2, "h", "w")),
            r"'image' must have a fixed shape .*, got \(\?, 3, \?, \?\)",
            id="open size",
        ),
    ],
)
def test_files_it_cannot_run(tmp_path, make, words):
    with pytest.raises(InputError, match=words) as caught:
        open_model(make(tmp_path / "x.onnx"), "opencv_dnn")
    assert "\n" not in str(caught.value)


def test_whole_numbers_are_refused(tmp_path):
    from onnx import TensorProto, helper

    rows = [helper.make_tensor_value_info("a", TensorProto.INT64, (1, 3))]
    out = [helper.make_tensor_value_info("b", TensorProto.INT64, (1, 3))]
    path = models._write_onnx(tmp_path / "x.onnx", [helper.make_node("Identity", ["a"], ["b"])], rows, out, [])
    with pytest.raises(InputError, match="input 'a' must be float32 for OpenCV; run it with --backend onnxruntime"):
        open_model(path, "opencv_dnn")


def test_an_output_that_is_no_float_is_refused(tmp_path):
    from onnx import TensorProto, helper

    rows = [helper.make_tensor_value_info("a", TensorProto.FLOAT, (1, 3))]
    out = [helper.make_tensor_value_info("b", TensorProto.INT64, (2,))]
    path = models._write_onnx(tmp_path / "x.onnx", [helper.make_node("Shape", ["a"], ["b"])], rows, out, [])
    with pytest.raises(InputError, match=r"OpenCV gives output 'b' as|cannot be loaded by OpenCV"):
        open_model(path, "opencv_dnn")
