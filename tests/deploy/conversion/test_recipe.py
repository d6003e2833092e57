from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy.conversion import produce, unrolling
from edge.deploy.conversion import recipe as recipes
from edge.deploy.conversion.file_precision import file_precision
from edge.deploy.conversion.freeze import freeze_keras
from edge.deploy.conversion.produce import make
from edge.deploy.conversion.recipe import Recipe, default_recipe
from edge.deploy.conversion.source import SourceModel
from edge.errors import InputError
from edge.tensors import dequantize, quantize
from tests import tflite_file
from tests.backends import models
from tests.deploy.keras_files import CLASSES, SIZE, keras, run_frozen, small


def source(file=None, frozen=None, **choices):
    """Return a source that no reference is asked of."""
    border = _border(file) if file else (frozen.input_specs, frozen.output_specs) if frozen else ((), ())
    return SourceModel("net", *border, reference=lambda inputs: {}, file=file, frozen=frozen, **choices)


def _border(file):
    with open_model(file) as model:
        return model.inputs, model.outputs


@pytest.fixture(scope="module")
def keras_source():
    return source(frozen=freeze_keras(small()))


def samples(count=16):
    return list(np.random.default_rng(0).uniform(-1, 1, (count, 1, *SIZE)).astype(np.float32))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        pytest.param(
            {"tflite": ("int4",)}, "one of float32, float16, dynamic, int8, int16x8, got 'int4'", id="unknown precision"
        ),
        pytest.param({"onnx": ("INT8",)}, "got 'INT8'", id="case counts"),
        pytest.param(
            {"onnx": ("dynamic",)}, "of ONNX must be one of float32, float16, int8, got 'dynamic'", id="no such ONNX"
        ),
        pytest.param({"tflite": (), "onnx": ()}, "nothing to convert to", id="nothing"),
        pytest.param({"io": "int16"}, "inputs and outputs must be one of int8, uint8, float32", id="border"),
        pytest.param({"opset": 12}, "opset must be 13 to 18, got 12", id="opset without scales per channel"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(choice, words):
    with pytest.raises(InputError, match=words):
        Recipe(**choice)


def test_precisions_are_those_that_some_file_needs_float32_first():
    assert Recipe(("int8",), ("float32",)).precisions == ("float32", "int8")
    assert Recipe((), ("int8",)).precisions == ("int8",)


@pytest.mark.parametrize(
    ("choices", "calibrates", "expected"),
    [
        pytest.param({}, True, Recipe(("float32", "int8"), ("float32", "int8")), id="Keras with images"),
        pytest.param({}, False, Recipe(("float32",), ("float32",)), id="Keras without"),
        pytest.param({"quantize_aware": True}, False, Recipe(("int8",), ("int8",)), id="quantization-aware"),
    ],
)
def test_the_default_makes_all_that_the_source_allows(choices, calibrates, expected):
    assert default_recipe(source(**choices), calibrates) == expected


def test_the_default_of_a_file_keeps_its_precision(tmp_path):
    for int8, precision in ((False, "float32"), (True, "int8")):
        path = models.tflite_conv(tmp_path / f"{precision}.tflite", int8=int8)
        assert file_precision(path) == precision
        assert default_recipe(source(file=path), False) == Recipe((precision,), (precision,))
    assert default_recipe(source(file=path), True) == Recipe(("int8",), ("int8",))  # it has its ranges
    path = models.onnx_conv(tmp_path / "net.onnx")
    assert default_recipe(source(file=path), False) == Recipe((), ("float32",))
    assert default_recipe(source(file=path), True) == Recipe((), ("float32", "int8"))


def test_everything_from_one_function(tmp_path, keras_source):
    both = ("float32", "int8")
    made = make(keras_source, Recipe(both, both), samples(), tmp_path)
    names = ["model_float32.tflite", "model_float32.onnx", "model_int8.tflite", "model_int8.onnx"]
    assert [m.path.name for m in made] == names
    assert [(m.artifact.format, m.artifact.precision) for m in made] == [
        (form, precision) for precision in both for form in ("tflite", "onnx")
    ]
    for m, dtype in zip(made, (np.float32, np.float32, np.int8, np.uint8), strict=True):
        assert [stored.name for stored in m.artifact.files] == [m.path.name]
        assert m.artifact.tensors.inputs == {"input": "input"}
        with open_model(m.path) as model:
            assert model.inputs[0].dtype == dtype
            assert model.outputs[0].shape == (1, CLASSES)
    assert tflite_file.tensor_dtypes(made[2].path.read_bytes()) == {"int8", "int32"}


def test_smaller_weights_are_near_the_float_file(tmp_path):
    """A wide dense layer, whose weights are most of the file: 16 bits are half of it, 8 bits a quarter."""
    layers = [keras.Input((64,)), keras.layers.Dense(1024), keras.layers.Dense(8)]
    wide = source(frozen=freeze_keras(keras.Sequential(layers)))
    rows = list(np.random.default_rng(2).normal(size=(8, 1, 64)).astype(np.float32))
    made = make(wide, Recipe(("float32", "float16", "dynamic", "int8", "int16x8")), rows, tmp_path)
    sizes = {one.artifact.precision: one.path.stat().st_size for one in made}
    # Besides a quarter for the weights, 1,024 channels have a scale, a zero point and a bias of 32 or 64 bits each.
    assert sizes["int8"] < 0.37 * sizes["float32"]
    assert sizes["int16x8"] < 0.41 * sizes["float32"]
    files = {one.artifact.precision: one.path for one in made if "int" not in one.artifact.precision}
    assert list(files) == ["float32", "float16", "dynamic"]
    assert sizes["float16"] < 0.55 * sizes["float32"]
    assert sizes["dynamic"] < 0.3 * sizes["float32"]
    values = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32)
    outputs = {}
    for precision, path in files.items():
        with open_model(path) as model:
            assert {spec.dtype for spec in (*model.inputs, *model.outputs)} == {np.dtype(np.float32)}
            outputs[precision] = model.run([values])[0]
    scale = np.abs(outputs["float32"]).max()
    # 11 bits and 8 bits of each weight, and 8 bits of the activations; errors of 1,024 products partly cancel.
    np.testing.assert_allclose(outputs["float16"], outputs["float32"], atol=1e-3 * scale)
    np.testing.assert_allclose(outputs["dynamic"], outputs["float32"], atol=3e-2 * scale)


