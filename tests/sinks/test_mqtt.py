"""What is published, against a client that keeps it; ``test_mqtt_broker.py`` has a real broker."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.control import Control
from edge.errors import InputError
from edge.places import Zone
from edge.results import Occurrence, Place, Prediction, Result
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.host import HostState
from tests.loops import BandsNetwork, ListSource, frame

pytest.importorskip("paho.mqtt", reason="needs paho-mqtt")

import paho.mqtt.client as paho

from edge.sinks.mqtt import Mqtt, MqttOptions

URL = "mqtt://me:${MQTT_PASSWORD}@broker/cameras/pi"
OBJECTS = (Prediction("person", 0.9, 0, (0, 0, 9, 9), 3), Prediction("cat", 0.8, 1, (0, 0, 9, 9), 4))
YARD = Place("the yard", "zone", (), {"now": 1, "entered": 4, "left": 3})
DOOR = Place("door", "line", (), {"in": 5, "out": 2})
YARD_TOPIC = "cameras/pi/front/zone/the-yard-d2dfa3"


USUAL = MqttOptions()


class Client:
    """Stands for paho's client: it keeps what is published. A test connects and disconnects it."""

    made: "Client"

    def __init__(self, version, client_id, protocol):
        Client.made = self
        self.published, self.calls, self.retained = [], [], {}
        self.up, self.full = False, False

    def publish(self, topic, payload, qos=0, retain=False):
        if not self.up and qos == 0:
            return SimpleNamespace(rc=paho.MQTT_ERR_NO_CONN)
        if self.full:
            return SimpleNamespace(rc=paho.MQTT_ERR_QUEUE_SIZE)
        self.published.append((topic, payload, qos, retain))
        if retain:
            self.retained[topic] = payload
        rc = paho.MQTT_ERR_SUCCESS if self.up else paho.MQTT_ERR_NO_CONN
        return SimpleNamespace(rc=rc, wait_for_publish=lambda seconds: None)

    def connect(self, failure=""):
        self.up = not failure
        reason = type("Reason", (), {"is_failure": bool(failure), "__str__": lambda self: failure})()
        self.on_connect(self, None, {}, reason, None)

    def lose(self):
        self.up = False
        self.on_disconnect(self, None, None, "Unspecified error", None)

    def tell(self, topic, payload, retain=False):
        self.on_message(self, None, SimpleNamespace(topic=topic, payload=payload, retain=retain))

    def __getattr__(self, name):  # what needs no answer
        return lambda *given, **named: self.calls.append((name, given))


class Machine:
    def state(self):
        return HostState(61.25, False)


class Opened:
    """A sink with its client, its clock, and what it said."""

    def __init__(self, options=USUAL, names=("front",), url=URL):
        self.now, self.lines, self.index = 0.0, [], 0
        sources = [ListSource([], live=True, name=name) for name in names]
        self.context = Context(sources, control=Control(), signature=BandsNetwork.signature, model="bands")
        self.sink = Mqtt(url, self.context, options, lambda: self.now, self.lines.append, Machine(), make=Client)
        self.client = Client.made

    def emit(self, source="front", after=0.0, **fields):
        self.now += after
        self.index += 1
        one = frame(self.index, source=source)
        self.sink.emit(Event(one, Result(task="detect", source=source, frame=self.index, **fields)))

    def sent(self, ending):
        return [payload for topic, payload, _, _ in self.client.published if topic.endswith(ending)]


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("MQTT_PASSWORD", "hush")


def test_results_at_most_once_an_interval_and_occurrences_at_once():
    one = Opened()
    one.client.connect()
    crossed = (Occurrence("cross", "door", "person", 3, "in"),)
    one.emit(predictions=OBJECTS)
    one.emit(after=0.5, occurrences=crossed)
    one.emit(after=0.5)
    assert [json.loads(payload)["frame"] for payload in one.sent("/front/result")] == [1, 3]
    (occurrence,) = [message for message in one.client.published if message[0].endswith("/occurrence")]
    assert occurrence[0] == "cameras/pi/front/occurrence"
    assert occurrence[2:] == (1, False)
    assert json.loads(occurrence[1]) == {
        **{"source": "front", "frame": 2, "captured_ns": 0},
        **{"kind": "cross", "place": "door", "label": "person", "id": 3, "direction": "in"},
    }


