"""edge-convert --check: its lines, its JSON by the schema, its refusals, and what it imports."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("ai_edge_litert")

from edge.cli import convert
from tests.cli.commands import complaint, run
from tests.deploy.placement_report.made import Network
from tests.shared import needs_shared, shared

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "placement-report.schema.json").read_text(encoding="utf-8"))
IMAGE = (1, 8, 8, 16)
LOG = """\
Operator                       Count      Status

RELU                           2          Mapped to Edge TPU
HARD_SWISH                     1          Operation not supported
"""


@pytest.fixture
def model(tmp_path):
    net = Network()
    x = net.input(IMAGE)
    for name in ("RELU", "RELU", "HARD_SWISH"):
        (x,) = net.operation(name, [x], IMAGE)
    return net.write(tmp_path / "net.tflite")


@pytest.fixture
def onnx_model(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 4)) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "made", ends[:1], ends[1:])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def written(path):
    content = json.loads(path.read_text())
    jsonschema.validate(content, SCHEMA)
    return content


def test_the_report_is_printed_and_written(model, tmp_path, capsys):
    said = run(convert, capsys, "--check", "edgetpu", model, "--json", tmp_path / "r.json")
    assert (said.code, said.err) == (0, [])
    assert said.out[0] == f"{model}: 2 of 3 operations on the Edge TPU, 1 on the CPU"
    assert said.out[1] == "  tpu  2 RELU (0-1): the Edge TPU has it, within its limits"
    assert said.out[2] == "  cpu  HARD_SWISH (2): hard-swish has no kernel on the Edge TPU"
    assert said.out[3].startswith("         fix: use relu6")
    assert said.out[4] == "the Edge TPU's part ends at 't2' (1, 8, 8, 16)"
    content = written(tmp_path / "r.json")
    assert content["operations"][2] == {
        "index": 2,
        "op": "HARD_SWISH",
        "placement": "cpu",
        "reason": "hard-swish has no kernel on the Edge TPU",
        "fix": said.out[3].removeprefix("         fix: "),
    }
    assert content["placements"] == {"tpu": 2, "cpu": 1}


def test_the_log_is_followed(model, tmp_path, capsys):
    (tmp_path / "net.log").write_text(LOG)
    options = ["--log", tmp_path / "net.log", "--json", tmp_path / "r.json"]
    assert run(convert, capsys, model, "--check", "edgetpu", *options).code == 0
    content = written(tmp_path / "r.json")
    assert content["source"] == "compiler log"
    assert [row["placement"] for row in content["operations"]] == ["tpu", "tpu", "cpu"]


def test_xnnpack(model, tmp_path, capsys):
    said = run(convert, capsys, model, "--check", "xnnpack", "--json", tmp_path / "r.json")
    assert said.code == 0
    assert {row["placement"] for row in written(tmp_path / "r.json")["operations"]} <= {"xnnpack", "interpreter"}


def test_onnxruntime(onnx_model, tmp_path, capsys):
    said = run(convert, capsys, onnx_model, "--check", "onnxruntime", "--json", tmp_path / "r.json")
    assert said.code == 0
    content = written(tmp_path / "r.json")
    assert [(row["op"], row["placement"]) for row in content["operations"]] == [("Relu", "kept")]


@needs_shared
@pytest.mark.parametrize("name", ["deeplabv3_mnv2_dm05_pascal_quant", "keras_lstm_mnist_ptq", "split_concat"])
def test_published_files_give_json_by_the_schema(name, tmp_path, capsys):
    options = ["--check", "edgetpu", "--json", tmp_path / "r.json"]
    assert run(convert, capsys, shared("models", "coral", f"{name}.tflite"), *options).code == 0
    written(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["{model}"], "give --out BUNDLE, or --check", id="neither"),
        pytest.param(["{model}", "--check", "edgetpu", "--out", "net"], "--check writes no bundle", id="both"),
        pytest.param(["{model}", "--check", "xnnpack", "--log", "x"], "belongs to --check edgetpu", id="other log"),
        pytest.param(["{model}", "--out", "net", "--log", "x"], "--log belongs to --check edgetpu", id="log alone"),
        pytest.param(["{model}", "--check", "gpu"], "invalid choice: 'gpu'", id="unknown"),
        pytest.param(["absent.tflite", "--check", "edgetpu"], "cannot read absent.tflite: No such file", id="absent"),
        pytest.param(["absent.tflite", "--check", "xnnpack"], "cannot read absent.tflite: No such file", id="absent x"),
        pytest.param(["absent.onnx", "--check", "onnxruntime"], "absent.onnx", id="absent onnx"),
        pytest.param(["{model}", "--check", "onnxruntime"], "takes an .onnx file, got net.tflite", id="suffix"),
        pytest.param(["{folder}", "--check", "edgetpu"], "Is a directory", id="folder"),
        pytest.param(["{model}", "--check", "edgetpu", "--log", "absent.log"], "cannot read absent.log", id="no log"),
        pytest.param(["{model}", "--check", "edgetpu", "--log", "{model}"], "is no log of the Edge TPU", id="bad log"),
    ],
)
def test_what_cannot_be_reported_is_one_line(model, tmp_path, capsys, arguments, words):
    said = run(convert, capsys, *[a.format(model=model, folder=tmp_path) for a in arguments])
    assert said.code == 2
    assert words in complaint(said, "edge-convert")
    assert said.out == []


def test_a_result_that_cannot_be_written_is_one_line(model, tmp_path, capsys):
    said = run(convert, capsys, model, "--check", "edgetpu", "--json", model / "r.json")
    assert said.code == 2
    assert "cannot write" in complaint(said, "edge-convert")


def test_the_edge_tpu_check_imports_no_framework_and_no_interpreter(model):
    code = (
        "import sys, json\nfrom edge.cli import convert\n"
        f"code = convert.main([{str(model)!r}, '--check', 'edgetpu'])\n"
        "heavy = ('tensorflow', 'keras', 'tf_keras', 'onnx', 'onnxruntime', 'ai_edge_litert', 'numpy', 'cv2')\n"
        "print(json.dumps([code, [m for m in heavy if m in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]