def test_only_what_is_asked_for_is_listed(tmp_path, keras_source):
    made = make(keras_source, Recipe((), ("float32",)), None, tmp_path)
    assert [m.path.name for m in made] == ["model_float32.onnx"]


def test_int8_without_samples_is_refused(tmp_path, keras_source):
    with pytest.raises(InputError, match="int8 needs calibration samples"):
        make(keras_source, Recipe(("int8",)), iter(()), tmp_path)


def test_a_quantization_aware_model_has_no_float_file(tmp_path, keras_source):
    simulated = source(frozen=keras_source.frozen, quantize_aware=True)
    with pytest.raises(InputError, match="converts to int8 only, got float32"):
        make(simulated, Recipe(("float32",)), None, tmp_path)


def test_a_finished_file_is_copied_and_becomes_onnx(tmp_path):
    path = models.tflite_conv(tmp_path / "net.tflite")
    (tmp_path / "out").mkdir()
    made = make(source(file=path), Recipe(("float32",), ("float32",)), None, tmp_path / "out")
    assert [m.artifact.format for m in made] == ["tflite", "onnx"]
    assert made[0].path.read_bytes() == path.read_bytes()
    image = np.random.default_rng(0).normal(size=models.IMAGE).astype(np.float32)
    with open_model(made[1].path) as model:
        np.testing.assert_allclose(model.run([image])[0], models.float_features(image), atol=1e-4)


@pytest.mark.parametrize(
    ("int8", "recipe", "words"),
    [
        pytest.param(True, Recipe(("float32",)), "is int8; float32 needs the model", id="int8 to float32"),
        pytest.param(True, Recipe((), ("float16",)), "is int8; float16 needs the model", id="int8 to float16"),
        pytest.param(True, Recipe(("int8",), io="uint8"), "--io is for files that are quantized here", id="border"),
        pytest.param(False, Recipe(("dynamic",)), "is float32; dynamic needs the model", id="dynamic"),
        pytest.param(False, Recipe(("float16",)), "is float32; float16 needs the model", id="float16"),
    ],
)
def test_a_finished_file_becomes_what_it_can(tmp_path, int8, recipe, words):
    path = models.tflite_conv(tmp_path / "net.tflite", int8=int8)
    with pytest.raises(InputError, match=words):
        make(source(file=path), recipe, samples(), tmp_path)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        pytest.param(Recipe(("float32",)), "becomes no .tflite file without onnx2tf", id="the other format"),
        pytest.param(Recipe((), ("int8",)), "int8 needs calibration samples", id="int8 without samples"),
    ],
)
def test_an_onnx_file_stays_what_it_is(tmp_path, recipe, words):
    path = models.onnx_conv(tmp_path / "net.onnx")
    with pytest.raises(InputError, match=words):
        make(source(file=path), recipe, None, tmp_path)


def test_an_onnx_file_is_copied(tmp_path):
    path = models.onnx_conv(tmp_path / "net.onnx")
    (made,) = make(source(file=path), Recipe((), ("float32",)), None, tmp_path)
    assert made.path == Path(tmp_path / "model_float32.onnx")
    assert made.path.read_bytes() == path.read_bytes()


STEPS = unrolling.MOST_STEPS + 1


def recurrent():
    """Return a network with more steps than are unrolled."""
    return source(frozen=freeze_keras(keras.Sequential([keras.Input((STEPS, 3)), keras.layers.LSTM(4)])))


