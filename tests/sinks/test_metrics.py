"""The metrics as Prometheus reads them: by its own parser, over HTTP."""

import http.client
import shutil
import socket
import time
from pathlib import Path

import pytest

from edge import __version__
from edge.errors import FileError, InputError
from edge.results import Place, Result
from edge.sinks import open_sink, scrape_server
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.host import Host
from tests.loops import BandsNetwork, ListSource, frame

pytest.importorskip("prometheus_client", reason="needs prometheus-client")

from prometheus_client.parser import text_string_to_metric_families

from edge.sinks.metrics import LoopCollector

TREES = Path(__file__).resolve().parents[1] / "doctor_trees"
ODD = 'back"door\\\n{x="1"}'


def get(port, path="/metrics", host="127.0.0.1", **headers):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def samples(text):
    """Return the value of each sample by name and labels, as Prometheus reads it."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    out = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in found}
    assert len(out) == len(found), "a sample is there twice"
    return out


def context(*names, live=True):
    sources = [ListSource([], live, name=name) for name in names]
    return Context(sources, signature=BandsNetwork.signature, model="bands", backend="fake")


def count(known, source, index, age_ms, infer_ms, **fields):
    """Give the counters a result, and return its event."""
    one = frame(index, source=source)
    known.stats.count_result(one, age_ms, infer_ms, bool(fields.get("fault")))
    return Event(one, Result(source=source, captured_ns=1_500_000_000, age_ms=age_ms, infer_ms=infer_ms, **fields))


def scrape(known, *events):
    with open_sink("metrics", "0", known) as sink:
        for event in events:
            sink.emit(event)
        status, text = get(sink.port)
    assert status == 200
    return samples(text)


def test_counters_of_sources_and_sinks():
    known = context("door", ODD)
    events = [count(known, "door", 0, 12.0, 8.0), count(known, "door", 3, 30.0, 9.0), count(known, ODD, 0, 999.0, 1.0)]
    known.stats.count_skipped(frame(4, source="door"))
    known.stats.count_lost("mqtt", 7)
    known.stats.count_error("mqtt")
    found = scrape(known, *events)
    door, other = ("source", "door"), ("source", ODD)
    for name, labels, value in (
        ("edge_frames_total", [door], 2),
        ("edge_dropped_frames_total", [door], 2),  # between frame 0 and frame 3
        ("edge_skipped_frames_total", [door], 1),
        ("edge_frames_total", [other], 1),
        ("edge_lost_results_total", [("sink", "mqtt")], 7),
        ("edge_sink_errors_total", [("sink", "mqtt")], 1),
        ("edge_faults_total", [], 0),
        ("edge_last_capture_timestamp_seconds", [door], 1.5),
        ("edge_age_seconds_count", [door], 2),
        ("edge_age_seconds_bucket", [("le", "0.01"), door], 0),
        ("edge_age_seconds_bucket", [("le", "0.02"), door], 1),
        ("edge_age_seconds_bucket", [("le", "0.035"), door], 2),
        ("edge_age_seconds_bucket", [("le", "+Inf"), door], 2),
        ("edge_inference_seconds_bucket", [("le", "0.005"), door], 0),
        ("edge_inference_seconds_bucket", [("le", "0.01"), door], 2),
    ):
        assert found[(name, *labels)] == value, (name, labels)
    assert found[("edge_age_seconds_sum", door)] == pytest.approx(0.042)
    known_info = [("backend", "fake"), ("model", "bands"), ("task", "classify"), ("version", __version__)]
    assert found[("edge_info", *known_info)] == 1
    assert ("process_resident_memory_bytes",) in found


def test_lines_and_zones():
    known = context("door")
    places = (
        Place("step", "line", (), {"in": 5, "out": 2}),
        Place("yard", "zone", (), {"now": 1, "entered": 4, "left": 3}),
    )
    found = scrape(known, count(known, "door", 0, 1.0, 1.0, places=places))
    door = ("source", "door")
    assert found[("edge_zone_objects", door, ("zone", "yard"))] == 1
    assert found[("edge_zone_passages_total", ("direction", "entered"), door, ("zone", "yard"))] == 4
    assert found[("edge_line_crossings_total", ("direction", "in"), ("line", "step"), door)] == 5
    assert found[("edge_line_crossings_total", ("direction", "out"), ("line", "step"), door)] == 2


def test_a_faulty_frame_leaves_lines_and_zones_as_they_were():
    known = context("door")
    places = (Place("step", "line", (), {"in": 5, "out": 2}), Place("yard", "zone", (), {"now": 1, "entered": 4}))
    before = scrape(known, count(known, "door", 0, 1.0, 1.0, places=places))
    after = scrape(
        known, count(known, "door", 1, 1.0, 1.0, places=places), count(known, "door", 2, 1.0, 1.0, fault="NaN")
    )
    series = {key: value for key, value in before.items() if key[0].startswith(("edge_line", "edge_zone"))}
    assert len(series) == 5
    assert {key: after.get(key) for key in series} == series


def test_places_that_are_gone_have_no_metrics_and_many_are_bounded():
    known = context("door")
    many = tuple(Place(f"zone {number}", "zone", ()) for number in range(500))
    found = scrape(known, count(known, "door", 0, 1.0, 1.0, places=many))
    assert sum(name == "edge_zone_objects" for name, *_ in found) == 64
    found = scrape(known, count(known, "door", 1, 1.0, 1.0, places=many), count(known, "door", 2, 1.0, 1.0))
    assert not any(name == "edge_zone_objects" for name, *_ in found)


def test_pictures_of_a_folder_do_not_multiply_the_labels():
    known = context("photos", live=False)
    events = []
    for number in range(50):
        one = frame(number, source=f"photos/{number}.jpg")
        object.__setattr__(one, "stream", "photos")
        known.stats.count_result(one, 1.0, 1.0)
        events.append(Event(one, Result(source=one.source)))
    found = scrape(known, *events)
    assert [key for key in found if key[0] == "edge_frames_total"] == [("edge_frames_total", ("source", "photos"))]
    assert found[("edge_age_seconds_count", ("source", "photos"))] == 50


def test_the_machine(tmp_path):
    shutil.copytree(TREES / "pi4", tmp_path / "pi4")
    (tmp_path / "pi4/sys/class/thermal/thermal_zone0/temp").write_text("61234\n")
    families = {family.name: family for family in LoopCollector(context("a"), Host(tmp_path / "pi4")).collect()}
    assert families["edge_temperature_celsius"].samples[0].value == 61.234
    assert families["edge_throttled"].samples[0].value in (0, 1)
    assert "edge_throttled" not in {family.name for family in LoopCollector(context("a"), Host(tmp_path)).collect()}


def test_other_paths_and_a_client_that_says_nothing():
    with open_sink("metrics", "0", context("a")) as sink, socket.create_connection(("127.0.0.1", sink.port)):
        assert get(sink.port, "/")[0] == 404
        assert get(sink.port, "/metrics?x=1")[0] == 200


def test_many_clients_that_hang_are_not_waited_for():
    sink = open_sink("metrics", "0", context("a"))
    hanging = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(20)]
    begun = time.monotonic()
    sink.close()
    for one in hanging:
        one.close()
    assert time.monotonic() - begun < scrape_server.REQUEST_SECONDS


def test_a_token(monkeypatch):
    monkeypatch.setenv("METRICS_TOKEN", "hush")
    with open_sink("metrics", "0.0.0.0:0", context("a"), {"token": "${METRICS_TOKEN}"}) as sink:
        assert get(sink.port)[0] == 401
        assert get(sink.port, Authorization="Bearer wrong")[0] == 401
        assert get(sink.port, Authorization="Bearer hush")[0] == 200


def test_a_port_that_is_taken_is_an_error_at_the_start():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            FileError, match=rf"metrics cannot listen on 127\.0\.0\.1 port {port}: Address already in use"
        ):
            open_sink("metrics", str(port), context("a"))


def test_the_port_is_free_after_the_end():
    with open_sink("metrics", "127.0.0.1:0", context("a")) as sink:
        port = sink.port
    open_sink("metrics", str(port), context("a")).close()


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("http://x", "metrics must be PORT or HOST:PORT"),
        ("70000", "a port from 0 to 65535"),
        ("", "metrics must be"),
        ("0.0.0.0:9100", "can be read by other machines: state a token"),
        ("camera.local:9100", "state a token"),
    ],
)
def test_other_targets_are_one_line(target, line):
    with pytest.raises(InputError, match=line):
        open_sink("metrics", target, context("a"))
