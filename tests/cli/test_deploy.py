"""The command edge-deploy: its subcommands, help, and refusals before any device is asked."""

import pytest

from edge.cli import deploy
from tests.slots import device

BUNDLE = str(device.WEIGHTS / "mobilenet_v2_cifar10_int8.edge")


def test_the_help_names_every_command(capsys):
    assert deploy.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, summary) in deploy.COMMANDS.items():
        assert f"  {name}" in shown
        assert summary in shown


@pytest.mark.parametrize("name", deploy.COMMANDS)
def test_every_command_has_help(capsys, name):
    with pytest.raises(SystemExit) as ended:
        deploy.main([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "edge-deploy" in shown
    assert "example" in shown


@pytest.mark.parametrize("name", ["push", "status", "list", "rollback", "logs"])
def test_a_device_must_be_given(capsys, name):
    given = [BUNDLE] if name == "push" else []
    assert deploy.main([name, *given]) == 2
    assert "--to USER@HOST or --inventory FILE" in capsys.readouterr().err


def test_without_anything_it_says_what_it_expects(capsys):
    assert deploy.main([]) == 2
    assert "expected a bundle or a command" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["staus"], ["staus", "--to", "pi@127.0.0.1:1"]])
def test_a_mistyped_command_is_said(capsys, given):
    assert deploy.main(given) == 2
    err = capsys.readouterr().err
    assert "unknown command 'staus': did you mean 'status'?" in err
    assert len(err.splitlines()) == 1


def test_a_folder_may_be_called_as_no_command_is(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "staus").mkdir()
    assert deploy.main(["staus", "--to", "pi@127.0.0.1:1"]) == 2
    assert "bundle staus has no manifest.json" in capsys.readouterr().err


def test_a_bundle_for_other_hardware_is_refused_here(capsys, tmp_path):
    from dataclasses import replace

    from edge.bundle import write_bundle

    released = device.released("mobilenet_v2_cifar10")
    manifest = replace(
        released.manifest, artifacts=tuple(replace(one, target="web") for one in released.manifest.artifacts)
    )
    write_bundle(tmp_path / "web", manifest, {name: released.root / name for name in manifest.stored()})
    assert deploy.main([str(tmp_path / "web"), "--to", "pi@127.0.0.1:1"]) == 2
    err = capsys.readouterr().err
    assert "must have a .tflite or .onnx file for the processor of a device" in err
    assert len(err.splitlines()) == 1


def test_options_that_edge_camera_would_refuse_are_refused_here(capsys):
    with pytest.raises(SystemExit) as ended:
        deploy.main([BUNDLE, "--to", "pi@127.0.0.1:1", "--", "--no-such-option"])
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "--no-such-option" in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_no_wheelhouse_is_refused(capsys, tmp_path):
    assert deploy.main([BUNDLE, "--to", "pi@127.0.0.1:1", "--wheelhouse", str(tmp_path)]) == 2
    assert "edge-deploy wheelhouse" in capsys.readouterr().err


def test_the_service_runs_no_other_model_than_the_bundle(capsys):
    assert deploy.main(["net.edge", "--to", "pi@nowhere", "--", "--model", "other.tflite"]) == 2
    assert "leave out the model other.tflite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [(o, v) for o in ("--max-latency", "--max-failures") for v in ("nan", "-1", "inf", "x")] + [("--max-latency", "0")],
)
def test_a_limit_that_would_limit_nothing_is_refused(capsys, option, value):
    """A latency of nan is above no measured time, and would let every release pass."""
    with pytest.raises(SystemExit) as ended:
        deploy.main([BUNDLE, "--to", "pi@127.0.0.1:1", f"{option}={value}"])
    assert ended.value.code == 2
    assert f"{option}: must be a" in capsys.readouterr().err


def test_a_network_that_takes_no_image_has_no_camera_service(capsys):
    words = str(device.WEIGHTS / "ds_cnn_fsdd_int8.edge")
    assert deploy.main([words, "--to", "pi@127.0.0.1:1"]) == 2
    assert "takes one image, and 'ds_cnn' takes" in capsys.readouterr().err