def test_counters_are_retained_and_published_when_they_change():
    one = Opened(MqttOptions(interval=0.0))
    one.client.connect()
    one.emit(predictions=OBJECTS, places=(YARD, DOOR))
    one.emit(predictions=OBJECTS, places=(YARD, DOOR))
    assert [json.loads(payload) for payload in one.sent("/front/counts")] == [
        {"objects": 2, "labels": {"cat": 1, "person": 1}, "best": "person"}
    ]
    assert json.loads(one.client.retained[YARD_TOPIC]) == {
        **{"name": "the yard", "kind": "zone", "now": 1, "entered": 4, "left": 3}
    }
    assert len(one.sent("/line/door")) == 1


def test_a_place_that_is_gone_is_removed():
    one = Opened(MqttOptions(interval=0.0))
    one.client.connect()
    one.emit(places=(YARD,))
    entities = [topic for topic in one.client.retained if "zone-the-yard" in topic]
    assert len(entities) == 2
    one.emit(places=(DOOR,))
    assert {one.client.retained[topic] for topic in (*entities, YARD_TOPIC)} == {""}
    one.emit(places=(YARD,))
    assert one.client.retained[YARD_TOPIC]


def test_health_of_each_source_and_of_the_machine():
    one = Opened(names=("front", "back"))
    one.client.connect()
    for _ in range(20):
        one.emit(after=0.5, age_ms=12.34)
    assert json.loads(one.client.retained["cameras/pi/front/health"]) == {"fps": 2.0, "age_ms": 12.3}
    assert "cameras/pi/back/health" not in one.client.retained
    state = json.loads(one.client.retained["cameras/pi/host"])
    assert (state["model"], state["degrees"], state["throttled"]) == ("bands", 61.25, False)


def test_a_broker_that_is_away_is_said_once_and_everything_is_published_again(monkeypatch):
    one = Opened(MqttOptions(interval=0.0))
    for _ in range(3):
        one.client.on_connect_fail(one.client, None)
    one.emit(places=(YARD,), occurrences=(Occurrence("enter", "the yard", "cat", 1),))
    assert one.context.stats.snapshot().lost_by_sink == {"mqtt": 1}  # the result; the occurrence waits
    assert len(one.sent("/occurrence")) == 1
    one.client.connect()
    before = dict(one.client.retained)
    assert before["cameras/pi/status"] == "online"
    one.client.lose()
    one.client.retained.clear()
    one.client.connect()
    assert one.client.retained == before
    assert YARD_TOPIC in before
    assert one.lines == [
        "sink mqtt: mqtt://broker:1883 cannot be reached: None; it is tried again",
        "sink mqtt: connected to mqtt://broker:1883 after 3 attempt(s)",
        "sink mqtt: mqtt://broker:1883 has closed the connection: Unspecified error; it is tried again",
        "sink mqtt: connected to mqtt://broker:1883 after 1 attempt(s)",
    ]


def test_a_broker_that_refuses_is_said_once_without_the_password():
    one = Opened()
    one.client.connect("Not authorized")
    one.client.lose()
    one.client.connect("Not authorized")
    assert one.lines == ["sink mqtt: mqtt://broker:1883 does not let this client in: Not authorized; it is tried again"]
    assert ("username_pw_set", ("me", "hush")) in one.client.calls


def test_a_full_queue_is_counted():
    one = Opened()
    one.client.full = True
    one.emit(occurrences=(Occurrence("enter", "the yard", "cat", 1),) * 3)
    assert one.context.stats.snapshot().lost_by_sink == {"mqtt": 4}


def test_the_will_says_offline_and_so_does_the_end():
    one = Opened()
    assert ("will_set", ("cameras/pi/status", "offline")) in one.client.calls
    one.client.connect()
    one.sink.close()
    one.sink.close()
    assert one.sent("/status") == ["online", "offline"]


def test_commands_change_settings_and_refused_ones_are_said():
    one = Opened()
    one.client.connect()
    one.client.tell("cameras/pi/set/score_threshold", b"0.6")
    one.client.tell("cameras/pi/set/labels", b'["cat"]')
    one.client.tell("cameras/pi/set/score_threshold", b"6")
    one.client.tell("cameras/pi/set/score_threshold", b"0.1", retain=True)
    one.client.tell("cameras/pi/set/evil\n", b"1")
    settings = one.context.control.settings
    assert (settings.score_threshold, settings.labels) == (0.6, frozenset({"cat"}))
    assert json.loads(one.client.retained["cameras/pi/settings"]) == {"score_threshold": 0.6, "labels": ["cat"]}
    assert [line.split(": ")[1] for line in one.lines] == [
        *("command score_threshold", "command score_threshold", "command evil")
    ]
    assert "must be a number from 0 to 1, got '6'" in one.lines[0]


