"""What a model's outputs mean: what somebody says before the record, the record before what is recognized."""

import numpy as np
import pytest

from edge.deploy.conversion.source import SourceModel
from edge.deploy.signature import Pixels, SignatureOptions, find_signature
from edge.errors import InputError
from edge.models.training.training_record import signature_of
from edge.tensors import Quantization, TensorSpec

IMAGE = ("image", (1, 32, 48, 3))
SCORES = ("scores", (1, 5))


def source(inputs=(IMAGE,), outputs=(SCORES,), **choices):
    return SourceModel("net", tuple(map(spec, inputs)), tuple(map(spec, outputs)), lambda rows: {}, **choices)


def spec(row):
    name, shape, *rest = row
    return TensorSpec(name, shape, np.dtype(rest[0] if rest else np.float32), rest[1] if len(rest) > 1 else None)


@pytest.fixture
def find(tmp_path):
    """Return what finds the signature of a source of which no file can be read."""
    return lambda source, options=None: find_signature(
        source, options or SignatureOptions(), lambda: tmp_path / "none.tflite"
    )


RECORD = {"input_shape": [32, 48, 3], "mean": [10.0], "std": [20.0]}


def test_a_classifiers_record(find):
    found = find(source(record=RECORD))
    (entry,), (output,) = found.signature.inputs, found.signature.outputs
    assert (entry.name, entry.kind, entry.format.mean, entry.format.std) == ("image", "image", (10.0,), (20.0,))
    assert (output.name, output.role) == ("scores", "scores")
    assert (found.signature.task.name, found.signature.task.parameters) == ("classify", {"activation": "none"})
    assert found.notes == ()


def test_with_a_record_no_file_is_looked_at():
    def file():
        raise AssertionError("nothing has to be converted for it")

    assert find_signature(source(record=RECORD), SignatureOptions(), file).signature.task.name == "classify"


def test_what_somebody_says_of_pixels_counts_more_than_the_record(find):
    pixels = Pixels(mean=(1.0, 2.0, 3.0), resize="letterbox", colour="BGR")
    form = find(source(record=RECORD), SignatureOptions(pixels=pixels)).signature.image.format
    assert (form.mean, form.std, form.resize, form.colour) == ((1.0, 2.0, 3.0), (20.0,), "letterbox", "BGR")


def test_a_detectors_record_brings_its_anchors_and_the_outputs_keep_their_own_order(find):
    anchors = {"strides": [16], "ratios": [2.0], "scales": [0.2, 0.9]}
    outputs = (("scores", (1, 24, 3)), ("boxes", (1, 24, 4)))
    rows = [{"name": "boxes", "role": "boxes"}, {"name": "scores", "role": "scores"}]
    task = {"name": "detect", "decoder": "ssd", "parameters": {"anchors": anchors}}
    entry = {"kind": "image", "mean": [0.0], "std": [255.0], "colour": "RGB", "resize": "stretch"}
    record = {"signature": {"inputs": [entry], "outputs": rows, "task": task}}
    found = find(source(outputs=outputs, record=record)).signature
    assert [(output.name, output.role) for output in found.outputs] == [("scores", "scores"), ("boxes", "boxes")]
    assert (found.task.decoder, found.task.parameters["anchors"]) == ("ssd", anchors)


MASKS = (("probabilities", (1, 32, 48, 2)),)


@pytest.mark.parametrize(("view", "resize"), [("crop", "tile"), ("resize", "stretch")])
def test_how_pictures_were_read_is_the_resize_and_no_parameter_of_the_task(find, view, resize):
    record = {**RECORD, "view": view}
    for one in (record, {"signature": signature_of(record)}):  # from before signatures, and with one
        found = find(source(outputs=MASKS, record=one)).signature
        assert (found.task.name, found.outputs[0].role) == ("segment", "mask")
        assert "view" not in found.task.parameters
        assert found.image.format.resize == resize


def test_somebody_may_say_that_windows_are_not_wanted(find):
    options = SignatureOptions(pixels=Pixels(resize="stretch"))
    found = find(source(outputs=MASKS, record={**RECORD, "view": "crop"}), options).signature
    assert found.image.format.resize == "stretch"


def test_tiles_for_a_task_that_cannot_join_them_are_one_line(find):
    with pytest.raises(InputError, match="got task classify; state resize stretch, letterbox or crop"):
        find(source(record=RECORD), SignatureOptions(pixels=Pixels(resize="tile")))


