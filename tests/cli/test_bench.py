import json
import subprocess
import sys

import pytest

from edge.cli import bench
from edge.device import this_device
from edge.tuning import read_tuning
from tests.backends import models
from tests.bench.bundles import small_bundle


@pytest.fixture
def fast(tmp_path):
    return models.fake(tmp_path / "bands.fake")


def test_a_bundle_with_everything_asked_for(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = small_bundle(tmp_path / "net.edge", tmp_path / "sources")
    results, picture = tmp_path / "out.json", tmp_path / "out.png"
    options = ["--threads", "1", "--seconds", "0.02", "--tune", "--json", str(results), "--plot", str(picture)]
    assert bench.main([str(path), *options, "--backends", "litert,fake"]) == 0
    shown = capsys.readouterr()
    rows = json.loads(results.read_text())["measurements"]
    assert {(row["backend"], row["precision"]) for row in rows} == {("litert", "float32"), ("fake", "int8")}
    assert sum(row["fastest"] for row in rows) == 1
    assert shown.out.count("\n*") == 1
    assert "tuning for" in shown.out
    assert picture.stat().st_size > 1000
    fastest = next(row for row in rows if row["fastest"])
    tuning = read_tuning(path, this_device())
    assert (tuning.backend, tuning.threads, tuning.median_ms) == (fastest["backend"], 1, fastest["median_ms"])


def test_nothing_is_written_unless_asked(tmp_path, fast):
    assert bench.main([str(fast), "--seconds", "0.01", "--threads", "1"]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["bands.fake"]


def test_threads_are_measured_once_each(tmp_path, fast, capsys):
    assert bench.main([str(fast), "--seconds", "0.01", "--threads", "2,1,2", "--backends", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-6] for line in lines[2:]] == ["2", "1"]


def test_a_file_that_cannot_run_is_exit_code_2_after_the_others(tmp_path, fast, capsys):
    bad = tmp_path / "bad.fake"
    bad.write_text("{}")
    assert bench.main([str(fast), str(bad), "--seconds", "0.01", "--threads", "1"]) == 2
    shown = capsys.readouterr()
    assert "*  bands" in shown.out
    assert "- fake: model" in shown.out
    last = shown.err.splitlines()[-1]
    assert last.startswith(f"edge-bench: nothing could run {bad}: model {bad} is not a .fake description")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["none.tflite"], "none.tflite does not exist", id="missing file"),
        pytest.param(["FILE", "--backends", "litrt"], "did you mean 'litert'", id="unknown backend"),
        pytest.param(["FILE", "--backends", "litert"], "backend litert opens .tflite files", id="does not fit"),
        pytest.param(["FILE", "--json", "FILE/x.json"], "cannot write", id="nowhere to write"),
    ],
)
def test_bad_input_is_one_line(fast, capsys, arguments, words):
    arguments = [argument.replace("FILE", str(fast)) for argument in arguments]
    assert bench.main([*arguments, "--seconds", "0.01", "--threads", "1"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("edge-bench: ")
    assert words in last


@pytest.mark.parametrize(
    "option",
    [
        ["--threads", "0"],
        ["--threads", "two"],
        ["--threads", ""],
        ["--seconds", "0"],
        ["--seconds", "nan"],
        ["--seconds", "soon"],
        ["--backends", ","],
    ],
)
def test_bad_usage_is_exit_code_2(fast, capsys, option):
    with pytest.raises(SystemExit) as caught:
        bench.main([str(fast), *option])
    assert caught.value.code == 2
    assert f"argument {option[0]}: must" in capsys.readouterr().err


def test_ctrl_c_is_130(fast, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("edge.bench.plan.measure", interrupted)
    assert bench.main([str(fast)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "edge-bench: interrupted"


def imported(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_help_imports_nothing_heavy():
    code = (
        "import sys, json, edge.cli.bench as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps([m for m in ('numpy', 'cv2', 'tensorflow', 'ai_edge_litert') if m in sys.modules]))"
    )
    assert imported(code) == []


def test_a_run_never_imports_tensorflow(fast):
    code = (
        f"import sys, json, edge.cli.bench as c; c.main([{str(fast)!r}, '--seconds', '0.01'])\n"
        "print(json.dumps([m for m in ('tensorflow', 'tf_keras', 'keras') if m in sys.modules]))"
    )
    assert imported(code) == []
