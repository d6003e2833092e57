"""What is left when a private part of TensorFlow is gone: the public way where there is one, else a clear word."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge.backends import open_model
from edge.deploy import _tensorflow_private as private
from edge.deploy._tensorflow import need
from edge.deploy.conversion import freeze, tensor_names, tflite
from edge.deploy.conversion.source import SourceModel
from edge.errors import MissingExtra
from tests.deploy.keras_files import SIZE, keras, small

need("tensorflow")

IMAGE = np.random.default_rng(0).normal(size=(1, *SIZE)).astype(np.float32)


def two_outputs():
    """Two outputs of one shape: told apart by their names or by what they give alone."""
    keras.utils.set_random_seed(4)
    entry = keras.Input(SIZE, name="image")
    x = keras.layers.GlobalAveragePooling2D()(entry)
    return keras.Model(entry, [keras.layers.Dense(3, name=name)(x) for name in ("left", "right")])


class WithoutPrivateParts:
    """A converter as another version might have it."""

    def __init__(self, converter):
        object.__setattr__(self, "_converter", converter)

    def __getattr__(self, name):
        if name in ("_freeze_concrete_function", "_optimize_tflite_model", "_experimental_calibrate_only"):
            raise AttributeError(name)
        return getattr(self._converter, name)

    def __setattr__(self, name, value):
        setattr(self._converter, name, value)


@pytest.fixture
def without(monkeypatch):
    converter_of = tflite._converter

    def made(frozen):
        monkeypatch.setattr(private, "give_graph", lambda *args: None)
        return WithoutPrivateParts(converter_of(frozen))

    monkeypatch.setattr(tflite, "_converter", made)


def test_the_converter_freezes_itself_and_outputs_are_told_by_what_they_give(without, tmp_path):
    model = two_outputs()
    frozen = freeze.freeze_keras(model)
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite.to_float32(frozen))

    def reference(inputs):
        return dict(zip(("left", "right"), map(np.asarray, model(inputs["image"])), strict=True))

    names = tensor_names.find_names(path, SourceModel("net", frozen.input_specs, frozen.output_specs, reference))
    expected = reference({"image": IMAGE})
    with open_model(path) as opened:
        found = dict(zip((spec.name for spec in opened.outputs), opened.run([IMAGE]), strict=True))
    for name in ("left", "right"):
        np.testing.assert_allclose(found[names.outputs[name]], expected[name], atol=1e-6)


def test_a_converter_that_cannot_stop_before_it_quantizes_is_said(without):
    with pytest.raises(MissingExtra, match="this TensorFlow cannot stop before it quantizes"):
        tflite.to_int8(freeze.freeze_keras(small()), [IMAGE])


def test_an_unknown_error_of_the_converter_is_any(monkeypatch):
    monkeypatch.setattr(private, "need", lambda name: SimpleNamespace())
    assert private.converter_error() is Exception


def test_operations_are_known_by_their_definition():
    assert private.operation("ReadFile").is_stateful is False  # why a list of those that reach outside is kept
    assert private.operation("NoSuchOperation") is None