def test_a_network_with_a_loop_becomes_float32_only(tmp_path):
    looped = recurrent()
    assert default_recipe(looped, True) == Recipe(("float32",), ("float32",))
    made = make(looped, Recipe(("float32",)), None, tmp_path)
    x = np.random.default_rng(0).normal(size=(1, STEPS, 3)).astype(np.float32)
    with open_model(made[0].path) as model:
        (got,) = model.run([x])
    (name,) = looped.frozen.outputs
    np.testing.assert_allclose(got, run_frozen(looped.frozen, x)[0], atol=1e-6)
    assert made[0].artifact.tensors.outputs == {name: name}


def test_int8_of_a_loop_is_refused_before_anything_runs(tmp_path):
    def samples():
        raise AssertionError("no sample may be read")
        yield

    for refuse in (recipes.check, lambda *args: make(*args, samples(), tmp_path)):
        with pytest.raises(InputError, match="no int8 file, because it has a loop, as recurrent layers have") as caught:
            refuse(recurrent(), Recipe(("int8",)))
        assert "\n" not in str(caught.value)


def test_a_network_of_the_zoo_may_have_no_int8_kernels(monkeypatch):
    row = replace(recipes.NETWORKS["lenet5"], float_only="an operation has none")
    monkeypatch.setitem(recipes.NETWORKS, "lenet5", row)
    zoo = source(frozen=freeze_keras(small()), network="lenet5")
    assert default_recipe(zoo, True) == Recipe(("float32",), ("float32",))
    with pytest.raises(InputError, match="net has no int8 file, because an operation has none"):
        recipes.check(zoo, Recipe(("int8",)))


def no_onnx(*args):
    raise InputError("model_float32.tflite has operations without an ONNX form: TFL_BUCKETIZE")


def test_an_onnx_file_that_nobody_asked_for_may_be_missing(tmp_path, monkeypatch, keras_source):
    monkeypatch.setattr(produce.onnx, "from_tflite", no_onnx)
    both, reported = Recipe(("float32",), ("float32",)), []
    made = make(keras_source, both, None, tmp_path, report=reported.append)
    assert [m.path.name for m in made] == ["model_float32.tflite"]
    assert reported == [
        "no model_float32.onnx: model_float32.tflite has operations without an ONNX form: TFL_BUCKETIZE"
    ]
    with pytest.raises(InputError, match="without an ONNX form"):
        make(keras_source, both, None, tmp_path)


def test_a_file_that_is_there_already_is_not_made_again(tmp_path, monkeypatch, keras_source):
    first = produce.first_file(keras_source, tmp_path)
    assert first == tmp_path / "model_float32.tflite"
    monkeypatch.setattr(produce.tflite, "to_float32", None)
    (made,) = make(keras_source, Recipe(("float32",)), None, tmp_path)
    assert made.path == first


def several():
    """Tokens, a picture and numbers in; three outputs, two of one shape."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    tokens, picture = keras.Input((6,), dtype="int32", name="tokens"), keras.Input(SIZE, name="picture")
    numbers = keras.Input((4,), name="numbers")
    x = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(picture))
    # As large as what it is joined with, which has one range with it.
    table = layers.Embedding(20, 3, keras.initializers.RandomUniform(-2, 2))
    y = layers.Flatten()(table(tokens))
    joined = layers.Concatenate()([x, y, layers.Dense(3)(numbers)])
    outputs = {"scores": layers.Dense(5, activation="softmax")(joined), "left": layers.Dense(4)(x)}
    return keras.Model([tokens, picture, numbers], {**outputs, "right": layers.Dense(4)(y)})


def drawn(rng):
    return {
        "tokens": rng.integers(0, 20, (1, 6)),
        "picture": rng.normal(size=(1, *SIZE)).astype(np.float32),
        "numbers": rng.normal(size=(1, 4)).astype(np.float32),
    }


def test_several_inputs_and_outputs_become_every_kind_of_file(tmp_path):
    network = several()
    both, rng = ("float32", "int8"), np.random.default_rng(0)
    converted = source(frozen=freeze_keras(network))
    made = make(converted, Recipe(both, both), [drawn(rng) for _ in range(40)], tmp_path)
    given = drawn(rng)
    expected = network([given["tokens"], given["picture"], given["numbers"]])
    for m in made:
        names = m.artifact.tensors
        with open_model(m.path) as model:
            by_name = {spec.name: spec for spec in model.inputs}
            assert by_name[names.inputs["tokens"]].dtype == np.int32
            to_model = {in_file: name for name, in_file in names.inputs.items()}
            outputs = model.run([quantize(given[to_model[spec.name]], spec) for spec in model.inputs])
            found = {s.name: dequantize(out, s) for s, out in zip(model.outputs, outputs, strict=True)}
        for name, wanted in expected.items():
            got, wanted = found[names.outputs[name]], np.asarray(wanted)
            # int8: an input step, a rounding of every layer and an output step, of 255 each.
            least = 80 if m.artifact.precision == "float32" else 20
            error = max(np.sum((got - wanted) ** 2), 1e-20)  # on some runs a float32 file makes none
            assert 10 * np.log10(np.sum(wanted**2) / error) >= least, (m.path.name, name)