def test_a_sounds_record_makes_its_input_a_tensor_though_it_looks_like_a_picture(find):
    record = {"input_shape": [49, 40, 1], "sound": {"rate": 8000, "samples": 8000, "kind": "mfcc", "hop": 1}}
    (entry,) = find(source((("x", (1, 49, 40, 1)),), record=record)).signature.inputs
    assert (entry.kind, entry.format) == ("tensor", None)


def test_a_clips_record_says_how_its_pixels_become_numbers(find):
    record = {**RECORD, "input_shape": [8, 32, 32, 3], "clip": {"step": 2}}
    found = find(source((("clip", (1, 8, 32, 32, 3)),), record=record))
    (entry,) = found.signature.inputs
    assert (entry.kind, entry.format.mean, entry.format.std) == ("image", (10.0,), (20.0,))
    assert found.notes == ()


def test_another_task_than_the_records_is_recognized(find):
    found = find(source(record=RECORD), SignatureOptions(task="embed"))
    assert (found.signature.task.name, found.signature.outputs[0].role) == ("embed", "embedding")
    assert found.signature.image.format.mean == (10.0,)  # of the pixels the record is right


@pytest.mark.parametrize(
    ("record", "words"),
    [
        pytest.param({**RECORD, "anchors": {}}, "is no record of its training", id="a part is missing"),
        pytest.param({"signature": {"inputs": []}}, "is no record of its training", id="half a signature"),
        pytest.param({"input_shape": 3, "mean": 1}, "is no record of its training", id="other types"),
        pytest.param({**RECORD, "mean": [1.0, 2.0]}, "not fit it: mean must be one number or 3, got 2", id="numbers"),
        pytest.param({**RECORD, "mean": "abc"}, r"mean in train\.json .* one for each channel, got 'abc'", id="text"),
        pytest.param({**RECORD, "std": None}, r"std in train\.json .* one for each channel, got None", id="nothing"),
        pytest.param({**RECORD, "std": [1, "2", 3]}, r"std in train\.json .* each channel, got \[1, '2', 3\]", id="a"),
        pytest.param({**RECORD, "mean": [float("nan")]}, r"mean in train\.json .* be finite, got \[nan\]", id="NaN"),
        pytest.param({**RECORD, "mean": []}, r"mean in train\.json .* one for each channel, got \[\]", id="empty"),
        pytest.param({"mean": "abc"}, r"mean in train\.json .* one for each channel, got 'abc'", id="only pixels"),
        pytest.param({**RECORD, "anchors": {}}, "it lacks the entry 'strides'; move it away", id="what is missing"),
    ],
)
def test_a_record_that_is_none_is_one_line(find, record, words):
    with pytest.raises(InputError, match=words) as caught:
        find(source(record=record), SignatureOptions(labels=5))
    assert "\n" not in str(caught.value)
    assert "Error" not in str(caught.value)


def test_one_number_in_a_record_is_that_of_all_channels(find):
    found = find(source(record={**RECORD, "mean": 10, "std": 20})).signature.image.format
    assert (found.mean, found.std) == ((10.0,), (20.0,))


def test_without_a_record_it_is_recognized_and_what_was_assumed_is_said(find):
    found = find(source(), SignatureOptions(labels=5))
    assert (found.signature.task.name, found.signature.image.format.mean) == ("classify", (127.5,))
    assert any("5" in note and "classify" in note for note in found.notes)
    assert any("--mean" in note for note in found.notes)
    assert find(source()).signature.task.name == "raw"


def test_a_network_that_scales_its_pixels_itself_gets_them_as_they_are(find):
    found = find(source(rescales=True))
    assert (found.signature.image.format.mean, found.signature.image.format.std) == ((0.0,), (1.0,))
    assert found.notes[-1] == "pixels taken from 0 to 255, which the network scales itself"
    assert not any("assumed -1 to 1" in note for note in found.notes)
    said = find(source(rescales=True), SignatureOptions(pixels=Pixels(mean=(5.0,), std=(2.0,))))
    assert (said.signature.image.format.mean, said.signature.image.format.std) == ((5.0,), (2.0,))
    assert not any("Rescaling" in note for note in said.notes)
    recorded = find(source(rescales=True, record={"mean": [3.0], "std": [4.0]}))
    assert recorded.signature.image.format.mean == (3.0,)
    integers = find(source((("image", (1, 32, 48, 3), np.uint8),), rescales=True))
    assert not any("Rescaling" in note for note in integers.notes)
    tensor = find(source(rescales=True), SignatureOptions(kind="tensor"))
    assert not any("Rescaling" in note for note in tensor.notes)


