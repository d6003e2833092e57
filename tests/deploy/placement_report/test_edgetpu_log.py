"""The compiler's log: parsed into the report's JSON, in the form that Coral's documentation and users show it."""

import pytest

from edge.deploy.placement_report import edgetpu_log
from edge.errors import FileError, InputError

pytest.importorskip("ai_edge_litert")

from tests.deploy.placement_report.made import Network

IMAGE = (1, 8, 8, 16)
HEAD = """\
Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 93 ms.

Input model: net.tflite
Input size: 7.39MiB
Output model: net_edgetpu.tflite
Output size: 7.34MiB
On-chip memory used for caching model parameters: 6.50MiB
On-chip memory remaining for caching model parameters: 512.00KiB
Off-chip memory used for streaming uncached model parameters: 1.25KiB
Number of Edge TPU subgraphs: 1
Total number of operations: 5
Operation log: net_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will instead
run on the CPU, which is slower. For details, visit g.co/coral/model-reqs.
Number of operations that will run on Edge TPU: 2
Number of operations that will run on CPU: 3

"""
UNSPECIFIED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
TABLE = f"""\
Operator                       Count      Status

RELU                           1          More than one subgraph is not supported
RELU                           1          Mapped to Edge TPU
HARD_SWISH                     1          Operation not supported
TANH                           1          Mapped to Edge TPU
LOGISTIC                       1          {UNSPECIFIED}
Compilation child process completed within timeout period.
Compilation succeeded!
"""


@pytest.fixture
def net(tmp_path):
    made = Network()
    x = made.input(IMAGE)
    for name in ("RELU", "TANH", "HARD_SWISH", "RELU", "LOGISTIC"):
        (x,) = made.operation(name, [x], IMAGE)
    return made.write(tmp_path / "net.tflite")


def log(path, text):
    path.write_text(text)
    return path


def test_the_whole_log(net, tmp_path):
    report = edgetpu_log.report(net, log(tmp_path / "net.log", HEAD + TABLE))
    assert [(row.op, row.placement) for row in report.operations] == [
        ("RELU", "tpu"), ("TANH", "tpu"), ("HARD_SWISH", "cpu"), ("RELU", "cpu"), ("LOGISTIC", "cpu"),
    ]  # fmt: skip
    reasons = [row.reason for row in report.operations]
    assert reasons[0] == "the compiler mapped it (Mapped to Edge TPU)"
    assert reasons[2] == "the Edge TPU has no kernel for it (Operation not supported)"
    assert reasons[3].startswith("it comes after an operation on the CPU")
    assert reasons[4].startswith("the compiler left it out by a limit that is not published")
    assert all(row.fix for row in report.operations[2:])
    assert report.facts["memory"] == {
        "parameters_bytes": int(6.5 * 2**20) + 1280,
        "on_chip_bytes": 7 << 20,
        "fits": False,
        "estimate": False,
        "streamed_bytes": 1280,
    }
    assert report.facts["compiler_version"] == "16.0.384591198"
    assert report.source == "compiler log"
    assert not any("differently" in note for note in report.notes)


def test_the_file_that_the_compiler_writes_has_the_table_alone(net, tmp_path):
    report = edgetpu_log.report(net, log(tmp_path / "net_edgetpu.log", TABLE))
    assert [row.placement for row in report.operations] == ["tpu", "tpu", "cpu", "cpu", "cpu"]
    assert report.facts["memory"]["estimate"]


def test_the_log_wins_over_the_rules_and_the_difference_is_said(net, tmp_path):
    table = TABLE.replace("TANH                           1          Mapped to Edge TPU", f"TANH    1    {UNSPECIFIED}")
    report = edgetpu_log.report(net, log(tmp_path / "net.log", table))
    assert report.operations[1].placement == "cpu"
    assert "smaller input" in report.operations[1].fix
    assert any("differently: 1 TANH" in note for note in report.notes)


def test_a_shortened_table_leaves_out_what_was_mapped(net, tmp_path):
    rows = [line for line in TABLE.splitlines() if "Mapped to Edge TPU" not in line]
    text = "\n".join([*rows, "... All other operators were mapped successfully. See net_edgetpu.log."])
    report = edgetpu_log.report(net, log(tmp_path / "net.log", text))
    assert [row.placement for row in report.operations] == ["tpu", "tpu", "cpu", "cpu", "cpu"]


def test_a_status_that_is_not_known_is_kept(net, tmp_path):
    text = TABLE.replace("Operation not supported", "Something new")
    report = edgetpu_log.report(net, log(tmp_path / "net.log", text))
    assert report.operations[2].reason == "the compiler's reason (Something new)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "is no log of the Edge TPU compiler", id="empty"),
        pytest.param("Internal compiler error. Aborting!", "is no log of the Edge TPU compiler", id="failed"),
        pytest.param(TABLE.replace("TANH  ", "ABS   "), "of another file: it counts 1 ABS, and .* has 0", id="another"),
        pytest.param(
            TABLE.replace("TANH                           1 ", "TANH  7 "), "counts 7 TANH, and .* has 1", id="count"
        ),
        pytest.param(HEAD, "is no log of the Edge TPU compiler", id="no table"),
    ],
)
def test_a_log_that_does_not_fit_is_refused(net, tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        edgetpu_log.report(net, log(tmp_path / "net.log", text))


def test_a_log_that_is_not_there(net, tmp_path):
    with pytest.raises(FileError, match="cannot read"):
        edgetpu_log.report(net, tmp_path / "absent.log")
