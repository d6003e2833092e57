"""Files with metadata: the network is as before, other readers find the metadata, and so does EdgeKit."""

import ast
import io
import zipfile

import numpy as np
import pytest

import edge
from edge import flatbuffer
from edge.backends import open_model
from edge.deploy import metadata
from edge.deploy._tensorflow import need
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.metadata.flatbuffer_writer import Number, Row, buffer
from edge.deploy.metadata.onnx_properties import with_properties
from edge.deploy.metadata.tflite_file import with_metadata
from edge.errors import InputError
from edge.manifest import Artifact, StoredFile
from edge.protobuf import Message
from tests.deploy.metadata.files import described, network, refused, released
from tests.deploy.placement_report.made import Network

NETWORKS = ("mobilenet_v2_cifar10", "ssdlite_shufflenet_v2_bccd", "unet_membrane", "ds_cnn_fsdd")
CLASSIFIER = NETWORKS[0]


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_computes_as_before_and_says_what_it_is(name, suffix, tmp_path):
    before, after = released(name, tmp_path / "before", suffix)[2], described(name, tmp_path / "after", suffix)[1]
    manifest = described(name, tmp_path / "again", suffix)[0]
    assert before.read_bytes() in after.read_bytes()
    with open_model(before) as one, open_model(after) as other:
        assert (one.inputs, one.outputs) == (other.inputs, other.outputs)
        rng = np.random.default_rng(0)
        given = [rng.integers(0, 100, spec.shape).astype(spec.dtype) for spec in one.inputs]
        for expected, got in zip(one.run(given), other.run(given), strict=True):
            np.testing.assert_array_equal(got, expected)
    with edge.load(after) as net:
        assert net.signature == manifest.signature
        assert (net.labels or ()) == manifest.labels
        assert net.notes[0].startswith(f"read from the file: task {manifest.signature.task.name}")
        assert len(net.notes) == 1


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_the_same_network_gives_the_same_bytes(suffix, tmp_path):
    first, second = (described(CLASSIFIER, tmp_path / name, suffix)[1].read_bytes() for name in "ab")
    assert first == second


def test_metadata_that_is_written_twice_is_there_once(tmp_path):
    manifest, path = described(CLASSIFIER, tmp_path)
    artifact = Artifact("tflite", "int8", (StoredFile(path.name),))
    metadata.add([ConvertedArtifact(path, artifact)], "other", manifest.signature, manifest.labels[::-1], refused)
    model = flatbuffer.root(path.read_bytes())
    names = [row.text(0) for row in model.tables(6)]
    assert sorted(names) == sorted(set(names))
    with edge.load(path) as net:
        assert net.labels == manifest.labels[::-1]


def test_tensorflow_s_own_classes_read_the_file(tmp_path):
    """An independent reader: the classes that TensorFlow generates from the schema."""
    tools = need("tensorflow.lite.tools.flatbuffer_utils")
    manifest, before = released(CLASSIFIER, tmp_path / "before")[::2]
    path = described(CLASSIFIER, tmp_path / "after")[1]
    old, new = (tools.convert_bytearray_to_object(bytearray(one.read_bytes())) for one in (before, path))
    assert path.read_bytes()[4:8] == b"TFL3"
    assert [row.name for row in new.metadata][-2:] == [b"TFLITE_METADATA", b"edgekit"]
    assert (new.version, new.description) == (old.version, old.description)
    assert len(new.operatorCodes) == len(old.operatorCodes)
    assert len(new.subgraphs[0].operators) == len(old.subgraphs[0].operators)
    for mine, theirs in zip(new.buffers, old.buffers, strict=False):
        np.testing.assert_array_equal(mine.data, theirs.data)
    stated = bytes(new.buffers[new.metadata[-2].buffer].data)
    assert stated[4:8] == b"M001"
    assert manifest.name.encode() in stated


