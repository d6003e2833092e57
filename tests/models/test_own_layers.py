"""Every layer of our own is known to whoever loads a model, and nothing that is only called like one."""

from pathlib import Path

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.deploy.quantized import saving_h5
from edge.models.own_layers import MODULES, own_layers

keras = need("tf_keras")
ROOT = Path(__file__).resolve().parents[2] / "models"


def test_the_list_has_every_module_that_registers_a_layer():
    files = [p for p in ROOT.rglob("*.py") if "register_keras_serializable" in p.read_text(encoding="utf-8")]
    made_of = [p for p in files if "training" not in p.parts]  # schedules of the learning rate are no part of a model
    expected = {".".join(("edge.models", *p.relative_to(ROOT).with_suffix("").parts)) for p in made_of}
    assert set(MODULES) == expected


def test_each_is_registered_under_its_name():
    for name, layer in own_layers().items():
        assert keras.utils.get_registered_name(layer) == f"edge>{name}"


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_keras_own_layer_of_the_same_name_stays_keras_own(tmp_path, suffix):
    from edge.deploy.load import load_keras

    entry = keras.Input((3, 4, 4, 2))
    model = keras.Model(entry, keras.layers.Conv3D(2, 3, padding="same", bias_initializer="ones")(entry))
    path = tmp_path / f"clip{suffix}"
    with saving_h5():
        model.save(path)
    loaded = load_keras(path)
    assert type(loaded.layers[1]) is keras.layers.Conv3D
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)
