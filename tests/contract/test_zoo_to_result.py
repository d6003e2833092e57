"""Every network of the zoo walks the whole line: name, conversion, bundle, ``edge.load``, result.

The networks are small, as in ``test_networks``; what they take is noise, and what they say is compared by the gate.
"""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import edge
from edge import golden
from edge.bundle import open_bundle
from edge.cli import convert
from edge.deploy._tensorflow import need
from edge.models.networks import NETWORKS
from tests import zoo

need("tf_keras")

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "results.schema.json").read_text(encoding="utf-8"))
TASKS = {"reconstruct": "raw", "generate": "raw", "discriminate": "raw"}
"""Networks of these rows of the zoo have no task of their own: their outputs are given as they are."""


@pytest.fixture(scope="module")
def net(request):
    import tf_keras as keras

    found = zoo.subject(request.param)
    yield found
    found.close()
    zoo.subject.cache_clear()
    keras.backend.clear_session()


@pytest.mark.parametrize("net", zoo.rows(builders_only=True), indirect=True)
def test_from_a_name_to_a_result(net, tmp_path, monkeypatch):
    monkeypatch.setattr("edge.models.build", lambda name: net.model)  # at the paper's size it would take minutes
    data, out = tmp_path / "samples.npz", tmp_path / "net.edge"
    inputs = np.asarray(net.inputs)
    np.savez(data, **{net.model.inputs[0].name: inputs})
    words = [f"zoo:{net.name}", "--out", str(out), "--verify", str(data)]
    words += ["--min-agreement", "0", "--min-onnx-agreement", "0", "--max-drop", "100"]  # of random weights; float32 files still have to be exact
    if not net.row.float_only:
        words += ["--calibrate", str(data)]
    assert convert.main(words) == 0
    manifest = open_bundle(out).manifest
    expected = NETWORKS[net.name].tasks[0]
    assert manifest.signature.task.name == TASKS.get(expected, expected)
    precisions = {artifact.precision for artifact in manifest.artifacts}
    assert precisions == ({"float32"} if net.row.float_only else {"float32", "int8"})
    assert {"tflite", "onnx"} >= {artifact.format for artifact in manifest.artifacts} >= {"tflite"}
    for artifact in manifest.artifacts:
        backend = "litert" if artifact.format == "tflite" else "onnxruntime"
        with edge.load(out, backend=backend, precision=artifact.precision) as session:
            golden.check(session)
            entry = session.signature.inputs[0]
            result = session(golden.inputs_for(session.signature)[entry.name])
        assert result.task == manifest.signature.task.name
        jsonschema.validate(result.as_json(), SCHEMA)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilefacenet", "text_cnn", "ds_cnn"])
def test_a_name_of_the_zoo_is_a_model(name, tmp_path):
    """At the paper's size: a picture, a face, a sentence, a sound."""
    assert convert.main([f"zoo:{name}", "--out", str(tmp_path / "net")]) == 0
    with edge.load(tmp_path / "net") as session:
        golden.check(session)
        entry = session.signature.inputs[0]
        given = golden.inputs_for(session.signature)[entry.name]
        assert session(given).task == session.signature.task.name
