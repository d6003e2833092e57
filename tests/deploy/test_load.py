import zipfile

import h5py
import numpy as np
import pytest

from edge.deploy.load import load_keras
from edge.errors import FileProblem, InvalidInput
from tests.deploy.keras_files import SIZE, keras3_file, saved, small, with_lambda

IMAGES = np.random.default_rng(0).normal(size=(2, *SIZE)).astype(np.float32)
both = pytest.mark.parametrize("suffix", [".keras", ".h5"])


@both
def test_a_model_comes_back(tmp_path, suffix):
    model = small()
    loaded = load_keras(saved(model, tmp_path / f"net{suffix}"))
    assert loaded.name == "small"
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


def test_a_keras_3_file_comes_back(tmp_path):
    loaded = load_keras(keras3_file(tmp_path / "net.keras"))
    out = np.asarray(loaded(IMAGES))
    assert out.shape == (2, 3)
    np.testing.assert_allclose(out.sum(-1), 1, atol=1e-6)


@both
def test_code_in_the_file_is_refused_without_trust(tmp_path, suffix):
    model = with_lambda()
    path = saved(model, tmp_path / f"net{suffix}")
    with pytest.raises(InvalidInput, match="has a Lambda layer, which runs code from the file; add --trust"):
        load_keras(path)
    np.testing.assert_array_equal(load_keras(path, trust=True)(IMAGES), model(IMAGES))


@both
def test_code_deep_in_the_file_is_refused(tmp_path, suffix):
    import tf_keras as keras

    inner = keras.layers.TimeDistributed(keras.layers.Lambda(lambda x: x + 1.0))
    path = saved(keras.Sequential([keras.Input((4, 3)), inner]), tmp_path / f"net{suffix}")
    with pytest.raises(InvalidInput, match="Lambda layer"):
        load_keras(path)


def _half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text(path):
    path.write_text("not a model\n" * 30)


def _empty(path):
    path.write_bytes(b"")


@both
@pytest.mark.parametrize("spoil", [_half, _text, _empty])
def test_a_damaged_file_is_one_line(tmp_path, suffix, spoil):
    path = saved(small(), tmp_path / f"net{suffix}")
    spoil(path)
    with pytest.raises(FileProblem, match="not a readable Keras file") as caught:
        load_keras(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_zip_without_a_model_is_a_file_problem(tmp_path):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(FileProblem, match="not a readable Keras file"):
        load_keras(path)


def test_a_zip_whose_description_is_no_json_is_a_file_problem(tmp_path):
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")
    with pytest.raises(FileProblem, match="not a readable Keras file"):
        load_keras(path)


def test_an_h5_file_of_weights_only_says_so(tmp_path):
    path = tmp_path / "weights.h5"
    small().save_weights(path)
    with pytest.raises((FileProblem, InvalidInput), match=r"weights\.h5") as caught:
        load_keras(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_layer_is_named(tmp_path):
    path = saved(small(), tmp_path / "net.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace("GlobalAveragePooling2D", "MagicPooling")
    with pytest.raises(InvalidInput, match="MagicPooling"):
        load_keras(path)


def test_missing_and_other_files_are_refused(tmp_path):
    with pytest.raises(FileProblem, match="does not exist"):
        load_keras(tmp_path / "none.keras")
    (tmp_path / "net.pt").touch()
    with pytest.raises(InvalidInput, match=r"a \.keras or \.h5 file, got net\.pt"):
        load_keras(tmp_path / "net.pt")
