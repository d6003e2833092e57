"""Golden inputs: what an artifact gave where it was made is compared with what it gives here."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edge import golden
from edge.bundle import open_bundle, write_bundle
from edge.errors import FileError, GateFailed, InputError
from edge.imaging import InputFormat
from edge.manifest import Artifact, Manifest, StoredFile
from edge.opening import open_session
from edge.runnable import TensorNames
from edge.session import SessionOptions
from edge.signature import Input, Output, Signature, TaskSpec

FAKE = SessionOptions(backend="fake")
SIGNATURE = Signature(
    (
        Input("image", "image", (1, 8, 8, 3), "float32", InputFormat()),
        Input("clip", "image", (1, 2, 4, 4, 3), "float32", InputFormat()),
        Input("sound", "tensor", (1, 10, 2)),
        Input("words", "tensor", (1, 5), "int32"),
    ),
    (Output("a", "tensor", (1, 4)), Output("b", "tensor", (1, 2))),
    TaskSpec("raw"),
)


def written(folder, dtype="float32"):
    """Return a bundle whose fake network computes band means, with a golden input."""
    quantization = [0.02, -3] if dtype == "int8" else None
    rows = [{"name": i.name, "shape": i.shape, "dtype": "float32"} for i in SIGNATURE.inputs]
    outputs = [
        {"name": n, "shape": [1, k], "dtype": dtype, "quantization": quantization} for n, k in (("a", 4), ("b", 2))
    ]
    file = folder / "net.fake"
    file.write_text(json.dumps({"inputs": rows, "outputs": outputs}))
    names = TensorNames({i.name: i.name for i in SIGNATURE.inputs}, {"a": "a", "b": "b"})
    artifact = Artifact("fake", dtype, (StoredFile(file.name),), "cpu", names)
    manifest = Manifest("net", SIGNATURE, (), (artifact,))
    plain = folder / "plain"
    write_bundle(plain, manifest, {file.name: file})
    with open_session(plain, FAKE) as session:
        entry, sources = golden.make(session, folder, "net")
    whole = replace(manifest, artifacts=(replace(artifact, golden=entry),))
    write_bundle(folder / "net", whole, {file.name: file, **sources})
    return folder / "net"


def test_inputs_are_drawn_in_the_form_that_a_user_gives():
    inputs = golden.inputs_for(SIGNATURE)
    assert {name: (value.shape, value.dtype.name) for name, value in inputs.items()} == {
        "image": ((8, 8, 3), "uint8"),
        "clip": ((2, 4, 4, 3), "uint8"),
        "sound": ((1, 10, 2), "float32"),
        "words": ((1, 5), "int32"),
    }
    assert np.ptp(inputs["image"]) > 50
    assert not inputs["words"].any()  # an index into a table of any length
    again = golden.inputs_for(SIGNATURE)
    assert all(np.array_equal(again[name], value) for name, value in inputs.items())


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_the_same_network_passes(tmp_path, dtype):
    with open_session(written(tmp_path, dtype), FAKE) as session:
        assert golden.check(session) == {"a": 0.0, "b": 0.0}


def test_the_tolerance_of_a_quantized_output_is_in_steps(tmp_path):
    bundle = open_bundle(written(tmp_path, "int8"))
    assert bundle.manifest.artifacts[0].golden.tolerance == pytest.approx({"a": 0.16, "b": 0.16})


def test_equal_inputs_make_equal_files(tmp_path):
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(written(tmp_path / name) / golden.INPUTS)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_answer_is_refused(tmp_path, monkeypatch):
    with open_session(written(tmp_path), FAKE) as session:
        right = session.run

        def off(inputs):
            outputs = right(inputs)
            return {**outputs, "b": replace(outputs["b"], raw=outputs["b"].raw + np.float32(0.1))}

        monkeypatch.setattr(session, "run", off)
        with pytest.raises(GateFailed, match=r"golden output b within .* on fake, it is 0\.1 off; do not use it here"):
            golden.check(session)


def test_a_bundle_without_a_golden_input_says_so(tmp_path):
    written(tmp_path)
    with open_session(tmp_path / "plain", FAKE) as session, pytest.raises(InputError, match="no golden input"):
        golden.check(session)


def test_a_damaged_golden_file_is_one_line(tmp_path):
    folder = written(tmp_path)
    with open_session(folder, FAKE) as session:
        (folder / "net.golden.npz").write_bytes(b"PK not a zip")
        with pytest.raises(FileError, match=r"net\.golden\.npz cannot be read"):
            golden.check(session)


@pytest.mark.parametrize("missing", ["tolerance", "output"])
def test_an_output_without_a_golden_one_is_one_line(tmp_path, missing):
    folder = written(tmp_path)
    with open_session(folder, FAKE) as session:
        if missing == "tolerance":
            entry = replace(session.golden, tolerance={"a": 0.1})
            session._runnable = replace(session._runnable, golden=entry)
        else:
            with np.load(folder / "net.golden.npz") as known:
                content = {"a": known["a"]}
            np.savez(folder / "net.golden.npz", **content)
        with pytest.raises(InputError, match=r"and a golden output \(1, 2\) for b; convert the model again"):
            golden.check(session)
