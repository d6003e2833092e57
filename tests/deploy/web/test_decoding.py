"""The app's results are those of the device, for hundreds of random outputs of each head."""

import numpy as np
import pytest

from edge import tasks
from edge.deploy.web.description import task_of
from edge.deploy.web.heads import HEADS
from edge.faults import check_numbers
from edge.imaging import placement_of
from tests.deploy.web import heads, node
from tests.deploy.web.node import APP, decoded, encoded, needs_node

COUNT = 150
SCORES = 2e-6
"""Numpy computes exp, tanh and powers in float32 with vector instructions, JavaScript in float64: up to four units in
the last place of a number near 1."""

BOXES = 1e-3
"""Pixels of a frame of up to 400: what such differences become in the exponential of a side."""


def written(rng, task, outputs):
    """Return the case for node, and the device's result."""
    signature = heads.signature(task, [(t.spec.name, role, t.raw.shape) for role, t in outputs])
    tensors = {tensor.spec.name: tensor for _, tensor in outputs}
    device = tasks.load(task.name)(signature)
    told, anchors = task_of(signature, device, (), {name: tensor.spec for name, tensor in tensors.items()})
    frame = tuple(map(int, rng.integers(20, 400, 2)))
    resize = ("stretch", "letterbox", "crop")[rng.integers(3)]
    check_numbers(tensors, task)
    expected = device.decode(tensors, placement_of(frame, heads.SIZE, resize))
    case = {
        "kind": "decode",
        "task": told,
        "threshold": told["threshold"],
        "anchors": None if anchors is None else encoded(anchors),
        "outputs": [_output(role, tensor) for role, tensor in outputs],
        "frame": frame,
        "input": heads.SIZE,
        "resize": resize,
    }
    return case, expected


def _output(role, tensor):
    steps = tensor.spec.quantization
    scale, zero = (None, 0) if steps is None else steps
    spec = {"name": tensor.spec.name, "role": role, "dtype": tensor.raw.dtype.name, "scale": scale, "zeroPoint": zero}
    return {"spec": spec, "raw": encoded(tensor.raw)}


def compare_predictions(expected, answer, told):
    assert "fault" not in answer, (answer, told)
    found = answer["predictions"]
    assert [(one["label"], one["index"]) for one in found] == [(one.label, one.index) for one in expected], told
    for one, known in zip(found, expected, strict=True):
        assert one["score"] == pytest.approx(known.score, abs=SCORES)
        if known.box is not None:
            assert one["box"] == pytest.approx(known.box, abs=BOXES)
        assert len(one["points"]) == len(known.points)
        for point, other in zip(one["points"], known.points, strict=True):
            assert point == pytest.approx(other, abs=BOXES, rel=1e-5)


@needs_node
@pytest.mark.parametrize("head", heads.DETECTORS, ids=lambda head: head.__name__)
def test_detections_are_those_of_the_device(head, tmp_path):
    rng = np.random.default_rng(len(head.__name__))
    given = [written(rng, *head(rng)) for _ in range(COUNT)]
    answers = node.run(tmp_path, [case for case, _ in given])
    assert sum(len(expected.predictions) for _, expected in given) > COUNT  # enough to compare
    for (case, expected), answer in zip(given, answers, strict=True):
        compare_predictions(expected.predictions, answer, case["task"])


@needs_node
def test_classes_are_those_of_the_device(tmp_path):
    rng = np.random.default_rng(4)
    given = [written(rng, *heads.classifier(rng)) for _ in range(2 * COUNT)]
    answers = node.run(tmp_path, [case for case, _ in given])
    for (case, expected), answer in zip(given, answers, strict=True):
        compare_predictions(expected.predictions, answer, case["task"])
        assert answer["ranking"][0]["score"] == max(one["score"] for one in answer["ranking"])


@needs_node
def test_masks_are_those_of_the_device(tmp_path):
    """Pixel by pixel: the classes come of comparisons alone, but for sigmoids at the threshold, which none is here."""
    rng = np.random.default_rng(5)
    given = [written(rng, *heads.segmenter(rng)) for _ in range(COUNT)]
    answers = node.run(tmp_path, [case for case, _ in given])
    for (case, expected), answer in zip(given, answers, strict=True):
        assert "fault" not in answer, (answer, case["task"])
        mask, known = answer["mask"], expected.mask
        found = decoded(mask["classes"], f"<u{mask['wide']}").reshape(known.classes.shape)
        np.testing.assert_array_equal(found, known.classes)
        assert (tuple(mask["labels"]), mask["unknown"]) == (known.labels, known.unknown)


@needs_node
def test_what_is_no_result_is_said(tmp_path):
    rng = np.random.default_rng(6)
    task, outputs = heads.classifier(rng)
    case, _ = written(rng, task, outputs)
    broken = np.full(5, np.nan, np.float32)
    spec = {"name": "scores", "role": "scores", "dtype": "float32", "scale": None, "zeroPoint": 0}
    logits, _ = written(rng, *heads.ssd_recipe(rng))
    logits["outputs"][1] = {"spec": spec, "raw": encoded(np.full((120, 4), 7, np.float32))}
    answers = node.run(tmp_path, [{**case, "outputs": [{"spec": spec, "raw": encoded(broken)}]}, logits])
    assert "holds NaN" in answers[0]["fault"]
    assert "must give scores from 0 to 1" in answers[1]["fault"]


def test_the_app_has_every_decoder_that_the_export_allows():
    table = (APP / "js" / "decoders" / "table.js").read_text()
    for name in HEADS:
        assert f"\n  {name}" in table, name
