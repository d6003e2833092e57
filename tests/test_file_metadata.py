"""Metadata from elsewhere, and metadata that is damaged or made to do harm."""

import random
import zipfile

import pytest

import edge
from edge import file_metadata
from edge.backends import open_model
from edge.deploy.metadata import schema
from edge.deploy.metadata.flatbuffer_writer import Number, Row, buffer
from edge.deploy.metadata.tflite_file import with_metadata
from edge.errors import InputError
from edge.recognize import Asked, recognize
from tests.deploy.metadata.files import described
from tests.shared import needs_shared, shared

EMPTY = buffer(Row({0: Number(3), 4: [Row()]}), "TFL3")
"""A file without a graph, which no interpreter opens but which may have metadata."""


def foreign(tmp_path, files, name="labels.txt", kind=schema.AXIS_LABELS, units=()):
    """Return the metadata of a file with a label file and with normalization."""
    attached = [schema.associated_file(name, "", kind)]
    output = schema.tensor("probability", "", schema.feature_content(), files=attached)
    entry = schema.tensor("image", "", schema.feature_content(), list(units))
    content = schema.model("net", "", schema.graph([entry], [output]))
    path = tmp_path / "net.tflite"
    path.write_bytes(with_metadata(EMPTY, {schema.ENTRY: content}, files))
    return file_metadata.read(path)


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        pytest.param("cat\ndog\n", ("cat", "dog"), id="a label a line"),
        pytest.param("1 dog\n0 cat\n", ("cat", "dog"), id="with indices"),
        pytest.param("\ufeffcat\r\ndog", ("cat", "dog"), id="from Windows"),
    ],
)
def test_labels_of_an_associated_file(tmp_path, content, labels):
    assert foreign(tmp_path, {"labels.txt": content.encode()}).labels == labels


def test_normalization_and_names(tmp_path):
    found = foreign(tmp_path, {}, units=[schema.normalization((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))], kind=5)
    assert (found.output_names, found.mean, found.std) == (("probability",), (1, 2, 3), (4, 5, 6))
    assert found.notes == ()


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan"), float("inf")])
def test_a_normalization_that_is_none(tmp_path, std):
    assert foreign(tmp_path, {}, units=[schema.normalization((1.0,), (std,))], kind=5).std is None


