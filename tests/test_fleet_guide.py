"""docs/fleet.md: its configurations and commands run here, against a real broker, with a camera in a process."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.sinks import SINKS
from tests.sinks.mosquitto import PROGRAMS, Mosquitto, Reader, needs_mosquitto

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) (.*)\n((?:.*\n)*?)```$", GUIDE, re.MULTILINE)
BUNDLE = ROOT / "models" / "weights" / "shufflenet_v2_cifar10_int8.edge"
PASSWORDS = {"hub": "hub secret", "door": "d00r secret"}
TOKEN = "a metrics token"


def block(name):
    (text,) = [text for _, kind, text in BLOCKS if kind == name]
    return text


def lines(name):
    return [line for _, kind, text in BLOCKS if kind == name for line in text.splitlines()]


def test_every_block_says_how_it_is_used():
    run = {"hashes", "access", "broker", "camera", "on the camera", "on the server", "scrape", "alerts"}
    assert {kind for _, kind, _ in BLOCKS} == run | {"on the server, once", "on each camera, once"}
    assert GUIDE.count("```") == 2 * len(BLOCKS)


def test_the_extras_are_those_of_the_sinks():
    (line,) = [line for line in lines("on each camera, once") if line.startswith("pip")]
    assert line == "pip install 'edgekit[mqtt,metrics]'"
    assert {SINKS["mqtt"].extra, SINKS["metrics"].extra} == {"mqtt", "metrics"}


@pytest.mark.slow
@needs_mosquitto
def test_a_camera_of_the_fleet(tmp_path):
    for program in ("mosquitto_sub", "curl"):
        if shutil.which(program) is None:
            pytest.skip(f"needs the program {program}")
    for name in ("mqtt", "metrics"):
        if missing := SINKS[name].missing():
            pytest.skip(f"{name} needs {', '.join(missing)}, not installed here")
    fleet = Fleet(tmp_path)
    with fleet.broker, Reader(fleet.broker.port, "hub", PASSWORDS["hub"]) as reader:
        camera = fleet.start_camera()
        try:
            reader.wait("cameras/door/status", "online")
            source = _source(reader)
            reader.wait(f"cameras/door/{source}/health")
            answers = [fleet.run(line.replace("door/front", f"door/{source}")) for line in lines("on the server")]
            reader.wait("cameras/door/settings", '{"score_threshold": 0.6, "labels": null}')
        finally:
            camera.terminate()
            said, _ = camera.communicate(timeout=60)
        reader.wait("cameras/door/status", "offline")
    assert camera.returncode == 0, said
    assert not any(secret in said for secret in (*PASSWORDS.values(), TOKEN))
    assert answers[0] == "online\n"
    _check_metrics(answers[-1])
    _check_topics({topic.replace(source, "SOURCE") for topic, *_ in reader.messages})


class Fleet:
    """The files of the page with this machine's ports and folders in place of those of the page."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        passwords = folder / "passwords"
        passwords.write_text("".join(f"{user}:{password}\n" for user, password in PASSWORDS.items()))
        self.run(block("hashes").strip())
        assert not any(password in passwords.read_text() for password in PASSWORDS.values())
        (folder / "access").write_text(block("access"))
        self.broker = Mosquitto(folder)
        replaced = block("broker").replace("/etc/mosquitto", str(folder))
        replaced = replaced.replace("listener 1883", f"listener {self.broker.port} 127.0.0.1")
        (folder / "mosquitto.conf").write_text(f"{replaced}user root\n")
        self.broker.start()
        for program in ("sub", "pub"):
            file = self.home / ".config" / f"mosquitto_{program}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"-u hub\n-P {PASSWORDS['hub']}\n-p {self.broker.port}\n")
        (folder / "mqtt-password").write_text(f"{PASSWORDS['door']}\n")
        (folder / "metrics-token").write_text(f"{TOKEN}\n")
        self.metrics_port = _free_port()

    def start_camera(self) -> subprocess.Popen:
        config = block("camera").replace("/etc/edgekit", str(self.folder)).replace("net.edge", str(BUNDLE))
        config = config.replace("hub.local", f"127.0.0.1:{self.broker.port}").replace("9101", str(self.metrics_port))
        config = config.replace('address = "0"', 'address = "synthetic:64x48@20"')
        (self.folder / "camera.toml").write_text(config.replace("0.0.0.0", "127.0.0.1"))
        (command,) = lines("on the camera")
        name, *arguments = command.split()
        assert name == "edge-camera"
        return subprocess.Popen(
            [sys.executable, "-m", "edge.cli.camera", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, line: str) -> str:
        """Run a command of the page in a shell, and return what it prints."""
        if "hub.local" in line or "door.local" in line:
            line = line.replace("hub.local", "127.0.0.1").replace("door.local:9101", f"127.0.0.1:{self.metrics_port}")
        environment = {**os.environ, "HOME": str(self.home), "METRICS_TOKEN": TOKEN}
        environment["PATH"] = f"{os.path.dirname(PROGRAMS[1])}:{environment['PATH']}"
        environment.pop("XDG_CONFIG_HOME", None)
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout


def _free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _source(reader):
    """Return the part of the topics that stands for the only source."""
    reader.wait("cameras/door/host")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for topic, *_ in list(reader.messages):
            if topic.startswith("cameras/door/") and topic.endswith("/result"):
                return topic.split("/")[2]
        time.sleep(0.05)
    raise AssertionError("no result came")


def _check_topics(found):
    """Every topic that is published is in the table; zones and lines need a tracker."""
    table = re.findall(r"^\| `PREFIX/([^`]+)` \|", GUIDE, re.MULTILINE)
    assert len(table) == 11
    published = {topic.removeprefix("cameras/door/") for topic in found if "cameras/" in topic}
    assert published <= set(table)
    assert published >= {"status", "host", "settings", "SOURCE/result", "SOURCE/counts", "SOURCE/health"}


def _check_metrics(text):
    """The page lists every metric of ours, with its labels; the expressions name no other."""
    from prometheus_client.parser import text_string_to_metric_families

    table = dict(re.findall(r"^\| `(edge_\w+)` \|([^|]*)\|", GUIDE, re.MULTILINE))
    families = [one for one in text_string_to_metric_families(text) if one.name.startswith("edge")]
    given = {one.name + {"counter": "_total", "info": "_info"}.get(one.type, ""): one for one in families}
    board = {"edge_temperature_celsius", "edge_throttled"}  # machines without sensors have none
    assert set(table) - board <= set(given) <= set(table)
    for name, family in given.items():
        for sample in family.samples:
            labels = set(sample.labels) - {"le"}
            assert labels == set(filter(None, table[name].strip().split(", "))), name
    named = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\bedge_\w+", GUIDE)}
    assert named <= set(table)


def test_the_rules_and_panels_name_metrics_of_the_page():
    table = set(re.findall(r"^\| `(edge_\w+)` \|", GUIDE, re.MULTILINE))
    used = re.findall(r"\bedge_\w+", block("alerts") + GUIDE.split("Panels for Grafana")[1])
    assert {re.sub("_bucket$", "", name) for name in used} <= table
    assert len(used) > 10
