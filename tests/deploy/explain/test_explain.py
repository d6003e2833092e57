"""``explain`` names the layer that does the damage, and says by figures what mends it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edge.deploy import explain
from edge.deploy._tensorflow import need
from edge.deploy.conversion import freeze, post_training, produce, tflite
from edge.deploy.conversion import recipe as recipes
from edge.deploy.conversion.reference import FileReference
from edge.deploy.conversion.source import open_source
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.conversion_options import Callbacks, ConversionOptions
from edge.deploy.explain import advice, plot, request
from edge.deploy.explain.explanation import Explanation
from edge.deploy.explain.trials import AS_CONVERTED
from edge.deploy.samples import NetworkInfo, Sample, Samples
from edge.errors import InputError
from edge.signature import Input, Output, Signature, TaskSpec
from tests.deploy.explain.networks import (
    far_logits,
    images,
    loud_channel,
    loud_images,
    ordinary,
    silent_images,
    wide_input,
    wide_output,
    wide_weights,
)


def subject_of(model, folder, method="minmax", calibrated=None, checked=None):
    """Return the int8 file of a model, calibrated on ``calibrated``, to be explained on ``checked``."""
    path = folder / "model.keras"
    model.save(path)
    return subject_of_file(path, folder, method, (), calibrated, checked)


def subject_of_file(path, folder, method="minmax", float_layers=(), calibrated=None, checked=None):
    """Return the int8 file of a model's file. Its input holds all values of both, as one of pixels holds all pixels."""
    calibrated = images(10) if calibrated is None else calibrated
    checked = calibrated if checked is None else checked
    source = open_source(str(path))
    entry, output = source.inputs[0], source.outputs[0]
    signature = Signature(
        (Input(entry.name, "tensor", entry.shape),), (Output(output.name, "tensor", output.shape),), TaskSpec("raw")
    )
    made, other = (
        [Sample(str(i), {entry.name: one[None]}) for i, one in enumerate(rows)] for rows in (calibrated, checked)
    )
    recipe = recipes.Recipe(("int8",), (), method, float_layers=float_layers)
    bounds = {entry.name: (float(min(calibrated.min(), checked.min())), float(max(calibrated.max(), checked.max())))}
    produce.make(source, recipe, [one.inputs for one in made], folder, bounds=bounds)
    network = NetworkInfo(signature, {entry.name: entry})
    calibration = Samples(tuple(one.id for one in made), lambda: iter(made))
    return explain.Subject(source, network, folder, method, calibration, lambda count: other[:count])


@pytest.fixture(scope="module")
def loud(tmp_path_factory):
    subject = subject_of(loud_channel(), tmp_path_factory.mktemp("loud"))
    return subject, explain.explain(subject, lambda stage: lambda done, total: None)


def test_the_worst_layer_is_named_and_mends_when_it_is_kept_in_float(loud):
    _, found = loud
    assert found.worst[0].layer == "loud"
    as_converted, method, worst, three = found.trials
    assert [t.what for t in found.trials] == [
        AS_CONVERTED,
        "--method mse",
        "with loud in float",
        "with the worst 2 layers in float",  # the third loses by the output's own steps
    ]
    assert worst.snr > as_converted.snr + 20
    assert three.snr >= worst.snr - 1
    assert method.snr < worst.snr
    assert found.suggestion.startswith(
        "no other method is better; loud loses most, by coarse steps: with --float-layers "
    )
    assert f"instead of {as_converted.snr:.1f}" in found.suggestion


@pytest.mark.parametrize("make", [tflite.to_float32, tflite.to_float16], ids=["float32", "float16"])
def test_a_float_file_is_its_own_float_network(loud, tmp_path, make):
    path = tmp_path / "net.tflite"
    path.write_bytes(make(freeze.freeze_keras(loud_channel())))
    subject = subject_of_file(path, tmp_path)
    assert request.fits(ConversionOptions("net"), subject.source, recipes.Recipe(("int8",)), Callbacks())
    found = explain.explain(subject, lambda stage: lambda done, total: None)
    assert [layer.layer for layer in found.layers] == ["image", "first", "loud", "quiet", "last"]
    assert (found.worst[0].layer, found.worst[0].cause) == ("loud", "range")
    of_keras = loud[1].trials
    assert [trial.what for trial in found.trials] == [trial.what for trial in of_keras]
    assert found.trials[0].snr == pytest.approx(of_keras[0].snr, abs=0.5)
    assert found.trials[2].snr > found.trials[0].snr + 20