@pytest.mark.parametrize(
    ("files", "name", "reason"),
    [
        pytest.param({}, "labels.txt", "labels.txt cannot be read", id="no zip"),
        pytest.param({"a": b"b"}, "labels.txt", "labels.txt cannot be read", id="not in the zip"),
        pytest.param({"labels.txt": b""}, "labels.txt", "is empty", id="empty"),
        pytest.param({"labels.txt": b"\xff\xfe"}, "labels.txt", "must be text in UTF-8", id="no text"),
        pytest.param({"labels.txt": b"a\x1b[2J\n"}, "labels.txt", "no control characters", id="for a terminal"),
        pytest.param({"labels.txt": b"a\n" * (3 << 20)}, "labels.txt", "at most 4194304 bytes", id="too long"),
        pytest.param({"a": b"b"}, "../../etc/passwd", "cannot be read", id="a path out of the zip"),
        pytest.param({"a": b"b"}, "\x1b[2J", r"\x1b[2J cannot be read", id="a name for a terminal"),
    ],
)
def test_labels_that_cannot_be_read_are_left_out(tmp_path, files, name, reason):
    found = foreign(tmp_path, files, name)
    assert found.labels == ()
    (note,) = found.notes
    assert note.startswith("the labels in the file's metadata are left out: ")
    assert reason in note
    assert note.isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["net.tflite"]


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(tmp_path):
    foreign(tmp_path, {})
    path = tmp_path / "net.tflite"
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", b"a" * (50 << 20))
    assert path.stat().st_size < 1 << 20
    assert "at most 4194304 bytes" in file_metadata.read(path).notes[0]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return a file with metadata, and how its interpreter describes inputs and outputs."""
    path = described("mobilenet_v2_cifar10", tmp_path_factory.mktemp("file"))[1]
    with open_model(path) as model:
        return path.read_bytes(), tuple(model.inputs), tuple(model.outputs)


def seen(path, file):
    """Return what a damaged copy is recognized for. Only one line may come instead."""
    try:
        found = recognize(path, file[1], file[2], Asked(task="classify"))
    except InputError as error:
        found, lines = None, (str(error),)
    else:
        lines = found.notes
    assert all(line.isprintable() for line in lines)
    return found


def parts(content):
    """Return the ranges of the metadata: the front of the file, and the zip at its end."""
    return range(content.index(b"TFL3", 8) - 4), range(content.rindex(b"PK\x03\x04"), len(content))


@pytest.mark.parametrize("part", [0, 1], ids=["front", "zip"])
def test_flipped_bits_in_the_metadata_give_a_note_or_one_line(file, part, tmp_path):
    path, rng = tmp_path / "net.tflite", random.Random(part)
    content = file[0] if part == 0 else with_metadata(file[0], {file_metadata.OWN_ENTRY: b""}, {})
    places, notes = parts(content)[part], set()
    for _ in range(150):
        path.write_bytes(flipped(content, places, rng))
        found = seen(path, file)
        notes.update(found.notes if found else ())
    assert any("left out" in note for note in notes)


def flipped(content, places, rng):
    """Return the content with one to four flipped bits at some of the places."""
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 4))):
        damaged[rng.choice(places)] ^= 1 << rng.randrange(8)
    return damaged


def test_flipped_bits_in_onnx_properties_give_a_note_or_one_line(tmp_path):
    path, rng = described("mobilenet_v2_cifar10", tmp_path, ".onnx")[1], random.Random(0)
    with open_model(path) as model:
        file = path.read_bytes(), tuple(model.inputs), tuple(model.outputs)
    places = range(file[0].rindex(b"edge.signature") - 8, len(file[0]))
    for _ in range(100):
        path.write_bytes(flipped(file[0], places, rng))
        seen(path, file)


def test_a_file_that_is_cut_off_gives_a_note_or_one_line(file, tmp_path):
    path, rng = tmp_path / "net.tflite", random.Random(0)
    front, packed = parts(file[0])
    for end in (*rng.sample(front, 60), *rng.sample(packed, 20)):
        path.write_bytes(file[0][:end])
        seen(path, file)


def replaced(file, tmp_path, old, new):
    """Write a copy in which a text of the signature is another of the same length."""
    old, new = old.encode(), new.encode()
    assert len(old) == len(new)
    assert old in file[0]
    path = tmp_path / "net.tflite"
    path.write_bytes(file[0].replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param('{"schema":1', '{"schema":9', "the schema must be 1", id="a later schema"),
        pytest.param('{"schema":1', '["schema":1', "it is no signature", id="no JSON"),
        pytest.param('"task":{"name":"classify"', '"task":{"name":"classifi"', "unknown task", id="an unknown task"),
        pytest.param('"labels":["airplane"', '"labels":[12345678,9', "a list of at most", id="labels that are none"),
        pytest.param('"labels":["airplane",', '"labels":[' + " " * 11, "one line for each", id="a label is missing"),
        pytest.param('"shape":[1,32,32,3]', '"shape":[1,32,33,3]', "in the signature and", id="another shape"),
        pytest.param('"std":[127.5]', '"std":[-27.5]', "std must be positive", id="a wrong scale"),
        pytest.param('"automobile"', r'"\u001b[2Je"', "no control characters", id="for a terminal"),
    ],
)
def test_a_signature_that_does_not_fit_is_left_out(file, tmp_path, old, new, reason):
    found = seen(replaced(file, tmp_path, old, new), file)
    note = next(note for note in found.notes if note.startswith("the signature in the file is left out: "))
    assert reason in note
    assert found.signature.task.name == "classify"


def test_deep_nesting_is_no_crash(file, tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(with_metadata(file[0], {file_metadata.OWN_ENTRY: b"[" * 1_000_000}, {}))
    assert "it is no signature" in seen(path, file).notes[-1]


@pytest.mark.parametrize(
    ("options", "task", "colour", "labels"),
    [
        pytest.param({}, "classify", "RGB", True, id="nothing said"),
        pytest.param({"colour": "BGR"}, "classify", "BGR", True, id="another colour"),
        pytest.param({"task": "raw"}, "raw", "RGB", False, id="another task"),
        pytest.param({"labels": [str(i) for i in range(10)]}, "classify", "RGB", False, id="other labels"),
    ],
)
def test_what_a_person_says_counts_more(file, tmp_path, options, task, colour, labels):
    path = tmp_path / "net.tflite"
    path.write_bytes(file[0])
    with edge.load(path, **options) as net:
        assert net.signature.task.name == task
        assert net.signature.inputs[0].format.colour == colour
        assert ("airplane" in (net.labels or ())) == labels


@needs_shared
def test_a_public_file_names_its_classes_by_itself():
    """Google's MobileNet v2 has 1,001 labels and its normalization inside."""
    with edge.load(shared("models", "coral", "mobilenet_v2_1.0_224_quant.tflite")) as net:
        best = net(shared("images", "cat.bmp")).predictions[0]
        assert "1001 labels read from the file's metadata" in net.notes
    assert (best.label, best.score) == ("Egyptian cat", pytest.approx(0.84, abs=0.02))


@needs_shared
def test_labels_in_a_public_file_that_do_not_fit_what_is_asked_are_said(tmp_path):
    with edge.load(shared("models", "coral", "mobilenet_v2_1.0_224_quant.tflite"), task="embed") as net:
        assert net.labels is None
        assert any("labels in the file's metadata do not fit" in note for note in net.notes)
