"""Embeddings: length, cosine, drawing."""

import numpy as np
import pytest

from edge.errors import InputError
from edge.results import Result
from edge.tasks.embed import Embed, cosine
from tests.tasks.networks import outputs, quantized, signature


def network(shape=(1, 2), **parameters):
    return Embed(signature("embed", [("y", "embedding", shape)], **parameters))


@pytest.mark.parametrize("shape", [(1, 2), (2,), (1, 1, 1, 2), (1, 2, 1, 1)])
def test_the_vector_has_length_1(shape):
    found = network(shape).decode(outputs(y=np.reshape([3.0, -4.0], shape).astype(np.float32)))
    np.testing.assert_allclose(found.embedding, [0.6, -0.8])
    assert found.embedding.dtype == np.float32


def test_the_length_can_be_kept():
    np.testing.assert_array_equal(network(normalize=False).decode(outputs(y=[[3, -4]])).embedding, [3, -4])


def test_a_quantized_vector_is_its_real_values():
    # 0.1 * (3 - 0), 0.1 * (-4 - 0): the direction of 3, -4
    np.testing.assert_allclose(network().decode(quantized("y", [[3, -4]], "int8", 0.1, 0)).embedding, [0.6, -0.8], 1e-6)


def test_a_vector_of_zeros_stays():
    assert network().decode(outputs(y=[[0, 0]])).embedding.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param([3, 4], [6, 8], 1, id="same direction"),
        pytest.param([1, 0], [0, 2], 0, id="right angle"),
        pytest.param([1, 0], [-2, 0], -1, id="opposite"),
        pytest.param([1, 0], [1, 1], 0.70710678, id="45 degrees"),
        pytest.param([0, 0], [0, 0], 1, id="both nothing"),
        pytest.param([0, 0], [1, 0], 0, id="one nothing"),
    ],
)
def test_cosines_by_hand(first, second, expected):
    assert cosine(np.array(first, np.float32), np.array(second, np.float32)) == pytest.approx(expected)


def test_mean_and_lowest_cosine():
    comparer = network().comparer()
    comparer.add(outputs(y=[[1, 0]]), outputs(y=[[2, 0]]), None, None)
    comparer.add(outputs(y=[[1, 0]]), outputs(y=[[1, 1]]), None, None)
    figures = comparer.figures()
    assert (figures.measure, figures.agreement, figures.unit) == ("mean cosine", 0.8536, "")  # (1 + 0.7071) / 2
    assert figures.details == {"lowest cosine": 0.7071}


def test_only_a_vector_is_an_embedding():
    with pytest.raises(InputError, match=r"task embed needs one vector, \(1, n\), got output 'y' \(1, 7, 7, 64\)"):
        network((1, 7, 7, 64))


def test_what_a_person_reads():
    assert Embed.line(Result("embed", embedding=np.array([0.5, -0.25], np.float32))) == "embedding of 2: 0.50 -0.25"
    assert Embed.line(Result("embed", embedding=np.zeros(128, np.float32))).startswith("embedding of 128: 0.00 0.00")


def test_the_strip_shows_signs_as_colours():
    image = np.full((160, 320, 3), 90, np.uint8)
    Embed.draw(image, Result("embed", embedding=np.array([1.0, -1.0], np.float32)))
    blue, _, red = image[-1, 10].astype(int)
    assert red > 200 > 60 > blue  # the left half stands for 1
    blue, _, red = image[-1, -10].astype(int)
    assert blue > 200 > 60 > red
