"""Where class names come from, and what is said of them; and the bundle's name."""

from pathlib import Path

import pytest

from edge.bundle import open_bundle
from edge.deploy import network_meaning
from edge.deploy.conversion_options import Calibration, Callbacks, ConversionOptions
from edge.deploy.package import convert
from edge.deploy.parity import Gate
from edge.deploy.samples import Samples
from edge.errors import InputError
from tests.cli import colours
from tests.deploy.samples.network_info import image, network
from tests.models.training.pictures import image_folder
from tests.shared import needs_shared, shared

NO_LABELS = "no labels: give --labels FILE to name the classes"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("data") / "photos", train=2, test=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "net.keras"
    colours.classifier().save(path)
    return path


def converted(model, out, **options):
    heard = []
    convert(model, ConversionOptions(out, tflite=("float32",), **options), Callbacks(heard.append))
    return open_bundle(out).manifest, heard


@pytest.mark.parametrize("option", [{"gate": Gate}, {"calibration": Calibration}], ids=["verify", "calibrate"])
def test_a_classifier_without_labels_has_the_names_of_the_class_folders(data, model, tmp_path, option):
    ((name, kind),) = option.items()
    precisions = {"tflite": ("int8",)} if name == "calibration" else {"tflite": ("float32",)}
    heard = []
    convert(model, ConversionOptions(tmp_path / "net", **precisions, **{name: kind(data)}), Callbacks(heard.append))
    manifest = open_bundle(tmp_path / "net").manifest
    note = (
        f"assumed that the network's classes are those of {data} in sorted order: blue, green, red; "
        "--labels FILE says otherwise"
    )
    assert manifest.labels == ("blue", "green", "red")
    assert heard.count(note) == 1
    assert note in manifest.provenance["assumed"]
    assert NO_LABELS not in heard


def test_without_labels_anywhere_it_is_said_once(model, tmp_path):
    manifest, heard = converted(model, tmp_path / "net")
    assert manifest.labels == ()
    assert heard.count(NO_LABELS) == 1


def test_as_many_folders_as_classes_are_needed(model, tmp_path):
    two = image_folder(tmp_path / "two", train=1, test=1, labels=("blue", "red"))
    manifest, heard = converted(model, tmp_path / "net", gate=Gate(two))
    assert manifest.labels == ()
    assert heard.count(NO_LABELS) == 1


def known(*sets, **network_options):
    found = network(image((4, 4, 3)), **network_options)
    samples = [(Path(str(number)), Samples((), lambda: iter(()), classes=names)) for number, names in enumerate(sets)]
    heard = []
    return network_meaning.with_class_names(found, samples, heard.append)[0].labels, heard


def test_two_data_sets_that_differ_name_nothing():
    assert known(("a", "b", "c"), ("a", "b", "d")) == ((), [NO_LABELS])
    assert known(("a", "b", "c"), ("a", "b"))[0] == ("a", "b", "c")


def test_one_score_stands_for_two_classes():
    assert known(("no", "yes"), shape=(1, 1))[0] == ("no", "yes")


def test_labels_that_are_there_stay_and_other_tasks_have_none():
    assert known(("a", "b", "c"), labels=("x", "y", "z")) == (("x", "y", "z"), [])
    assert known(("a", "b", "c"), task="embed", role="embedding") == ((), [])


def test_many_names_are_not_all_shown():
    names = tuple(f"class {number:02}" for number in range(12))
    labels, (note,) = known(names, shape=(1, 12))
    assert labels == names
    assert "class 09, …; --labels" in note


def test_labels_named_after_the_model_are_read_and_said(model, tmp_path):
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes())
    (tmp_path / "labels.txt").write_text("1\n2\n3\n")
    (tmp_path / "net_labels.txt").write_text("0 sky\n1 grass\n2 rose\n")
    (tmp_path / "other_labels.txt").write_text("x\ny\nz\n")
    manifest, heard = converted(path, tmp_path / "bundle")
    assert manifest.labels == ("sky", "grass", "rose")
    assert f"3 labels read from {tmp_path / 'net_labels.txt'}" in heard
    (tmp_path / "net_labels.txt").unlink()
    assert converted(path, tmp_path / "again")[0].labels == ("1", "2", "3")


def test_labels_named_after_the_model_must_fit(model, tmp_path):
    path = tmp_path / model.name
    path.write_bytes(model.read_bytes())
    (tmp_path / "net_labels.txt").write_text("sky\ngrass\n")
    with pytest.raises(InputError, match=r"3 classes, got 2 in .*net_labels\.txt"):
        converted(path, tmp_path / "bundle")


@needs_shared
def test_a_published_model_with_its_labels_beside_it(tmp_path):
    manifest, _ = converted(shared("models", "wild", "teachable_machine_water.h5"), tmp_path / "net")
    assert (manifest.name, len(manifest.labels)) == ("teachable_machine_water", 2)


@pytest.mark.parametrize(
    ("given", "name"),
    [("sequential_4", "camera"), ("model_1", "camera"), ("functional", "camera"), ("sequential_camera", None)],
)
def test_a_bundle_is_named_after_the_file_where_keras_named_the_network(tmp_path, given, name):
    keras = colours.keras
    entry = keras.Input((8, 8, 3))
    keras.Model(entry, keras.layers.GlobalAveragePooling2D()(entry), name=given).save(tmp_path / "camera.keras")
    manifest, _ = converted(tmp_path / "camera.keras", tmp_path / "net")
    assert manifest.name == (name or given)


def test_a_name_of_a_model_in_memory_stays(tmp_path):
    assert converted(replace_name(colours.classifier(), "model_7"), tmp_path / "net")[0].name == "model_7"


def replace_name(model, name):
    return colours.keras.Model(model.inputs, model.outputs, name=name)
