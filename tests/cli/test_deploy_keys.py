import json
import sys

import pytest

from edge import trust
from edge.bundle import open_bundle, write_bundle
from edge.cli import deploy
from tests.sample_bundle import manifest, write_sources


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "pets.edge"
    write_bundle(path, manifest(), write_sources(tmp_path / "models"))
    return path


def test_from_a_key_to_a_device_that_trusts_it(tmp_path, bundle, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert deploy.main(["keygen", "--out", "fleet", "--json", "keys.json"]) == 0
    key = json.loads((tmp_path / "keys.json").read_text())["key"]
    said = capsys.readouterr().out
    assert f"fleet.pub: the public key {key}" in said
    assert "edge-deploy trust fleet.pub --to USER@HOST" in said
    assert "sudo install -D -m 644 fleet.pub /opt/edgekit/trust/fleet.pub" in said

    assert deploy.main(["sign", "pets.edge", "--key", "fleet.key", "--version", "4", "--json", "signed.json"]) == 0
    assert capsys.readouterr().out == f"pets.edge: signed as version 4 with key {key}\n"
    assert json.loads((tmp_path / "signed.json").read_text()) == {"bundle": "pets.edge", "version": 4, "key": key}

    place = tmp_path / "trust"
    place.mkdir()
    (tmp_path / "fleet.pub").rename(place / "fleet.pub")
    (place / "signed-only").touch()
    monkeypatch.setenv("EDGE_TRUST", str(place))
    assert trust.signed_version(open_bundle(bundle)) == 4


def test_what_exists_is_one_line(tmp_path, capsys):
    (tmp_path / "fleet.key").touch()
    assert deploy.main(["keygen", "--out", str(tmp_path / "fleet")]) == 2
    assert capsys.readouterr().err.startswith(f"edge-deploy keygen: {tmp_path}/fleet.key exists and would be lost;")


def test_without_cryptography_the_extra_is_named(tmp_path, bundle, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    said = "signing needs cryptography, not installed here: pip install 'edgekit[deploy]'\n"
    for command, arguments in (("keygen", ["--out", str(tmp_path / "x")]), ("sign", [str(bundle), "--key", "x.key"])):
        assert deploy.main([command, *arguments]) == 2
        assert capsys.readouterr().err == f"edge-deploy {command}: {said}"
    assert not (tmp_path / "x.key").exists()


@pytest.mark.parametrize("command", ["keygen", "sign"])
def test_help_says_what_it_does(command, capsys):
    with pytest.raises(SystemExit) as caught:
        deploy.main([command, "--help"])
    assert caught.value.code == 0
    assert "example" in capsys.readouterr().out
