"""One whole line per task at toy size, by the commands a person would type: train, compress, convert, verify, run."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
from edge import golden
from edge.bundle import open_bundle
from edge.cli import bench, camera, compress, convert, train
from edge.deploy._tensorflow import need
from edge.models.networks import NETWORKS
from tests.chains.plans import PLANS, Plan

need("tensorflow_model_optimization")

BUDGET = {
    "detect": ("--parameter", "score_threshold=0.1", "--min-agreement", "70", "--max-drop", "10"),
    "keypoints": ("--min-agreement", "50", "--min-onnx-agreement", "50", "--max-drop", "40"),
    "embed": ("--min-agreement", "0.9", "--min-onnx-agreement", "0.9"),
}
"""Toys are less certain of their answers than networks that were trained for long; the others are held to the budget of
toys with classes."""
OF_CLASSES = ("--min-agreement", "85", "--max-drop", "10")


def marks(plan: Plan) -> list[pytest.MarkDecorator]:
    """Chains share nothing, so each is a group of its own and both workers walk some."""
    group = pytest.mark.xdist_group(f"chain of {plan.task}")
    return [group, pytest.mark.slow] if plan.slow else [group]


ROWS = [pytest.param(plan, id=plan.task, marks=marks(plan)) for plan in PLANS.values()]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("plan", ROWS)
def test_a_task_walks_the_whole_line(plan, tmp_path):
    data, run, net = tmp_path / "data", tmp_path / "run", tmp_path / "net.edge"
    plan.draw(data)
    assert train.main([plan.network, "--data", str(data), "--out", str(run), *plan.train]) == 0
    assert json.loads((run / "train.json").read_text())[plan.headline] >= plan.least
    model = run / "model.keras"
    if plan.compress is not None:
        small = tmp_path / "small"
        assert compress.main([str(model), "--data", str(data), "--out", str(small), *plan.compress]) == 0
        model = small / "model.h5"
    words = [str(model), "--out", str(net), "--verify", str(data), *BUDGET.get(plan.task, OF_CLASSES)]
    words += [] if plan.compress is not None else ["--calibrate", str(data), "--samples", "16"]
    assert convert.main(words) == 0
    check_bundle(net, plan)
    if plan.task not in ("speech", "text"):
        check_camera(net, tmp_path, plan)
    assert bench.main([str(net), "--seconds", "0.01", "--threads", "1"]) == 0


def check_bundle(net: Path, plan: Plan) -> None:
    """Every file gives its golden output and a result of the task, and was compared with the network."""
    manifest = open_bundle(net).manifest
    assert manifest.signature.task.name == NETWORKS[plan.network].tasks[0]
    compared = [row for row in manifest.measured["parity"] if row["reference"] == "the model"]
    assert {row["candidate"] for row in compared} == {artifact.file for artifact in manifest.artifacts}
    for backend in ("litert", "onnxruntime"):
        with edge.load(net, backend=backend) as session:
            golden.check(session)
            (given,) = golden.inputs_for(session.signature).values()
            json.dumps(session(given).as_json(), allow_nan=False)


def check_camera(net: Path, folder: Path, plan: Plan) -> None:
    """The loop runs the bundle on pictures and keeps what it saw."""
    pictures = folder / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        cv2.imwrite(str(pictures / f"{number}.png"), rng.integers(0, 256, (120, 161, 3), np.uint8))
    out, shown = folder / "out.jsonl", folder / "shown.png"
    words = ["--model", str(net), "--source", str(pictures), "--jsonl", str(out), "--snapshot", str(shown), "--quiet"]
    assert camera.main(words) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["task"] for row in rows] == [NETWORKS[plan.network].tasks[0]] * 3
    assert cv2.imread(str(shown)).shape == (120, 161, 3)