def test_tensors_without_names_are_told_apart(tmp_path):
    file = TFLiteObject(tflite.to_float32(freeze.freeze_keras(loud_channel())))
    for index in file.names().values():
        if index not in (*file.inputs(), *file.outputs()):
            file.rename(index, "")
    path = tmp_path / "net.tflite"
    path.write_bytes(file.to_bytes())
    found = explain.explain(subject_of_file(path, tmp_path), lambda stage: lambda done, total: None)
    assert len({layer.tensor for layer in found.layers}) == 5
    assert found.layers.index(found.worst[0]) == 2  # the layer ``loud``


def test_what_is_explained_is_the_file_that_was_made(tmp_path):
    """A detector's last operations stay float where boxes and scores are one output."""
    keras = need("tf_keras")
    keras.utils.set_random_seed(0)
    entry = keras.Input((8, 8, 4), name="image")
    boxes = keras.layers.Conv2D(4, 1, name="boxes")(entry) * 200.0
    scores = keras.layers.Conv2D(3, 1, activation="sigmoid", name="scores")(entry)
    subject = subject_of(keras.Model(entry, keras.layers.Concatenate(name="both")([boxes, scores])), tmp_path)
    assert post_training.FloatStages.load(tmp_path).int8() == (tmp_path / "model_int8.tflite").read_bytes()
    found = explain.explain(subject, lambda stage: lambda done, total: None)
    assert found.layers[-1].layer == "both"
    assert found.layers[-1].step == 0  # float32
    assert found.trials[0].snr > 25


def test_layers_that_were_kept_in_float_are_so_in_the_explanation(loud, tmp_path):
    loud_channel().save(tmp_path / "model.keras")
    subject = subject_of_file(tmp_path / "model.keras", tmp_path, float_layers=("loud",))
    assert post_training.FloatStages.load(tmp_path).int8() == (tmp_path / "model_int8.tflite").read_bytes()
    found = explain.explain(subject, lambda stage: lambda done, total: None)
    assert found.trials[0].snr == pytest.approx(loud[1].trials[2].snr, abs=0.1)
    assert found.worst[0].layer != "loud"


def test_a_float_file_without_an_int8_file_has_nothing_to_explain(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite.to_float32(freeze.freeze_keras(loud_channel())))
    with pytest.raises(InputError, match="is about the int8 file, and none is made: give --calibrate DATA"):
        request.fits(ConversionOptions("net"), open_source(str(path)), recipes.Recipe(("float32",)), Callbacks())


def test_it_is_told_in_lines_and_in_json(loud, tmp_path):
    _, found = loud
    lines = list(found.text())
    assert lines[0] == "what model_int8.tflite loses, by layer, on 8 sample(s), in dB of signal to noise:"
    assert lines[3].split()[-4:] == ["loud", "CONV_2D", "coarse", "steps"]
    assert any(line.startswith("  with loud in float") for line in lines)
    assert lines[-1] == f"suggestion: {found.suggestion}"
    raw = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert raw["worst"][0] == found.worst[0].tensor
    assert [layer["layer"] for layer in raw["layers"]] == ["image", "first", "loud", "quiet", "last"]
    assert raw["trials"][2]["figures"]["samples"] == 10
    plot.write(found, tmp_path / "layers.png")
    assert (tmp_path / "layers.png").read_bytes().startswith(b"\x89PNG")


def test_a_better_method_is_suggested(loud):
    _, found = loud
    better = replace(found.trials[1], snr=found.trials[0].snr + 3)
    assert replace(found, trials=(found.trials[0], better)).suggestion.startswith("convert with --method mse: ")


