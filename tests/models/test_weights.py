"""The released weights: whole, loadable, and as their cards say."""

import pytest

from edge import golden
from edge.bundle import open_bundle
from edge.deploy.conversion.source import open_source
from edge.errors import InputError
from edge.models import weights
from edge.models.complexity import complexity
from edge.opening import open_session
from edge.session import SessionOptions

NAMES = sorted(weights.released())


def test_there_are_some():
    assert "shufflenet_v2_cifar10" in NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_float_weights_are_what_their_card_says(name):
    from edge.deploy.load import load_keras

    card = weights.released()[name]
    cost = complexity(load_keras(weights.path_of(name)))
    assert (cost.trainable, cost.macs) == (card["trainable"], card["macs"])
    assert card["commands"][-1].startswith("edge-train ")
    assert card["settings"]["seed"] in (1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_the_int8_bundle_is_verified_and_runs(name):
    card = weights.released()[name]
    path = weights.FOLDER / card["int8"]
    manifest = open_bundle(path).manifest
    assert (manifest.schema, len(manifest.labels)) == (2, card.get("classes", len(manifest.labels)))
    assert list(manifest.labels) == (weights.FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert manifest.signature.tiled == (card.get("view") == "crop")
    with open_session(path, SessionOptions(threads=1)) as session:
        assert session.model.inputs[0].dtype.name == "int8"
        golden.check(session)


@pytest.mark.slow
def test_a_source_of_the_zoo_brings_its_labels_and_record():
    source = open_source("zoo:shufflenet_v2_cifar10")
    assert source.trained
    assert source.labels is not None
    assert source.labels.read_text().split()[0] == "airplane"
    assert source.record is not None
    assert source.record["accuracy"] > 0.85


def test_unknown_weights_suggest_the_nearest():
    with pytest.raises(InputError, match="did you mean 'shufflenet_v2_cifar10'"):
        weights.path_of("shufflenetv2_cifar10")
