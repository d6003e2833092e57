import time

import numpy as np
import pytest

from edge.backends import open_model
from edge.errors import EdgeError, InputError
from tests.backends import models


def run(path, array):
    with open_model(path) as model:
        return model.run([array])


def test_every_output_is_the_mean_of_a_band(tmp_path):
    image = np.zeros((1, 4, 5, 3), np.uint8)
    image[0, 0], image[0, 2] = 10, 255
    (bands,) = run(models.fake(tmp_path / "x.fake"), image)
    assert bands.tolist() == [[10.0, 0.0, 255.0, 0.0]]


def test_uneven_bands_cover_every_element(tmp_path):
    path = models.fake(tmp_path / "x.fake", [("x", (1, 7), "float32")], [("y", (1, 3), "float32")])
    (bands,) = run(path, np.arange(7, dtype=np.float32)[None])
    assert bands.tolist() == [[0.5, 2.5, 5.0]]  # 0 1 | 2 3 | 4 5 6


def test_quantized_tensors_carry_real_values(tmp_path):
    path = models.fake(tmp_path / "x.fake", [("x", (1, 4), "int8", (0.5, -3))], [("y", (1, 2), "int8", (0.25, 10))])
    (bands,) = run(path, np.array([[-3, -1, 1, 3]], np.int8))  # reals 0 1 | 2 3, means 0.5 2.5
    assert bands.tolist() == [[12, 20]]
    assert bands.dtype == np.int8


def test_delay_stands_for_a_slow_network(tmp_path):
    path = models.fake(tmp_path / "x.fake", delay_ms=30)
    with open_model(path) as model:
        start = time.perf_counter()
        model.run([np.zeros(models.IMAGE, np.uint8)])
        assert time.perf_counter() - start >= 0.03


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param('{"inputs": []}', "KeyError 'outputs'", id="no outputs"),
        pytest.param('{"inputs": [], "outputs": []}', "at least one input", id="nothing"),
        pytest.param("[]", "TypeError", id="a list"),
        pytest.param("[" * 100_000, "RecursionError", id="too deep"),
        pytest.param('{"inputs": [{"name": "a", "shape": [0], "dtype": "int8"}], "outputs": []}', "shape", id="empty"),
        pytest.param('{"inputs": [{"name": "a", "shape": [1], "dtype": "O"}], "outputs": []}', "dtype", id="objects"),
    ],
)
def test_bad_descriptions(tmp_path, content, words):
    path = tmp_path / "x.fake"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"not a \.fake description: .*{words}") as caught:
        open_model(path)
    assert isinstance(caught.value, EdgeError)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"delay_ms": -1}, "delay_ms must be 0 to 60000", id="delay in the past"),
        pytest.param({"delay_ms": float("nan")}, "delay_ms must be 0 to 60000", id="no delay"),
        pytest.param({"outputs": [("y", (1, 99), "float32")]}, "more elements than the first input", id="too many"),
        pytest.param({"outputs": [("y", (1, 2), "int8", (0, 1))]}, "scale must be positive", id="scale"),
    ],
)
def test_impossible_descriptions(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        open_model(models.fake(tmp_path / "x.fake", **changes))
