"""edge-deploy against a real sshd: to the device, and everything that may go wrong on the way."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.cli import deploy
from edge.slots import release
from edge.slots.layout import App
from tests.deploy.push import sshd
from tests.slots import device

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sshd"), pytest.mark.timeout(600)]

OLD = str(device.WEIGHTS / "mobilenet_v2_cifar10_int8.edge")
NEW = str(device.WEIGHTS / "shufflenet_v2_cifar10_int8.edge")


@pytest.fixture
def there(login, root):
    return ["--to", login.to, "--root", str(root)]


def run(capsys, *arguments, code=0):
    """Run edge-deploy, and return what it printed on stdout and stderr."""
    capsys.readouterr()
    found = deploy.main([str(one) for one in arguments])
    shown = capsys.readouterr()
    assert found == code, shown.err + shown.out
    return shown.out, shown.err


def snapshot(root: Path):
    """Return every name and content below a folder, links as links."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = os.readlink(path)
        elif path.is_file():
            found[str(path.relative_to(root))] = path.read_bytes()
    return found


def test_deploy_status_list_rollback(capsys, there, root, tmp_path):
    out, err = run(capsys, OLD, *there, "--no-service", "--json", tmp_path / "out.json")
    assert "mobilenet_v2 is in use" in out
    assert "golden output right" in out
    assert "MiB" in err, "the transfer says how far it is"
    (row,) = json.loads((tmp_path / "out.json").read_text())["hosts"]
    assert row["bundle"] == "mobilenet_v2"
    assert row["sent_bytes"] > 0
    run(capsys, NEW, *there, "--no-service")
    out, _ = run(capsys, "status", *there)
    assert "shufflenet_v2" in out
    assert "verified, no service" in out
    out, _ = run(capsys, "list", *there)
    assert [line.split()[0] for line in out.splitlines()[1:]] != []
    assert "*" in out
    out, _ = run(capsys, "rollback", *there)
    assert "mobilenet_v2" in out
    out, _ = run(capsys, OLD, *there, "--no-service", "--json", tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["hosts"][0]["sent_bytes"] == 0
    assert device.in_use(App(root, "camera")) == "mobilenet_v2"


def test_a_service_is_deployed_shown_and_logged(capsys, there, login):
    out, _ = run(capsys, OLD, *there, "--app", "door", "--source", "synthetic:160x120@20", "--", "--top", "2")
    assert "service up in" in out
    out, _ = run(capsys, "status", *there, "--app", "door")
    assert "service active" in out
    out, _ = run(capsys, "logs", *there, "--app", "door", "--lines", "5")
    assert "mobilenet_v2 int8 on litert" in out


def test_a_service_that_fails_is_rolled_back(capsys, there, root):
    run(capsys, OLD, *there, "--app", "hall", "--source", "synthetic:160x120@20")
    _, err = run(capsys, NEW, *there, "--app", "hall", "--source", "/dev/video77", code=1)
    assert "camera /dev/video77 does not exist" in err
    assert "rolled back in" in err
    print(err)
    assert device.in_use(App(root, "hall")) == "mobilenet_v2"
    out, _ = run(capsys, "status", *there, "--app", "hall")
    assert "service active" in out


def test_a_wrong_host_key_is_refused(capsys, there, root, login, tmp_path):
    before, known = snapshot(root), login.home / ".ssh" / "known_hosts"
    kept = known.read_text()
    sshd._key(tmp_path / "other")
    login.know(tmp_path / "other.pub")
    try:
        _, err = run(capsys, OLD, *there, "--no-service", code=2)
        known.write_text("")
        _, unknown = run(capsys, OLD, *there, "--no-service", code=2)
    finally:
        known.write_text(kept)
    for text in (err, unknown):
        assert "host key is not the known one" in text
        assert len(text.splitlines()) == 1
    assert snapshot(root) == before


def test_a_private_key_that_does_not_fit_its_public_one_is_said(capsys, there, root, login, tmp_path):
    before, own = snapshot(root), login.home / ".ssh" / "id_ed25519"
    kept = own.read_text()
    sshd._key(tmp_path / "other")
    own.write_text((tmp_path / "other").read_text())
    try:
        _, err = run(capsys, OLD, *there, "--no-service", code=2)
    finally:
        own.write_text(kept)
    assert "your keys or SSH configuration cannot be used" in err
    assert len(err.splitlines()) == 1
    assert snapshot(root) == before


def test_a_refused_key_says_what_to_do(capsys, there, root, login):
    before, allowed = snapshot(root), login.folder / "authorized_keys"
    kept = allowed.read_text()
    allowed.write_text("")
    try:
        _, err = run(capsys, OLD, *there, "--no-service", code=2)
    finally:
        allowed.write_text(kept)
    assert "refuses the login" in err
    assert "ssh-copy-id" in err
    assert len(err.splitlines()) == 1
    assert snapshot(root) == before


def test_a_host_that_is_not_there(capsys, login, root):
    begin = time.monotonic()
    _, err = run(capsys, OLD, "--to", "pi@127.0.0.1:1", "--root", root, "--no-service", code=2)
    assert "cannot be reached" in err
    _, err = run(capsys, OLD, "--to", "pi@no-such-host.invalid", "--root", root, "--no-service", code=2)
    assert "cannot be reached" in err
    assert time.monotonic() - begin < 60


def test_a_folder_that_cannot_be_written_and_no_sudo(capsys, login, tmp_path):
    """The folder is on a read-only file system, and sudo asks for a password."""
    mounted = tmp_path / "readonly"
    mounted.mkdir()
    with tmpfs(mounted, "ro,size=1m"):
        _, err = run(capsys, OLD, "--to", login.to, "--root", mounted / "edge", "--no-service", code=2)
    assert "cannot be written" in err
    assert "--root" in err
    assert len(err.splitlines()) == 1


def new_device(runtimes, root):
    """Give a root folder the runtime of another one."""
    (root / "trust").mkdir(parents=True, exist_ok=True)
    (root / "runtimes").symlink_to(runtimes / "runtimes")
    (root / "runtime").symlink_to(os.readlink(runtimes / "runtime"))


@contextmanager
def tmpfs(folder, options):
    """Mount a small file system at a folder; skip where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_version(capsys, login, runtimes, tmp_path):
    mounted = tmp_path / "small"
    mounted.mkdir()
    with tmpfs(mounted, "size=20m") as root:
        new_device(runtimes, root)
        there = ["--to", login.to, "--root", str(root), "--no-service"]
        run(capsys, OLD, *there)
        (root / "full").write_bytes(b"\0" * (shutil.disk_usage(root).free - (1 << 20)))
        _, err = run(capsys, NEW, *there, code=2)
        assert "MiB free" in err
        assert len([line for line in err.splitlines() if line.startswith("edge-deploy")]) == 1
        assert device.in_use(App(root, "camera")) == "mobilenet_v2"


def test_a_disk_that_fills_up_in_mid_transfer(capsys, login, runtimes, tmp_path, monkeypatch):
    """The room was there when it was asked for. The old version runs, and a later deploy goes on."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    with tmpfs(mounted, "size=20m") as root:
        new_device(runtimes, root)
        there = ["--to", login.to, "--root", str(root), "--no-service"]
        run(capsys, OLD, *there)
        fill = root / "full"
        from edge.deploy.push import transfer

        whole = transfer._stream

        async def filling(*arguments):
            async for block in whole(*arguments):
                if not fill.exists():
                    fill.write_bytes(b"\0" * (shutil.disk_usage(root).free - (200 << 10)))
                yield block

        monkeypatch.setattr(transfer, "_stream", filling)
        _, err = run(capsys, NEW, *there, code=2)
        assert "No space left" in err
        assert device.in_use(App(root, "camera")) == "mobilenet_v2"
        monkeypatch.setattr(transfer, "_stream", whole)
        fill.unlink()
        run(capsys, NEW, *there)
        assert device.in_use(App(root, "camera")) == "shufflenet_v2"


def test_an_interrupted_transfer_goes_on(capsys, there, root, login, monkeypatch, tmp_path):
    """The connection breaks in the middle: the server's process for it is killed."""
    from edge.deploy.push import transfer

    run(capsys, OLD, *there, "--no-service")
    whole, cut = transfer._stream, []

    async def breaking(*arguments):
        count = 0
        async for block in whole(*arguments):
            count += 1
            if count == 5 and not cut:
                cut.append(1)
                subprocess.run(["pkill", "-P", str(login.process.pid)], check=False)
            yield block

    monkeypatch.setattr(transfer, "_stream", breaking)
    monkeypatch.setattr(transfer, "BLOCK", 1 << 15)
    _, err = run(capsys, NEW, *there, "--no-service", code=2)
    assert "the connection broke" in err
    assert device.in_use(App(root, "camera")) == "mobilenet_v2"
    run(capsys, NEW, *there, "--no-service", "--json", tmp_path / "out.json")
    sent = json.loads((tmp_path / "out.json").read_text())["hosts"][0]["sent_bytes"]
    bundle = device.released("shufflenet_v2_cifar10")
    whole_size = sum(one.bytes for one in transfer.wanted(bundle.root))
    assert 0 < sent < whole_size, "what had come was not sent again"
    assert device.in_use(App(root, "camera")) == "shufflenet_v2"


def test_two_deploys_at_once(there, root, login):
    """Both end, one after the other, and the device runs one of them, verified."""
    environment = {**os.environ, "HOME": str(login.home)}
    command = [sys.executable, "-m", "edge.cli.deploy"]
    started = [
        subprocess.Popen([*command, bundle, *there, "--no-service"], env=environment, stderr=subprocess.PIPE)
        for bundle in (OLD, NEW)
    ]
    errors = [process.communicate(timeout=200)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    app = App(root, "camera")
    assert device.in_use(app) in ("mobilenet_v2", "shufflenet_v2")
    assert len(release.names(app)) == 2
    assert list(app.slots.glob(".*")) == []
    assert list(app.incoming.iterdir()) == []


def test_fifty_devices_of_which_some_fail_end_verified(capsys, login, runtimes, tmp_path, monkeypatch):
    """One sshd, and 50 roots that share a runtime. Each device runs the old or the new version.

    Three connections break in the middle, and two devices cannot write.
    """
    from edge.deploy.push import transfer

    fleet, broken, stuck = tmp_path / "fleet", {"h03", "h13", "h23"}, {"h33", "h43"}
    names = [f"h{number:02}" for number in range(50)]
    lines = []
    for name in names:
        new_device(runtimes, fleet / name)
        canary = "canary = true\n" if name == "h00" else ""
        lines.append(f'[hosts.{name}]\nto = "{login.to}"\nroot = "{fleet / name}"\n{canary}')
    inventory = tmp_path / "fleet.toml"
    inventory.write_text("\n".join(lines))
    common = ["--inventory", inventory, "--no-service", "--parallel", "6"]
    begin = time.monotonic()
    run(capsys, OLD, *common)
    for name in stuck:
        app = App(fleet / name, "camera")
        shutil.rmtree(app.incoming)
        app.incoming.write_text("a file where the folder should be")
    send = transfer.send

    async def breaking(connection, *arguments):
        if connection.host.name in broken:
            connection._session.abort()
        return await send(connection, *arguments)

    monkeypatch.setattr(transfer, "send", breaking)
    _, err = run(capsys, NEW, *common, "--max-failures", "10", "--json", tmp_path / "out.json", code=1)
    print(f"100 deploys in {time.monotonic() - begin:.0f} s")
    rows = json.loads((tmp_path / "out.json").read_text())["hosts"]
    assert {row["host"] for row in rows if row["error"]} == broken | stuck
    assert "45 of 50 devices done" in err
    for name in names:
        expected = "mobilenet_v2" if name in broken | stuck else "shufflenet_v2"
        assert device.in_use(App(fleet / name, "camera")) == expected


def test_a_device_is_asked_nothing_when_the_bundle_fits_none(capsys, there, tmp_path):
    _, err = run(capsys, tmp_path / "none.edge", *there, code=2)
    assert "does not exist" in err
    _, err = run(capsys, OLD, "--to", "a b", code=2)
    assert "user@host" in err
    with pytest.raises(SystemExit):
        deploy.main([OLD, *there, "--", "--no-such-option"])


def test_trust_keeps_a_device_from_shutting_itself_out(capsys, login, tmp_path, wheels):
    root = tmp_path / "device"
    there = ["--to", login.to, "--root", root]
    own = [*there, "--no-service", "--wheelhouse", wheels]
    run(capsys, OLD, *own)
    run(capsys, "keygen", "--out", tmp_path / "fleet")
    _, err = run(capsys, "trust", tmp_path / "fleet.pub", "--signed-only", *there, code=2)
    assert "would no longer start" in err
    assert list((root / "trust").iterdir()) == []
    signed = tmp_path / "signed.edge"
    run(capsys, "sign", OLD, "--key", tmp_path / "fleet.key", "--version", "7", "--out", signed)
    run(capsys, signed, *own)
    out, _ = run(capsys, "trust", tmp_path / "fleet.pub", "--signed-only", *there)
    assert "runs signed bundles only" in out
    run(capsys, signed, *own)
    _, err = run(capsys, NEW, *own, code=2)
    assert "must be signed" in err
    out, _ = run(capsys, "status", *there)
    assert "version 7" in out
    older = tmp_path / "older.edge"
    run(capsys, "sign", NEW, "--key", tmp_path / "fleet.key", "--version", "6", "--out", older)
    _, err = run(capsys, older, *own, code=2)
    assert "at least version 7" in err
