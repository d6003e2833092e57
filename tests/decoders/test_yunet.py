"""YuNet against OpenCV's own decoder, on a network whose outputs are constants."""

import cv2
import numpy as np
import pytest

from edge.decoders.select import Selection, select
from edge.decoders.yunet import YuNet, recognize, roles
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (96, 64)
COLUMNS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
ROLES = {"cls": "scores", "obj": "objectness", "bbox": "boxes", "kps": "points"}


def heads(seed=0):
    """Return random outputs by name; some scores lie beyond 0 to 1, as the real network's do."""
    rng = np.random.default_rng(seed)
    found = {}
    for kind, columns in COLUMNS.items():
        for stride in (8, 16, 32):
            shape = (1, (SIZE[0] // stride) * (SIZE[1] // stride), columns)
            found[f"{kind}_{stride}"] = rng.uniform(-0.1, 1.1, shape) if columns == 1 else rng.normal(0, 0.5, shape)
    return {name: values.astype(np.float32) for name, values in found.items()}


def constant_network(path, outputs):
    """Write an ONNX file that gives ``outputs`` whatever its input (1, 3, height, width) is."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    constants = {"kernel": np.zeros((1, 3, SIZE[1], SIZE[0]), np.float32), "shape": np.array([1, 1, 1], np.int64)}
    constants.update({f"{name}_values": values for name, values in outputs.items()})
    nodes = [helper.make_node("Conv", ["input", "kernel"], ["zero"])]
    nodes.append(helper.make_node("Reshape", ["zero", "shape"], ["nothing"]))
    nodes += [helper.make_node("Add", ["nothing", f"{name}_values"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "constants",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, (1, 3, SIZE[1], SIZE[0]))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, v.shape) for name, v in outputs.items()],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


@pytest.mark.skipif(not hasattr(cv2, "FaceDetectorYN"), reason="this OpenCV has no FaceDetectorYN")
def test_opencv_decodes_the_same(tmp_path):
    outputs = heads()
    constant_network(tmp_path / "yunet.onnx", outputs)
    # Nothing is suppressed at a threshold of 1; all boxes with a score above 0.01 come back.
    detector = cv2.FaceDetectorYN.create(str(tmp_path / "yunet.onnx"), "", SIZE, 0.01, 1.0, 5000)
    theirs = detector.detect(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))[1]
    found = decode("yunet", {name: (ROLES[name.split("_")[0]], v) for name, v in outputs.items()}, SIZE)
    chosen = select(found, Selection(score_threshold=0.01, nms="none", max_detections=5000))
    assert len(theirs) == len(chosen.scores) > 50
    sides = chosen.boxes[:, 2:] - chosen.boxes[:, :2]
    ours = np.column_stack([chosen.boxes[:, :2], sides, chosen.points[..., :2].reshape(-1, 10), chosen.scores])
    in_order = [
        rows[np.lexsort(rows[:, :4].round(2).T)] for rows in (ours.astype(np.float64), theirs.astype(np.float64))
    ]
    np.testing.assert_allclose(in_order[0], in_order[1], rtol=1e-3, atol=1e-3)


def test_the_order_of_the_outputs_does_not_matter():
    outputs = {name: (ROLES[name.split("_")[0]], values) for name, values in heads().items()}
    expected = decode("yunet", outputs, SIZE)
    found = decode("yunet", dict(reversed(outputs.items())), SIZE)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.scores, expected.scores)


def rows(rename=lambda name: name):
    return [spec(rename(name), values.shape) for name, values in heads().items()]


@pytest.mark.parametrize("rename", [lambda name: name, hash, lambda name: "StatefulPartitionedCall"])
def test_roles_and_recognition(rename):
    given = rows(lambda name: str(rename(name)))
    assert sorted(roles(given)) == sorted([*ROLES.values()] * 3)
    found = recognize([image(SIZE)], given, (None,) * 12)
    assert found.task.decoder == "yunet"
    assert found.input["colour"] == "BGR"
    assert recognize([image((128, 64))], given, (None,) * 12) is None


def test_what_does_not_fit_is_refused():
    outputs = {name: (ROLES[name.split("_")[0]], values.shape) for name, values in heads().items()}
    outputs["bbox_8"] = ("boxes", (1, 95, 4))
    with pytest.raises(
        InputError, match=r"role boxes, \(1, 96, 4\), \(1, 24, 4\), \(1, 6, 4\), got bbox_8 \(1, 95, 4\)"
    ):
        YuNet(signature("yunet", outputs, SIZE))
    with pytest.raises(InputError, match="each at strides 8, 16 and 32; the file gives"):
        roles(rows()[:11])
