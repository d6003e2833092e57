"""Networks whose outputs hold NaN: there is no result, every place says so, and a loop goes on with the next frame."""

import json

import cv2
import numpy as np
import pytest

import edge
from edge.cli import camera
from edge.errors import BrokenOutput, InputError
from edge.faults import check_numbers, check_shapes
from edge.signature import TaskSpec
from edge.tensors import Tensor, TensorSpec

onnx = pytest.importorskip("onnx", reason="needs onnx to write a model file")


@pytest.fixture
def relative(tmp_path):
    """Write a classifier of each channel's brightness divided by itself, which is 0 / 0 for a black picture."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["brightness"], axes=[2, 3], keepdims=0),
            helper.make_node("Div", ["brightness", "brightness"], ["ones"]),
            helper.make_node("Mul", ["ones", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
        ],
        "relative",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [3], [1.0, 3.0, 2.0])],
    )
    path = tmp_path / "relative.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def tensor(values, dtype=np.float32):
    array = np.asarray(values, dtype)
    return Tensor(array, TensorSpec("scores", array.shape, array.dtype))


def test_load_refuses_to_answer(relative):
    with edge.load(relative, mean=(0.0,), std=(1.0,)) as session:
        assert session(np.full((20, 30, 3), 9, np.uint8)).predictions[0].index == 1
        with pytest.raises(BrokenOutput, match="no result: output 'scores' holds NaN; the network divides by 0"):
            session(np.zeros((20, 30, 3), np.uint8))


def test_a_camera_says_so_and_goes_on(relative, tmp_path, capsys):
    frames = tmp_path / "frames"
    frames.mkdir()
    for number, brightness in enumerate((90, 0, 90)):
        cv2.imwrite(str(frames / f"{number}.png"), np.full((120, 160, 3), brightness, np.uint8))
    results, seen = tmp_path / "results.jsonl", tmp_path / "seen.avi"
    done = camera.main(
        [
            *("--model", str(relative), "--source", str(frames), "--mean", "0", "--std", "1"),
            *("--jsonl", str(results), "--record", str(seen)),
        ]
    )
    assert done == 0
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert [[one["index"] for one in row["results"]] for row in rows] == [[1], [], [1]]
    assert [row.get("fault", "")[:36] for row in rows] == ["", "no result: output 'scores' holds NaN", ""]
    shown = capsys.readouterr().out
    assert "1.png #1  no result: output 'scores' holds NaN" in shown
    assert "1 without a result" in shown
    assert seen.exists()


@pytest.mark.parametrize(
    ("values", "task"),
    [
        pytest.param([[1.0, -np.inf]], TaskSpec("classify"), id="the logarithm of 0"),
        pytest.param([[np.nan]], TaskSpec("raw"), id="numbers as they are"),
        pytest.param([[np.nan]], TaskSpec("detect", "tflite_detection"), id="rows beyond the count"),
        pytest.param(np.zeros((1, 0)), TaskSpec("classify"), id="no values"),
    ],
)
def test_what_passes(values, task):
    check_numbers({"scores": tensor(values)}, task)


@pytest.fixture
def growing(tmp_path):
    """Return a function that writes a network with a row of 7 numbers for each 10 steps of brightness.

    batch: the first size of its input, a name where the file leaves it open. The output leaves its rows open.
    """
    from onnx import TensorProto, helper, numpy_helper

    def write(batch):
        constants = {
            "table": np.tile(np.float32([0, 1, 1, 20, 20, 3, 0.9]), (25, 1)),
            **{name: np.int64([value]) for name, value in (("zero", 0), ("last", 1))},
            "ten": np.float32([10]),
        }
        graph = helper.make_graph(
            [
                helper.make_node("ReduceMean", ["image"], ["brightness"], keepdims=0),
                helper.make_node("Div", ["brightness", "ten"], ["tens"]),
                helper.make_node("Cast", ["tens"], ["rows"], to=TensorProto.INT64),
                helper.make_node("Slice", ["table", "zero", "rows", "zero"], ["found"]),
            ],
            "growing",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, 16, 16])],
            [helper.make_tensor_value_info("found", TensorProto.FLOAT, ["rows", 7])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        path = tmp_path / "growing.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
        return path

    return write


@pytest.mark.parametrize("task", ["classify", "embed", "regress"])
@pytest.mark.parametrize("brightness", [39, 0])
def test_an_output_that_grows_with_the_picture_is_no_vector(growing, task, brightness):
    rows = brightness // 10
    with edge.load(growing("n"), task=task, mean=(0.0,), std=(1.0,)) as session:
        line = rf"output 'found' must have the shape \(1, 7\) in every run for task {task}, got \({rows}, 7\); export"
        with pytest.raises(InputError, match=line):
            session(np.full((20, 30, 3), brightness, np.uint8))


def test_raw_gives_as_many_rows_as_there_are(growing):
    with edge.load(growing(1), task="raw", mean=(0.0,), std=(1.0,)) as session:
        assert session(np.full((20, 30, 3), 39, np.uint8)).tensors["found"].shape == (3, 7)


def test_an_open_size_is_no_batch_where_the_input_has_none(growing):
    with edge.load(growing(1)) as session:
        assert session.signature.task.name == "raw"
        assert session.signature.outputs[0].shape == (0, 7)


@pytest.mark.parametrize(
    ("stated", "task"),
    [
        pytest.param((1, 4), TaskSpec("raw"), id="numbers as they are"),
        pytest.param((1, 4), TaskSpec("detect", "tflite_detection"), id="as many boxes as there are"),
        pytest.param((1, 4), TaskSpec("detect", "yolov8", {"end_to_end": True}), id="suppressed by the graph"),
        pytest.param((2, 1, 3), TaskSpec("classify"), id="an axis of 1"),
    ],
)
def test_what_may_have_another_shape(stated, task):
    array = np.zeros((2, 3), np.float32)
    check_shapes({"o": Tensor(array, TensorSpec("o", stated, array.dtype))}, task)


def test_an_infinite_logit_has_no_softmax():
    with pytest.raises(BrokenOutput, match="output 'scores' holds infinity; the network overflows"):
        check_numbers({"scores": tensor([[np.inf, 0.0]], np.float16)}, TaskSpec("classify"))
    check_numbers({"scores": tensor([[np.inf, 0.0]])}, TaskSpec("detect", "yolov8"))


def test_integers_are_numbers():
    check_numbers({"scores": tensor([[1, 2]], np.int8)}, TaskSpec("classify"))


@pytest.mark.parametrize("place", [0, 1, 6])
def test_one_value_is_enough(place):
    values = np.arange(7, dtype=np.float32)
    values[place] = np.nan
    with pytest.raises(BrokenOutput):
        check_numbers({"scores": tensor(values[None])}, TaskSpec("segment"))
