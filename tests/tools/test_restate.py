"""A bundle with another resize in its manifest: everything else stays byte for byte."""

import zipfile

from edge import golden
from edge.bundle import open_bundle
from edge.models import weights
from edge.opening import open_session
from tests.cli.commands import complaint, run
from tools import restate

UNET, DS_CNN = (weights.FOLDER / f"{name}_int8.edge" for name in ("unet_membrane", "ds_cnn_fsdd"))
OWN = {"manifest.json", "manifest.sha256"}


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_only_the_manifest_and_its_digest_change_and_it_comes_back(tmp_path, capsys):
    other, back = tmp_path / "other.edge", tmp_path / "back.edge"
    assert run(restate, capsys, UNET, other, "--resize", "stretch").out == [f"{other}: resize stretch"]
    before, after = contents(UNET), contents(other)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == OWN
    with open_session(other) as session:
        assert session.signature.image.format.resize == "stretch"
        golden.check(session)
    assert run(restate, capsys, other, back, "--resize", "tile").code == 0
    assert back.read_bytes() == UNET.read_bytes()
    assert open_bundle(back).manifest.signature.tiled


def test_a_network_without_an_image_is_refused(tmp_path, capsys):
    said = run(restate, capsys, DS_CNN, tmp_path / "new.edge", "--resize", "tile")
    assert said.code == 2
    assert "needs one image input to state its resize" in complaint(said, "python -m tools.restate")
    assert not list(tmp_path.iterdir())