def test_an_error_of_a_callback_does_not_end_the_client(monkeypatch):
    one = Opened()
    monkeypatch.setattr(Machine, "state", lambda self: 1 / 0)
    one.client.connect()
    assert one.lines == ["sink mqtt: ZeroDivisionError division by zero"]
    assert one.client.retained["cameras/pi/status"] == "online"


def test_settings_that_something_else_changed_are_published():
    one = Opened()
    one.client.connect()
    one.context.control.change(score_threshold=0.5)
    one.context.control.change(shapes={"": (Zone("z", ((0, 0), (1, 0), (1, 1))),)})
    one.emit()
    assert [json.loads(payload)["score_threshold"] for payload in one.sent("/settings")] == [None, 0.5]


def test_home_assistant_finds_everything():
    one = Opened(MqttOptions(interval=0.0, labels=('a "label" }}',)), names=("front", "back/yard"))
    one.client.connect()
    one.emit(places=(YARD, DOOR))
    found = {topic: json.loads(p) for topic, p in one.client.retained.items() if topic.startswith("homeassistant/")}
    assert len(found) == 3 + 2 * 5 + 2 + 2  # the machine, two sources, a zone, a line
    identifiers = [content["unique_id"] for content in found.values()]
    assert len(set(identifiers)) == len(identifiers)
    for topic, content in found.items():
        assert re.fullmatch(r"homeassistant/(sensor|binary_sensor|number)/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/config", topic)
        assert content["availability_topic"] == "cameras/pi/status"
        assert content["device"]["model"] == "bands"
        assert re.fullmatch(r"edgekit-[A-Za-z0-9._-]+", content["device"]["identifiers"][0])
        assert content["state_topic"].startswith("cameras/pi/")
    (label,) = [content for content in found.values() if content["name"].startswith("Count of")][:1]
    assert label["value_template"] == r"""{{ value_json.labels.get("a \"label\" }}", 0) }}"""
    occupancy = [content for content in found.values() if content.get("device_class") == "occupancy"]
    assert [content["state_topic"] for content in occupancy] == [YARD_TOPIC]


def test_half_characters_of_labels_are_published_as_json_escapes():
    one = Opened()
    one.client.connect()
    one.emit(predictions=(Prediction("a\udce9", 0.5, 0, (0, 0, 9, 9)),))
    (payload,) = one.sent("/result")
    assert payload.isascii()
    assert json.loads(payload)["results"][0]["label"] == "a\udce9"


def test_home_assistant_may_be_left_out():
    one = Opened(MqttOptions(discovery=""))
    one.client.connect()
    one.emit(places=(YARD,))
    assert not [topic for topic in one.client.retained if topic.startswith("homeassistant")]


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        pytest.param(["door"], "edgekit/pi-4-door", id="one source"),
        pytest.param(["door", "yard"], "edgekit/pi-4-door-yard", id="two sources"),
        pytest.param(["the yard"], "edgekit/pi-4-the-yard-d2dfa3", id="a name with a space"),
        pytest.param([f"cam{n}" for n in range(60)], "edgekit/pi-4-cam0-cam1-", id="very many"),
    ],
)
def test_without_a_path_the_topics_are_of_this_machine_and_its_sources(monkeypatch, names, prefix):
    """So that two programs on one machine do not share ``status``, which the first that ends sets to offline."""
    monkeypatch.setattr("socket.gethostname", lambda: "pi 4")
    one = Opened(url="mqtt://broker", names=names)
    one.client.connect()
    (status,) = [topic for topic in one.client.retained if topic.endswith("/status")]
    assert status == f"{prefix}/status" if len(names) < 9 else status.startswith(prefix)
    assert len(status) < 100


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://broker", "the address must be mqtt:// or mqtts://"),
        ("mqtt://broker/a/+/b", r"the path of the address must be a topic"),
        ("mqtt://broker/a//b", "must be a topic"),
        ("mqtt://me:${NO_SUCH_VARIABLE}@broker", "the environment must have the variable"),
    ],
)
def test_other_addresses_are_one_line(url, line):
    with pytest.raises(InputError, match=line):
        Opened(url=url)


def test_a_source_must_not_stand_where_commands_come():
    with pytest.raises(InputError, match="no source may have the name 'set'"):
        Opened(names=("front", "set"))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"interval": -1.0}, "interval must be from 0"),
        ({"discovery": "a/#"}, "discovery must be a topic"),
        ({"ca": Path("/no/such/file")}, "ca must be a file with certificates"),
    ],
)
def test_other_options_are_one_line(options, line):
    with pytest.raises(InputError, match=line):
        MqttOptions(**options)