def test_nothing_helps_is_said_too(loud):
    _, found = loud
    assert "no single layer is to blame" in replace(found, trials=found.trials[:1]).suggestion
    assert list(Explanation("f", 1, (), found.trials[:1]).text())


def explained(folder, model, method="mse", calibrated=None, checked=None):
    subject = subject_of(model, folder, method, calibrated, checked)
    return explain.explain(subject, lambda stage: lambda done, total: None)


ONLY = {
    "steps of the output": (
        wide_output, images(10), None, ("last", "coarse steps"),
        ["the output's own 256 steps (last), which no training makes finer, and --io float32 alone",
         "; what helps: --float-layers last --io float32 gives ", ", --tflite int16x8 gives "],
    ),
    "steps of the input": (
        wide_input, loud_images(10), None, ("image", "coarse steps"),
        ["the input's own 256 steps (image)", "; what helps: --float-layers first --io float32 gives ",
         ", --tflite int16x8 gives "],
    ),
    "clipped values": (
        ordinary, images(10) * np.float32(0.2), images(10, 1), ("first", "clipped values"),
        ["is by clipping: ", " lie beyond the range of the calibration samples; give more --samples for --calibrate, ",
         "or data that show such values; --method "],
    ),
    "rounded weights": (
        wide_weights, silent_images(10), None, ("first", "rounded weights"),
        ["no other method is better; first loses most, by rounded weights: with --float-layers ",
         ", and quantization-aware training (edge-compress --qat, for models of Keras 2) can mend it in int8"],
    ),
    "steps inside": (
        loud_channel, images(10), None, ("loud", "coarse steps"),
        ["no other method is better; loud loses most, by coarse steps: with --float-layers loud",
         ", and quantization-aware training (edge-compress --qat, for models of Keras 2) can mend it in int8"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", ["mse", "minmax"])
@pytest.mark.parametrize("cause", ONLY)
def test_the_advice_follows_from_the_only_cause(tmp_path, cause, method):
    make, calibrated, checked, worst, words = ONLY[cause]
    found = explained(tmp_path, make(), method, calibrated, checked)
    assert (found.worst[0].layer, advice.loss(found.worst[0])) == worst
    assert sum(row.share for row in found.layers if advice.loss(row) == worst[1]) > 0.9
    for part in words:
        assert part in found.suggestion
    assert ("--qat" in found.suggestion) == (cause in ("rounded weights", "steps inside"))
    sixteen = next((trial for trial in found.trials if trial.option == "--tflite int16x8"), None)
    assert (sixteen is not None) == cause.endswith("put")
    assert sixteen is None or sixteen.snr > found.trials[0].snr + 20  # 8 bits more are 48 dB


def test_a_layer_in_float_has_the_weights_from_before_they_were_rounded(tmp_path):
    found = explained(tmp_path, wide_weights(), "minmax", silent_images(10))
    assert [trial.what for trial in found.trials][2] == "with first in float"
    assert found.trials[2].snr > found.trials[0].snr + 10


def test_where_no_answer_changes_the_file_can_stay(tmp_path):
    found = explained(tmp_path, wide_output())
    figures = found.trials[0].figures._replace(measure="top-1", unit="%", agreement=100.0)
    first = replace(found.trials[0], figures=figures)
    kept = "the answers do not change by it (top-1 100 % on 10 sample(s)), and the file can stay as it is"
    assert replace(found, trials=(first, *found.trials[1:])).suggestion.endswith(kept)
    for less in (replace(first, figures=figures._replace(agreement=99.0)), replace(first, snr=3.0)):
        assert kept not in replace(found, trials=(less, *found.trials[1:])).suggestion


def test_the_advice_for_a_layer_says_where_the_file_can_stay_and_where_an_output_loses_more(loud):
    _, found = loud
    figures = found.trials[0].figures._replace(measure="top-1", unit="%", agreement=100.0)
    same = replace(found, trials=(replace(found.trials[0], figures=figures, snr=21.0), *found.trials[1:]))
    assert same.suggestion.endswith("(top-1 100 % on 10 sample(s)), and the file can stay as it is")
    last = next(layer for layer in found.layers if layer.at_output and layer.share > 0)
    rows = tuple(replace(row, share=0.4 if row is last else row.share * 0.6) for row in found.layers)
    most = tuple(replace(row, share=0.35 if row.layer == "loud" else row.share) for row in rows)
    assert "loud loses most inside of the network, by coarse steps" in replace(found, layers=most).suggestion


def test_a_device_of_int8_layers_alone_is_advised_none_in_float(tmp_path):
    """A Coral's Edge TPU leaves a float layer, and all that follows it, on the CPU."""
    subject = replace(subject_of(loud_channel(), tmp_path), int8_only=True)
    found = explain.explain(subject, lambda stage: lambda done, total: None)
    assert not any("--float-layers" in trial.option for trial in found.trials)
    assert found.suggestion.startswith("no other method is better; loud loses most, by coarse steps, which quant")


def test_a_network_without_one_cause_is_told_to_be_trained(tmp_path):
    found = explained(tmp_path, ordinary())
    assert "--qat" in found.suggestion
    assert [trial.what for trial in found.trials][-1] in (
        "with the worst 2 layers in float",
        "with the worst 3 layers in float",
    )


@pytest.mark.parametrize(
    ("make", "rows", "layers", "io"),
    [
        pytest.param(wide_output, images(10), "last", "float32", id="output"),
        pytest.param(wide_input, loud_images(10), "first", "float32", id="input"),
        pytest.param(wide_weights, silent_images(10), "first", "int8", id="weights"),
        pytest.param(loud_channel, images(10), "loud", "int8", id="steps inside"),
    ],
)
def test_the_option_of_a_trial_makes_the_file_that_was_tried(tmp_path, make, rows, layers, io):
    subject = subject_of(make(), tmp_path, "mse", rows)
    found = explain.explain(subject, lambda stage: lambda done, total: None)
    option = f"--float-layers {layers}" + (" --io float32" if io == "float32" else "")
    (trial,) = [trial for trial in found.trials if trial.option == option]
    name = subject.source.inputs[0].name
    bounds = {name: (float(rows.min()), float(rows.max()))}
    (tmp_path / "again").mkdir()
    recipe = recipes.Recipe(("int8",), (), "mse", io, float_layers=(layers,))
    given = [{name: one[None]} for one in rows]
    (made,) = produce.make(subject.source, recipe, given, tmp_path / "again", bounds=bounds)
    (got,) = FileReference(made.path)({name: rows}).values()
    (expected,) = subject.source.reference({name: rows}).values()
    noise = np.square(got.reshape(expected.shape) - expected).sum() / np.square(expected).sum()
    assert -10 * np.log10(noise) == pytest.approx(trial.snr, abs=0.5)
    assert trial.snr > found.trials[0].snr + 10


def test_logits_that_a_last_sigmoid_cuts_off_are_no_loss(tmp_path):
    """Their int8 range ends where the 256 values of the sigmoid end, see ``saturation``."""
    found = explained(tmp_path, far_logits())
    last = next(layer for layer in found.layers if layer.layer == "last")
    assert last.clipped == 0
    assert found.trials[0].snr > 30
    assert "clipping" not in found.suggestion


def test_without_a_sample_it_says_so(loud):
    subject, _ = loud
    with pytest.raises(InputError, match="needs a sample that can be decoded"):
        explain.explain(replace(subject, samples=lambda count: []), lambda stage: lambda done, total: None)


def test_a_quantization_aware_model_has_no_use_for_it(loud):
    subject, _ = loud
    lines = []
    callbacks = Callbacks(lines.append, lambda stage: lambda done, total: None)
    recipe, options = recipes.Recipe(("int8",)), ConversionOptions("net")
    assert request.fits(options, subject.source, recipe, callbacks)
    assert not request.fits(options, replace(subject.source, quantize_aware=True), recipe, callbacks)
    assert lines == [
        "--explain has no use: the ranges of net were trained, and there is no float network to compare its layers with"
    ]


def test_figures_are_the_same_each_time(loud):
    subject, found = loud
    again = explain.explain(subject, lambda stage: lambda done, total: None)
    np.testing.assert_equal([row.share for row in again.layers], [row.share for row in found.layers])
