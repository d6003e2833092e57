"""The sink against a real broker, which is away at the start, killed, restarted, and has passwords and TLS."""

import gc
import json
import signal
import socket
import threading
import time

import pytest

from edge.control import Control
from edge.pipeline import Loop
from edge.results import Occurrence, Place, Result
from edge.sinks import open_sink
from edge.sinks.context import Context
from tests.loops import BandsNetwork, ListSource, event, frame
from tests.sinks import certificates
from tests.sinks.mosquitto import Mosquitto, Reader, needs_mosquitto

pytest.importorskip("paho.mqtt", reason="needs paho-mqtt")

from edge.sinks import mqtt_client
from edge.sinks.mqtt import Mqtt, MqttOptions

pytestmark = [needs_mosquitto, pytest.mark.slow]

YARD = Place("yard", "zone", (), {"now": 1, "entered": 1, "left": 0})
ENTERED = Occurrence("enter", "yard", "person", 7)


def context():
    return Context([ListSource([], live=True, name="door")], control=Control(), model="bands")


def emit(sink, index, **fields):
    sink.emit(event(index, Result(source="door", frame=index, **fields), source="door"))


class Said:
    """Keeps what a sink reports, and lets a test wait for it."""

    def __init__(self):
        self.lines, self._changed = [], threading.Condition()

    def __call__(self, line):
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def wait(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.lines) >= count, 30), self.lines
            return self.lines


def test_away_at_the_start_then_killed_and_restarted(tmp_path):
    """It is said once, everything that is retained comes again, and an occurrence waits."""
    said = Said()
    with Mosquitto(tmp_path) as broker:
        url = f"mqtt://127.0.0.1:{broker.port}/cameras/pi"
        with Mqtt(url, context(), MqttOptions(interval=0.0), report=said) as sink:
            said.wait(1)
            emit(sink, 0, places=(YARD,), occurrences=(ENTERED,))
            broker.start()
            with Reader(broker.port) as reader:
                reader.wait("cameras/pi/status", "online")
                assert json.loads(reader.wait("cameras/pi/door/occurrence")[0])["id"] == 7
                assert json.loads(reader.wait("cameras/pi/door/zone/yard")[0])["now"] == 1
                emit(sink, 1)
                assert json.loads(reader.wait("cameras/pi/door/result")[0])["frame"] == 1
                reader.tell("cameras/pi/set/score_threshold", "0.25")
                reader.wait("cameras/pi/settings", '{"score_threshold": 0.25, "labels": null}')
            broker.kill()
            said.wait(3)
            emit(sink, 2, places=(YARD,), occurrences=(ENTERED,))
            broker.start()
            with Reader(broker.port) as reader:
                reader.wait("cameras/pi/status", "online")
                reader.wait("cameras/pi/settings", '{"score_threshold": 0.25, "labels": null}')
                reader.wait("cameras/pi/door/zone/yard")
                assert json.loads(reader.wait("cameras/pi/door/occurrence")[0])["frame"] == 2
                (config,) = [topic for topic, *_ in reader.messages if topic.endswith("door/zone-yard/config")]
                assert config == "homeassistant/binary_sensor/edgekit-cameras-pi-9aa1db-door/zone-yard/config"
                sink.close()
                reader.wait("cameras/pi/status", "offline")
    name = f"mqtt://127.0.0.1:{broker.port}"
    assert [line.split(name)[0] for line in said.lines] == ["sink mqtt: ", "sink mqtt: connected to "] * 2
    assert "Connection refused" in said.lines[0]


def test_a_client_that_is_cut_off_is_offline(tmp_path):
    """The broker publishes the last will."""
    with (
        Mosquitto(tmp_path) as broker,
        Reader(broker.start().port) as reader,
        open_sink("mqtt", f"mqtt://127.0.0.1:{broker.port}/pi", context()) as sink,
    ):
        reader.wait("pi/status", "online")
        sink._broker._client.socket().shutdown(socket.SHUT_RDWR)
        reader.wait("pi/status", "offline")
        reader.wait("pi/status", "online", count=2)


def test_a_loop_does_not_notice_a_broker_that_is_gone(tmp_path):
    with Mosquitto(tmp_path) as broker:
        broker.start()
        opened = []

        def kill(one):
            if one.index == 100:
                broker.kill()
                _wait(lambda: not opened[0]._broker.up)

        source = ListSource([frame(index, source="door") for index in range(200)], name="door", before=kill)
        loop = Loop(source, BandsNetwork())
        opened.append(open_sink("mqtt", f"mqtt://127.0.0.1:{broker.port}/pi", loop.context, {"interval": 0}))
        _wait(lambda: opened[0]._broker.up)
        stats = loop.run(opened)
    assert stats.frames == 200
    assert 100 <= stats.lost_by_sink["mqtt"] <= 100 + 20  # frames that were on their way


def test_a_broker_that_hangs_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(mqtt_client, "KEEPALIVE_SECONDS", 1)
    said = Said()
    with Mosquitto(tmp_path) as broker:
        url = f"mqtt://127.0.0.1:{broker.start().port}/pi"
        with Mqtt(url, context(), MqttOptions(interval=0.0), report=said) as sink:
            _wait(lambda: sink._broker.up)
            broker.signal(signal.SIGSTOP)
            begun = time.monotonic()
            for index in range(100):
                emit(sink, index, places=(YARD,), occurrences=(ENTERED,))
            assert time.monotonic() - begun < 3
            said.wait(1)
            broker.signal(signal.SIGCONT)
            with Reader(broker.port) as reader:
                reader.wait("pi/door/occurrence", count=100)
    assert "has closed the connection: Keep alive timeout" in said.lines[0]


def _wait(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(("password", "comes"), [("p@ss/w:rd", True), ("wrong", False)])
def test_a_password_file(tmp_path, monkeypatch, capsys, password, comes):
    monkeypatch.setenv("MQTT_PASSWORD", password)
    with Mosquitto(tmp_path, {"cam": "p@ss/w:rd"}) as broker, Reader(broker.start().port, "cam", "p@ss/w:rd") as reader:
        url = f"mqtt://cam:${{MQTT_PASSWORD}}@127.0.0.1:{broker.port}/pi"
        with open_sink("mqtt", url, context()) as sink:
            if comes:
                reader.wait("pi/status", "online")
            else:
                _wait(lambda: sink._broker._failures)
    said = capsys.readouterr().err
    assert password not in said
    assert ("does not let this client in: Not authorized" in said) is not comes


# paho 2.2 leaves a socket to the garbage collection when the handshake of TLS fails
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("known", [True, False], ids=["a known certificate", "an unknown one"])
def test_tls(tmp_path, capsys, known):
    certificate = certificates.make(tmp_path)
    with Mosquitto(tmp_path, certificate=certificate) as broker:
        broker.start()
        url, options = f"mqtts://127.0.0.1:{broker.port}/pi", {"ca": str(certificate.certificate)} if known else {}
        with open_sink("mqtt", url, context(), options) as sink:
            if known:
                with Reader(broker.port, ca=certificate.certificate) as reader:
                    reader.wait("pi/status", "online")
            else:
                _wait(lambda: sink._broker._failures)
    client_threads = [thread for thread in threading.enumerate() if thread.name.startswith("paho")]
    for thread in client_threads:
        thread.join(10)
    gc.collect()
    assert ("certificate verify failed" in capsys.readouterr().err) is not known
