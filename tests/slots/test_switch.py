"""From one release to another: a device runs the old or the new one, verified."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from edge.errors import FileError, GateFailed, InputError
from edge.slots import health, release, runtimes, state, switch
from edge.slots.lock import locked
from edge.slots.release import Service
from tests.slots import device


@pytest.fixture
def healthy(monkeypatch):
    """Let the health check pass at once, in tests of what is around it."""
    monkeypatch.setattr(health, "check", lambda *_: {"median_ms": 1.0, "backend": "none"})


def test_a_bundle_becomes_the_release_in_use(app, mobilenet):
    answer = device.deploy(app, mobilenet)
    assert answer["previous"] is None
    assert answer["measured"]["backend"] == "litert"
    assert answer["measured"]["median_ms"] > 0
    assert device.in_use(app) == "mobilenet_v2"
    assert app.current.is_symlink()
    assert (app.current / "runtime").resolve().name == device.RUNTIME
    entry = state.read(app).entry(answer["release"])
    assert entry is not None
    assert entry.confirmed


def test_the_same_bundle_again_is_the_same_release(app, mobilenet, healthy):
    first, second = device.deploy(app, mobilenet), device.deploy(app, mobilenet)
    assert first["release"] == second["release"] == second["previous"]
    assert release.names(app) == [first["release"]]


def test_rollback_goes_back_and_then_forth_no_more(app, mobilenet, shufflenet, healthy):
    first, second = device.deploy(app, mobilenet), device.deploy(app, shufflenet)
    with locked(app):
        back = switch.rollback(app)
    assert (back["release"], back["previous"]) == (first["release"], second["release"])
    assert device.in_use(app) == "mobilenet_v2"


def test_rollbacks_go_further_back(app, mobilenet, shufflenet, healthy):
    """A second rollback must not return to the release that the first one left."""
    made = [
        device.deploy(app, bundle, max_latency_ms=None, service=replace(device.NO_SERVICE, memory_mb=i))["release"]
        for i, bundle in enumerate([mobilenet, shufflenet, mobilenet], 1)
    ]
    with locked(app):
        assert switch.rollback(app)["release"] == made[1]
        assert switch.rollback(app)["release"] == made[0]


def test_rollback_to_a_named_release(app, mobilenet, shufflenet, healthy):
    first = device.deploy(app, mobilenet)["release"]
    device.deploy(app, shufflenet)
    with locked(app):
        assert switch.rollback(app, first)["release"] == first
        with pytest.raises(InputError, match="not on the device"):
            switch.rollback(app, "0123")


def test_rollback_without_an_earlier_release_is_refused(app, mobilenet, healthy):
    device.deploy(app, mobilenet)
    with locked(app), pytest.raises(InputError, match="no release to go back to"):
        switch.rollback(app)
    assert device.in_use(app) == "mobilenet_v2"


def test_rollback_passes_over_a_damaged_release(app, mobilenet, shufflenet, healthy):
    first = device.deploy(app, mobilenet)["release"]
    device.deploy(app, shufflenet)
    flip(app.slot(first) / "bundle" / "model_int8.tflite")
    with locked(app), pytest.raises(GateFailed, match="damaged"):
        switch.rollback(app)
    assert device.in_use(app) == "shufflenet_v2"


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_a_bundle_with_another_golden_output_is_never_switched_to(app, mobilenet, shufflenet, tmp_path):
    device.deploy(app, mobilenet)
    with pytest.raises(GateFailed, match=r"golden output .* as before"):
        device.deploy(app, with_other_golden_output(shufflenet, tmp_path))
    assert device.in_use(app) == "mobilenet_v2"
    assert len(release.names(app)) == 1, "the refused release is deleted"


def with_other_golden_output(bundle, folder):
    """Return a bundle whose digests are right, and whose golden output is wrong."""
    import numpy as np

    from edge.bundle import open_bundle, write_bundle

    sources = {name: bundle.root / name for name in bundle.manifest.stored()}
    artifact = next(a for a in bundle.manifest.artifacts if (a.format, a.precision) == ("tflite", "int8"))
    name = artifact.golden.outputs.name
    with np.load(bundle.root / name) as content:
        changed = {key: np.roll(content[key], 1) for key in content.files}
    np.savez(folder / "other.npz", **changed)
    sources[name] = folder / "other.npz"
    write_bundle(folder / "other", bundle.manifest, sources)
    return open_bundle(folder / "other")


def test_a_bundle_that_is_too_slow_is_refused(app, mobilenet):
    with pytest.raises(GateFailed, match=r"may take 0.0001 ms, it takes"):
        device.deploy(app, mobilenet, max_latency_ms=0.0001)
    assert switch.current(app) is None


def test_a_damaged_file_is_refused_before_the_check(app, mobilenet, monkeypatch):
    """Nothing of it may reach an interpreter."""
    monkeypatch.setattr(health, "check", lambda *_: pytest.fail("it was run"))
    device.send(app, mobilenet)
    wanted = device.request_for(mobilenet)
    model = next(one for one in wanted.files if one.name.endswith(".tflite"))
    flip(app.incoming / model.sha256)
    with locked(app), pytest.raises(FileError, match="damaged"):
        switch.activate(app, wanted)
    assert switch.current(app) is None
    assert release.names(app) == []


def test_a_release_that_fails_after_the_switch_is_rolled_back(app, mobilenet, shufflenet, monkeypatch):
    first = device.deploy(app, mobilenet)["release"]
    calls = []

    def once(folder, _):
        calls.append(folder)
        if folder == app.current:
            raise GateFailed("it fails as the release in use")
        return {"median_ms": 1.0, "backend": "none"}

    monkeypatch.setattr(health, "check", once)
    with pytest.raises(GateFailed, match=f"release {first} is in use as before .rolled back in"):
        device.deploy(app, shufflenet)
    assert device.in_use(app) == "mobilenet_v2"
    assert release.names(app) == [first]


def test_the_first_release_that_fails_leaves_none(app, mobilenet, monkeypatch):
    def after_the_switch(folder, _):
        if folder == app.current:
            raise GateFailed("it fails")
        return {"median_ms": 1.0, "backend": "none"}

    monkeypatch.setattr(health, "check", after_the_switch)
    with pytest.raises(GateFailed, match="no release is in use, as before"):
        device.deploy(app, mobilenet)
    assert switch.current(app) is None
    assert not app.current.is_symlink()


def test_only_the_last_releases_are_kept(app, mobilenet, healthy):
    made = [
        device.deploy(app, mobilenet, keep=2, service=Service(enabled=False, memory_mb=i))["release"]
        for i in range(1, 5)
    ]
    assert set(release.names(app)) == set(made[-2:])
    assert [entry.release for entry in state.read(app).entries] == made[-2:]


def test_a_runtime_that_no_release_uses_is_deleted(app, mobilenet, healthy):
    old = app.root / "runtimes" / "older" / "bin"
    old.mkdir(parents=True)
    (old.parent / runtimes.COMPLETE).touch()
    begun = app.root / "runtimes" / "newer"
    begun.mkdir()
    device.deploy(app, mobilenet)
    assert not old.exists()
    assert begun.exists(), "another deploy may be installing it"
    assert (app.root / "runtimes" / device.RUNTIME).exists()


def test_a_release_that_never_ran_is_left_after_some_starts(app, mobilenet, shufflenet, healthy):
    """Power failed between the switch and the first start, and the service does not come up."""
    first, second = device.deploy(app, mobilenet)["release"], device.deploy(app, shufflenet)["release"]
    state.write(app, state.read(app).with_changed(second, confirmed=False))
    for _ in range(switch.MOST_ATTEMPTS):
        assert switch.starting(app) is None
    assert switch.starting(app) == first
    assert device.in_use(app) == "mobilenet_v2"
    assert switch.starting(app) is None, "what has run is started as often as it needs"


def test_a_lost_state_file_keeps_the_device_working(app, mobilenet, shufflenet, healthy):
    device.deploy(app, mobilenet)
    app.state.write_text("{")
    assert device.in_use(app) == "mobilenet_v2"
    device.deploy(app, shufflenet)
    assert device.in_use(app) == "shufflenet_v2"


def test_a_second_deploy_waits_for_the_first(app):
    with locked(app), pytest.raises(InputError, match="another deploy"), locked(app, 0.1):
        pass
    with locked(app, 0.1):
        pass


def test_the_lock_ends_with_its_holder(app):
    """A killed agent must not keep later ones out."""
    code = (
        "import time; from pathlib import Path; from edge.slots.layout import App; from edge.slots.lock import locked\n"
        f"with locked(App(Path({str(app.root)!r}), 'camera')): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=device.ROOT) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError), locked(app, 0.0):
            pass
        holder.kill()
    with locked(app, 1.0):
        pass


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"runtime": "../../etc"}, "plain folder name"),
        ({"runtime": ""}, "plain folder name"),
        ({"keep": 0}, "at least one release"),
        ({"max_latency_ms": float("nan")}, "must be above 0 ms"),
        ({"max_latency_ms": -1}, "must be above 0 ms"),
        ({"files": [{"name": "a", "bytes": 1, "sha256": "xyz"}]}, "SHA-256"),
        ({"files": 3}, "of this version"),
        ({"service": {"colour": "red"}}, "of this version"),
    ],
)
def test_a_request_of_another_form_is_refused(mobilenet, change, match):
    good = json.loads(json.dumps(device.request_for(mobilenet).as_json()))
    assert release.Request.of_json(good) == device.request_for(mobilenet)
    with pytest.raises(InputError, match=match):
        release.Request.of_json({**good, **change})


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", ".hidden", "manifest.json/x", "a\0b"])
def test_a_file_name_that_leaves_the_release_is_refused(name):
    with pytest.raises(InputError, match="plain names"):
        release.Wanted(name, 1, "0" * 64)


def test_an_older_signed_bundle_is_refused_but_gone_back_to(app, mobilenet, shufflenet, healthy, tmp_path, monkeypatch):
    from edge.bundle import open_bundle
    from edge.deploy import signing_keys

    keys = signing_keys.make_keys(tmp_path / "fleet")
    made = []
    for version in (1, 2):
        out = tmp_path / f"v{version}"
        signing_keys.sign_bundle(mobilenet.root, keys.private, version, out)
        made.append(open_bundle(out))
    (app.root / "trust" / "fleet.pub").write_bytes(keys.public.read_bytes())
    monkeypatch.setenv("EDGE_TRUST", str(app.root / "trust"))
    first, second = (open_bundle(bundle.root) for bundle in made)
    one = device.deploy(app, first)["release"]
    assert device.deploy(app, second)["version"] == 2
    with pytest.raises(InputError, match="at least version 2"):
        device.deploy(app, first)
    assert state.read(app).highest_version == 2
    signing_keys.sign_bundle(shufflenet.root, keys.private, 2, tmp_path / "other")
    with pytest.raises(InputError, match="one content"):
        device.deploy(app, open_bundle(tmp_path / "other"))
    with locked(app):
        assert switch.rollback(app)["release"] == one
