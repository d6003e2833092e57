"""Which tensor of a file is which input or output of the signature."""

from pathlib import Path

import pytest

from edge.binding import bind
from edge.errors import InputError
from edge.signature import Output
from tests.decoders.heads import spec


@pytest.mark.parametrize(
    ("stated", "in_file"),
    [
        pytest.param((1, 10), (1, 1, 1, 10), id="a vector with more axes"),
        pytest.param((1, 4, 6), (1, 4, 6, 1), id="a channel axis of 1"),
        pytest.param((1, 1), (1,), id="one number"),
    ],
)
def test_axes_of_one_element_may_come_and_go(stated, in_file):
    assert bind([spec("o", in_file)], [Output("o", "tensor", stated)], {}, Path("net.onnx"))["o"][0] == 0


@pytest.mark.parametrize(
    ("stated", "in_file"),
    [
        pytest.param((1, 4, 6, 3), (1, 3, 4, 6), id="channels first"),
        pytest.param((1, 4, 6), (1, 6, 4), id="turned"),
        pytest.param((1, 24), (1, 4, 6), id="a matrix for a vector"),
    ],
)
def test_as_many_numbers_in_another_order_are_refused(stated, in_file):
    with pytest.raises(InputError, match=r"o must have the shape .* that the signature states, in net.onnx it is"):
        bind([spec("o", in_file)], [Output("o", "tensor", stated)], {}, Path("net.onnx"))
