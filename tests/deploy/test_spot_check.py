"""Without --verify, a file that is far from the model on the samples that calibrated it does not pass in silence."""

from dataclasses import replace

import numpy as np
import pytest

from edge.cli import convert
from edge.deploy import spot_check
from edge.deploy._tensorflow import need
from edge.deploy.conversion import post_training, tflite

tf = need("tensorflow")

import tf_keras as keras  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A classifier that is sure of several classes, and pictures."""
    folder = tmp_path_factory.mktemp("spot_check")
    keras.utils.set_random_seed(2)
    entry = keras.Input((8, 8, 3), name="x")
    body = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, activation="relu")(entry))
    model = keras.Model(entry, keras.layers.Dense(4, activation="softmax")(body))
    model.layers[-1].set_weights([10 * (weights - weights.mean(axis=0)) for weights in model.layers[-1].get_weights()])
    model.save(folder / "net.keras")
    np.savez(folder / "data.npz", x=np.random.default_rng(0).normal(0, 3, (24, 8, 8, 3)).astype(np.float32))
    return folder


def words(folder, out, *more):
    data = str(folder / "data.npz")
    return [str(folder / "net.keras"), "--out", str(out), "--input-kind", "tensor", "--calibrate", data, *more]


def changed(content, dimensions, change):
    """Return a float file with other weights in the layers whose weights have so many dimensions."""
    file = post_training.TFLiteObject(content)
    for _, operation in file.operations():
        index = int(operation.inputs[1]) if len(operation.inputs) > 1 else -1
        weights = file.constant(index)
        if weights is not None and weights.ndim == dimensions:
            file.replace(index, change(weights))
    return file.to_bytes()


def test_a_good_file_gets_no_warning(folder, tmp_path, capsys):
    assert convert.main(words(folder, tmp_path / "net")) == 0
    said = capsys.readouterr().err
    assert "not verified: give --verify" in said
    assert "warning" not in said


def test_an_int8_file_that_is_far_from_the_model_is_warned_of(folder, tmp_path, capsys, monkeypatch):
    whole = post_training.prepared
    monkeypatch.setattr(post_training, "prepared", lambda *given: changed(whole(*given), 2, np.flipud))
    assert convert.main(words(folder, tmp_path / "net")) == 0
    said = capsys.readouterr().err
    assert "warning: model_int8.tflite agrees with the model by top-1: " in said
    assert "although they calibrated it" in said
    assert "warning: model_float32" not in said


def test_a_float_file_that_is_wrong_is_refused(folder, tmp_path, capsys, monkeypatch):
    whole = tflite.to_float32

    monkeypatch.setattr(tflite, "to_float32", lambda frozen: changed(whole(frozen), 4, lambda weights: 1.1 * weights))
    assert convert.main(words(folder, tmp_path / "net")) == 1
    assert "model_float32.tflite agrees with the model by top-1: " in capsys.readouterr().err
    assert not (tmp_path / "net").exists()


def test_verified_files_are_not_checked_twice(folder, tmp_path, monkeypatch):
    def checked(*_):
        raise AssertionError("checked twice")

    monkeypatch.setattr("edge.deploy.package.spot_check", checked)
    assert convert.main(words(folder, tmp_path / "net", "--verify", str(folder / "data.npz"))) == 0


def test_a_few_different_answers_are_no_warning(folder, tmp_path, capsys, monkeypatch):
    """Below its budget on a few samples, but with 20 dB and more: other samples decide."""
    compare = spot_check.parity.compare_files

    def worse(*given):
        found = compare(*given)
        rows = ((replace(row, figures=row.figures._replace(agreement=87.5)), limits) for row, limits in found.rows)
        return replace(found, rows=tuple(rows))

    monkeypatch.setattr(spot_check.parity, "compare_files", worse)
    assert convert.main(words(folder, tmp_path / "net", "--tflite", "int8")) == 0
    assert "warning" not in capsys.readouterr().err