def test_parameters_are_added_to_those_that_were_found(find):
    found = find(source(record=RECORD), SignatureOptions(parameters={"top": 3, "activation": "softmax"}))
    assert found.signature.task.parameters == {"activation": "softmax", "top": 3}


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [
        pytest.param((1, 32, 48, 3), np.float32, "image", id="colour"),
        pytest.param((1, 28, 28, 1), np.float32, "image", id="grey"),
        pytest.param((1, 28, 28), np.float32, "image", id="grey without channels"),
        pytest.param((1, 3, 32, 48), np.float32, "image", id="channels first"),
        pytest.param((1, 30, 1, 40), np.float32, "tensor", id="a series as a map"),
        pytest.param((1, 49, 10, 1), np.float32, "tensor", id="coefficients of a sound"),
        pytest.param((1, 6, 32), np.float32, "tensor", id="rows of features"),
        pytest.param((1, 8000, 1), np.float32, "tensor", id="a waveform"),
        pytest.param((1, 56), np.int32, "tensor", id="tokens"),
        pytest.param((1, 256), np.float32, "tensor", id="a vector"),
        pytest.param((256,), np.float32, "tensor", id="a vector without a batch"),
        pytest.param((1, 1, 256), np.float32, "tensor", id="a signal of one channel"),
        pytest.param((1, 8, 32, 32, 3), np.float32, "image", id="a clip"),
        pytest.param((1, 8, 32, 32, 7), np.float32, "tensor", id="a volume"),
    ],
)
def test_pictures_are_told_by_their_shapes(find, shape, dtype, kind):
    (entry,) = find(source((("x", shape, dtype),)), SignatureOptions(task="classify")).signature.inputs
    assert (entry.kind, entry.format is not None) == (kind, kind == "image")


def test_a_tensor_is_never_asked_for_a_colour(find):
    """(1, 30, 1, 40) has one channel or forty, and is no picture at all."""
    (entry,) = find(source((("x", (1, 30, 1, 40)),)), SignatureOptions(task="raw", pixels=Pixels())).signature.inputs
    assert entry.kind == "tensor"


def test_somebody_may_say_that_a_picture_is_none(find):
    found = find(source(), SignatureOptions(kind="tensor", task="classify"))
    assert [entry.kind for entry in found.signature.inputs] == ["tensor"]
    assert not any("pixels" in note for note in found.notes)


def test_a_picture_has_channels(find):
    with pytest.raises(InputError, match="colour RGB needs 3 channel"):
        find(source((("x", (1, 30, 32, 40)),)), SignatureOptions(kind="image", task="raw"))


def test_a_quantized_file_s_pixels_fill_its_range_unless_somebody_says_otherwise(find):
    entry = ("image", (1, 32, 48, 3), np.uint8, Quantization(1 / 255, 0))
    (own,) = find(source((entry,)), SignatureOptions(task="classify")).signature.inputs
    (scaled,) = find(
        source((entry,)), SignatureOptions(task="classify", pixels=Pixels((0.0,), (255.0,)))
    ).signature.inputs
    assert own.format == scaled.format  # the file's own scale says the same
    assert own.dtype == "float32"


@pytest.mark.parametrize(
    ("network", "outputs", "task"),
    [
        pytest.param("mobilenet_v2", (SCORES,), ("classify", None), id="classify"),
        pytest.param("unet_mobilenet_v2", (("maps", (1, 32, 48, 21)),), ("segment", None), id="segment"),
        pytest.param(
            "ssdlite_mobilenet_v2",
            (("boxes", (1, 72, 4)), ("scores", (1, 72, 21))),
            ("detect", "ssd"),
            id="detect",
        ),
        pytest.param("keypoints_mobilenet_v2", (("maps", (1, 8, 12, 17)),), ("keypoints", "heatmaps"), id="keypoints"),
        pytest.param("mobilefacenet", (("vector", (1, 128)),), ("embed", None), id="embed"),
        pytest.param("dcgan_discriminator", (("verdict", (1, 1)),), ("raw", None), id="none of ours"),
    ],
)
def test_networks_of_the_zoo_say_what_they_are_for(find, network, outputs, task):
    found = find(source(outputs=outputs, network=network, trained=False)).signature.task
    assert (found.name, found.decoder) == task


def test_an_input_without_axes_is_no_picture(find):
    found = find(source(inputs=[("x", ())]), SignatureOptions(task="raw"))
    assert [entry.kind for entry in found.signature.inputs] == ["tensor"]


def test_one_channel_has_one_mean(find):
    options = SignatureOptions(task="raw", pixels=Pixels(mean=(0.0, 0.0, 0.0), std=(255.0,)))
    with pytest.raises(InputError, match="--mean must be one number, as there is one channel, got 3"):
        find(source(inputs=[("x", (1, 24, 24, 1))]), options)
