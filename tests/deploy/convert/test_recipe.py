from pathlib import Path

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy.convert import recipe as recipes
from edge.deploy.convert.freeze import freeze_keras
from edge.deploy.convert.recipe import Recipe, default_recipe, file_precision, make
from edge.deploy.convert.source import SourceModel
from edge.errors import InputError
from tests import tflite_file
from tests.backends import models
from tests.deploy.keras_files import CLASSES, SIZE, small


def source(**choices):
    return SourceModel("net", (1, *SIZE), CLASSES, lambda x: x, **choices)


@pytest.fixture(scope="module")
def keras_source():
    return source(frozen=freeze_keras(small()))


def samples(count=16):
    return list(np.random.default_rng(0).uniform(-1, 1, (count, 1, *SIZE)).astype(np.float32))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        pytest.param({"tflite": ("int4",)}, "one of float32, int8, got 'int4'", id="unknown precision"),
        pytest.param({"onnx": ("INT8",)}, "got 'INT8'", id="case counts"),
        pytest.param({"tflite": (), "onnx": ()}, "nothing to convert to", id="nothing"),
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
        assert default_recipe(source(file=path), True) == Recipe((precision,), (precision,))
    path = models.onnx_conv(tmp_path / "net.onnx")
    assert default_recipe(source(file=path), True) == Recipe((), ("float32",))


def test_everything_from_one_function(tmp_path, keras_source):
    both = ("float32", "int8")
    made = make(keras_source, Recipe(both, both), samples(), tmp_path)
    names = ["model_float32.tflite", "model_float32.onnx", "model_int8.tflite", "model_int8.onnx"]
    assert [m.path.name for m in made] == names
    assert [(m.artifact.format, m.artifact.precision) for m in made] == [
        (form, precision) for precision in both for form in ("tflite", "onnx")
    ]
    for m in made:
        assert m.artifact.bytes == m.path.stat().st_size
        with open_model(m.path) as model:
            assert model.inputs[0].dtype == (np.int8 if m.artifact.precision == "int8" else np.float32)
            assert model.outputs[0].shape == (1, CLASSES)
    assert tflite_file.tensor_dtypes(made[2].path.read_bytes()) == {"int8", "int32"}


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


def test_a_finished_file_has_one_precision(tmp_path):
    path = models.tflite_conv(tmp_path / "net.tflite")
    with pytest.raises(InputError, match=r"net\.tflite is float32; int8 needs the Keras model"):
        make(source(file=path), Recipe(("int8",)), None, tmp_path)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        pytest.param(Recipe(("float32",)), "an .onnx file becomes no .tflite", id="the other format"),
        pytest.param(Recipe((), ("int8",)), "is float32; int8 needs the Keras model", id="another precision"),
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
    assert recipes.PRECISIONS == ("float32", "int8")