def test_weights_keep_their_alignment(tmp_path):
    before, after = released(CLASSIFIER, tmp_path / "before")[2], described(CLASSIFIER, tmp_path / "after")[1]
    old, new = (places(path.read_bytes()) for path in (before, after))
    assert {(now - then) % 64 for now, then in zip(new, old, strict=False)} == {0}
    assert all((place + 4) % 16 == 0 for place in new[len(old) :])


def places(content):
    """Return where the content of each buffer begins."""
    found = [row.position(0) for row in flatbuffer.root(content).tables(4)]
    return [place for place in found if place is not None]


def test_labels_are_in_a_plain_zip_behind_the_network(tmp_path):
    manifest, path = described(CLASSIFIER, tmp_path)
    with zipfile.ZipFile(path) as archive:
        (entry,) = archive.infolist()
        assert (entry.filename, entry.date_time) == ("labels.txt", (1980, 1, 1, 0, 0, 0))
        assert entry.compress_type == zipfile.ZIP_STORED
        assert archive.read("labels.txt").decode().splitlines() == list(manifest.labels)


def test_onnx_has_properties_that_its_own_package_reads(tmp_path):
    onnx = need("onnx")
    manifest, path = described(CLASSIFIER, tmp_path, ".onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model)
    properties = {one.key: one.value for one in model.metadata_props}
    assert len(properties) == len(model.metadata_props)
    assert properties["edge.labels"].split("\n") == list(manifest.labels)
    assert ast.literal_eval(properties["names"]) == dict(enumerate(manifest.labels))
    assert properties["edge.task"] == "classify"
    assert "edge.quantization" in properties or "edge.name" in properties  # what the conversion wrote is still there


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 20_000])
def test_onnx_properties_of_every_length(length):
    content = with_properties(b"", {"key": "x" * length, "other": "é"})
    pairs = [{number: part.text() for number, part in pair.parts()} for pair in Message(content).messages(14)]
    assert [pair.get(2, "") for pair in pairs] == ["x" * length, "é"]


def test_a_file_without_metadata_of_its_own_gets_some():
    content = buffer(Row({0: Number(3), 4: [Row()]}), "TFL3")
    out = with_metadata(content, {"entry": b"12345"}, {})
    model = flatbuffer.root(out)
    assert (model.number(0), [row.text(0) for row in model.tables(6)]) == (3, ["entry"])
    assert [row.bytes(0) for row in model.tables(4)] == [b"", b"12345"]
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(out))


def test_a_small_file_whose_buffers_come_first_gets_metadata(tmp_path):
    net = Network()
    x = net.input((1, 4), kind="FLOAT32", scales=())
    for number in range(8):
        (x,) = net.operation("ADD", [x, net.constant(np.float32([[number]]))], (1, 4), kind="FLOAT32", scales=())
    path = net.write(tmp_path / "net.tflite")
    path.write_bytes(with_metadata(path.read_bytes(), {"entry": b"12345"}, {}))
    with open_model(path) as model:
        (found,) = model.run([np.array([[-1, 2, 5, 9]], np.float32)])
    np.testing.assert_array_equal(found, [[27, 30, 33, 37]])


def test_a_file_with_weights_at_fixed_positions_is_left_as_it_is():
    content = buffer(Row({0: Number(3), 4: [Row({1: Number(4096, "Q")})]}), "TFL3")
    with pytest.raises(InputError, match="weights at fixed positions"):
        with_metadata(content, {"entry": b"12345"}, {})


def test_a_file_of_another_network_is_reported_and_stays(tmp_path):
    path = released(CLASSIFIER, tmp_path)[2]
    before, lines = path.read_bytes(), []
    artifact = Artifact("tflite", "int8", (StoredFile(path.name),))
    signature = network("classify", [("p", "scores", (1, 2))])
    metadata.add([ConvertedArtifact(path, artifact)], "net", signature, (), lines.append)
    assert path.read_bytes() == before
    assert lines[0].startswith("no metadata in model_int8.tflite: ")
