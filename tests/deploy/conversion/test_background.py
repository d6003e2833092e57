"""The background's scores of a trained detector: left out where the record states them, and nowhere else."""

import numpy as np
import pytest

from edge.deploy._tensorflow import need

keras = need("tf_keras")

from edge.deploy.conversion.background import without_background  # noqa: E402
from edge.deploy.conversion.freeze import freeze_keras  # noqa: E402
from edge.models.training.training_record import signature_of  # noqa: E402

RECORD = {"anchors": {"strides": [4], "ratios": [], "scales": [0.2, 0.9]}, "mean": [127.5], "std": [127.5]}
RECORD["input_shape"] = [4, 4, 3]


def detector(boxes="boxes", scores="scores"):
    image = keras.Input((4, 4, 3), name="image")
    flat = keras.layers.Reshape((16, 3))(image)
    offsets = keras.layers.Dense(4, name=boxes)(flat)
    return keras.Model(image, [offsets, keras.layers.Softmax(name=scores)(flat)], name="net")


def test_the_first_column_is_left_out_and_the_record_says_so():
    model = detector()
    slim, record = without_background(model, RECORD)
    picture = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    boxes, scores = model(picture)
    found = slim(picture)
    np.testing.assert_array_equal(found["boxes"], boxes)
    np.testing.assert_array_equal(found["scores"], scores[..., 1:])
    assert slim.name == "net"
    before, after = signature_of(RECORD), signature_of(record)
    assert (before["task"]["parameters"]["background"], after["task"]["parameters"]["background"]) == (True, False)
    assert (after["outputs"], after["inputs"]) == (before["outputs"], before["inputs"])
    frozen = freeze_keras(slim)
    assert [(spec.name, spec.shape) for spec in frozen.output_specs] == [
        ("boxes", (1, 16, 4)),
        ("scores", (1, 16, 2)),
    ]


@pytest.mark.parametrize(
    ("names", "record"),
    [
        pytest.param((), None, id="no record"),
        pytest.param((), {"classes": 3}, id="no detector"),
        pytest.param(("offsets", "scores"), RECORD, id="other outputs"),
        pytest.param((), {**RECORD, "signature": signature_of(RECORD) | {"task": {"parameters": {}}}}, id="no column"),
        pytest.param((), {"anchors": 3}, id="damaged"),
    ],
)
def test_other_networks_stay_as_they_are(names, record):
    model = detector(*names)
    found = without_background(model, record)
    assert found[0] is model
    assert found[1] is record
