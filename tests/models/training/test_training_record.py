"""The signature of a network and the options of its reader, from records old and new."""

import json

import pytest

from edge.errors import InputError
from edge.models.training.task_table import DATASET_TASKS
from edge.models.training.training_record import reader_options, signature_of, task_of
from edge.signature import ROLES

PIXELS = {"mean": [127.5], "std": [127.5]}

# What records of finished trainings hold, without what does not matter here; keys as edge-train has written them.
CLASSIFIER = {"network": "lenet5", "input_shape": [32, 32, 1], **PIXELS}
SEGMENTER = {
    **{"network": "unet", "input_shape": [128, 128, 1], **PIXELS},
    **{"view": "crop", "turns": True, "elastic": 0.0, "loss": "dice"},
}
DETECTOR = {
    **{"network": "ssdlite_shufflenet_v2", "input_shape": [240, 320, 3], **PIXELS, "loss": "focal"},
    "anchors": {"strides": [8, 16, 32], "ratios": [1.5], "scales": [0.0842, 0.3972]},
}
SOUNDS = {
    **{"network": "ds_cnn", "input_shape": [49, 10, 1]},
    "sound": {"rate": 8000, "samples": 8000, "kind": "mfcc", "hop": 160},
    "speakers": {"train": ["theo"], "report": ["yweweler"]},
}
WAVEFORM = {**SOUNDS, "input_shape": [8000, 1], "sound": {"rate": 8000, "samples": 8000, "kind": "waveform"}}
KEYPOINTS = {
    **{"network": "keypoints_mobilenet_v2", "input_shape": [64, 64, 3], **PIXELS, "sigma": 1.0},
    "keypoints": {"names": ["head", "hand"], "edges": [[0, 1]]},
}
EMBEDDING = {
    **{"network": "mobilefacenet", "input_shape": [48, 48, 3], **PIXELS},
    "embedding": {"size": 32, "margin": 0.2, "scale": 16.0},
}
TEXT = {"network": "text_cnn", "input_shape": [16], "forget": 0.1, "text": {"vocabulary": "vocabulary.txt"}}
CLIPS = {"network": "c3d", "input_shape": [8, 32, 32, 3], **PIXELS, "clip": {"frames": 8, "step": 2}}

IMAGE = {"kind": "image", "mean": [127.5], "std": [127.5], "colour": "RGB", "resize": "stretch"}
GREY = {**IMAGE, "colour": "GRAY"}
ANSWER = {"name": "classify", "decoder": None, "parameters": {"activation": "none"}}
SCORES = [("probabilities", "scores")]
FOUND = {"score_threshold": 0.4, "iou_threshold": 0.45, "max_detections": 100}

ROWS = [
    pytest.param(CLASSIFIER, "classify", GREY, SCORES, ANSWER, {}, id="classify"),
    pytest.param(
        SEGMENTER,
        "segment",
        GREY,
        [("probabilities", "mask")],
        {"name": "segment", "decoder": None, "parameters": {"activation": "none", "view": "crop"}},
        {"view": "crop", "turns": True, "elastic": 0.0, "loss": "dice"},
        id="segment",
    ),
    pytest.param(
        DETECTOR,
        "detect",
        IMAGE,
        [("boxes", "boxes"), ("scores", "scores")],
        {
            "name": "detect",
            "decoder": "ssd",
            "parameters": {
                "anchors": {"strides": [8, 16, 32], "ratios": [1.5], "scales": [0.0842, 0.3972]},
                "variances": [0.1, 0.2],
                "background": True,
                "activation": "none",
                **FOUND,
            },
        },
        {"strides": [8, 16, 32], "ratios": [1.5], "scales": [0.0842, 0.3972], "loss": "focal"},
        id="detect",
    ),
    pytest.param(
        SOUNDS,
        "speech",
        {"kind": "tensor", "sound": SOUNDS["sound"]},
        SCORES,
        ANSWER,
        {"speakers": ("yweweler",), "features": "mfcc"},
        id="features of sounds",
    ),
    pytest.param(
        WAVEFORM,
        "speech",
        {"kind": "tensor", "sound": WAVEFORM["sound"]},
        SCORES,
        ANSWER,
        {"speakers": ("yweweler",)},
        id="waveforms",
    ),
    pytest.param(
        KEYPOINTS,
        "keypoints",
        IMAGE,
        [("heatmaps", "heatmaps")],
        {"name": "keypoints", "decoder": "heatmaps", "parameters": {"names": ["head", "hand"], "edges": [[0, 1]]}},
        {"sigma": 1.0},
        id="keypoints",
    ),
    pytest.param(
        EMBEDDING,
        "embed",
        IMAGE,
        [("vector", "embedding")],
        {"name": "embed", "decoder": None, "parameters": {"normalize": True}},
        {"size": 32, "margin": 0.2, "scale": 16.0},
        id="embed",
    ),
    pytest.param(
        {**EMBEDDING, "build": {"name": "mobilefacenet", "normalize": True}},
        "embed",
        IMAGE,
        [("unit_length", "embedding")],
        {"name": "embed", "decoder": None, "parameters": {"normalize": False}},
        {"size": 32, "margin": 0.2, "scale": 16.0},
        id="embed, of length 1 in the graph",
    ),
    pytest.param(
        TEXT, "text", {"kind": "tensor", "text": TEXT["text"]}, SCORES, ANSWER, {"forget": 0.1}, id="sentences"
    ),
    pytest.param(
        CLIPS,
        "clips",
        {"kind": "tensor", "clip": {"frames": 8, "step": 2, **{k: v for k, v in IMAGE.items() if k != "kind"}}},
        SCORES,
        ANSWER,
        {"step": 2},
        id="clips",
    ),
]


@pytest.mark.parametrize(("record", "row", "given", "outputs", "task", "options"), ROWS)
def test_a_record_says_what_its_network_takes_and_gives(record, row, given, outputs, task, options):
    found = signature_of(record)
    assert found == {
        "inputs": [given],
        "outputs": [{"name": name, "role": role} for name, role in outputs],
        "task": task,
    }
    assert json.loads(json.dumps(found)) == found
    assert task_of(record) == row
    assert row in DATASET_TASKS
    assert reader_options(record) == options
    assert {role for _, role in outputs} <= set(ROLES)


def test_names_of_a_network_of_ones_own_are_taken():
    found = signature_of(DETECTOR, ["where", "what"])
    assert found["outputs"] == [{"name": "where", "role": "boxes"}, {"name": "what", "role": "scores"}]
    with pytest.raises(InputError, match=r"a network for detect has 2 output\(s\), got one"):
        signature_of(DETECTOR, ["one"])


def test_a_signature_that_is_there_is_kept():
    stated = {"inputs": [], "outputs": [], "task": {"name": "raw"}}
    assert signature_of({**CLASSIFIER, "signature": stated}) == stated
