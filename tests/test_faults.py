"""Networks whose outputs hold NaN: there is no result, every place says so, and a loop goes on with the next frame."""

import json

import cv2
import numpy as np
import pytest

import edge
from edge.cli import camera
from edge.errors import BrokenOutput
from edge.faults import check_numbers
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


def test_integers_are_numbers():
    check_numbers({"scores": tensor([[1, 2]], np.int8)}, TaskSpec("classify"))


@pytest.mark.parametrize("place", [0, 1, 6])
def test_one_value_is_enough(place):
    values = np.arange(7, dtype=np.float32)
    values[place] = np.nan
    with pytest.raises(BrokenOutput):
        check_numbers({"scores": tensor(values[None])}, TaskSpec("segment"))
