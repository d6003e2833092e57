import numpy as np
import pytest

from edge.errors import InputError
from edge.models import build
from edge.models.training.transfer import start_from


def net(classes=3, width=0.1, name="mobilenet_v1"):
    return build(name, (32, 32, 3), classes, width)


def test_the_same_network_gets_every_weight():
    trained, fresh = net(), net()
    start_from(fresh, trained)
    for got, expected in zip(fresh.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_other_classes_keep_a_fresh_classifier():
    trained, fresh = net(classes=5), net(classes=3)
    before = fresh.get_layer("classifier").get_weights()
    start_from(fresh, trained)
    np.testing.assert_array_equal(fresh.get_layer("classifier").get_weights()[0], before[0])
    for layer in ("stem_conv", "block13_pointwise_conv"):
        np.testing.assert_array_equal(
            fresh.get_layer(layer).get_weights()[0], trained.get_layer(layer).get_weights()[0]
        )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"width": 0.5}, id="another width"),
        pytest.param({"name": "shufflenet_v2", "width": 0.5}, id="another network", marks=pytest.mark.slow),
    ],
)
def test_another_network_is_refused(other):
    with pytest.raises(InputError, match="must be of the same network and width as mobilenet_v1"):
        start_from(net(), net(**other))
