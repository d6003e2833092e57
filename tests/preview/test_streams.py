"""The streams on a real server: pictures, events, many viewers, slow ones, the end."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import struct
import threading
import time

import cv2
import numpy as np
import pytest

from edge.preview import pictures as small_pictures
from edge.preview import server
from edge.preview import stream as streams
from edge.results import Result
from edge.sinks.event import Event
from tests.loops import picture
from tests.preview.camera import Camera
from tests.preview.client import JSON, ask, events, pictures, stream, until


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def wide():
    """Yield pictures whose brightest quarter moves down."""
    for index in itertools.count():
        yield picture(index % 4, (1280, 720))


def test_the_video_is_small_jpegs_with_the_result_drawn_in_and_their_age():
    with Camera(pictures=[wide()]) as camera, stream(camera.port, "/video") as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert answer.headers["Cache-Control"] == "no-store"
        numbers = []
        for head, jpeg in itertools.islice(pictures(answer), 5):
            image = decoded(jpeg)
            assert image.shape == (360, 640, 3)
            assert head["Content-Type"] == "image/jpeg"
            assert 0 <= float(head["X-Age-Ms"]) < 5000
            numbers.append(int(head["X-Frame"]))
            colour = image[20:66, 20:55].reshape(-1, 3).astype(int)  # within the first box's rim: 20, 20, 55, 65
            assert np.ptp(colour, axis=1).max() > 60, "a coloured box on a grey picture"
        assert numbers == sorted(set(numbers))


def test_small_frames_keep_their_size_and_at_most_ten_are_sent_a_second():
    with Camera(rate=100) as camera, stream(camera.port, "/video") as answer:
        parts = pictures(answer)
        assert decoded(next(parts)[1]).shape == (480, 640, 3)
        start = time.monotonic()
        for _ in range(10):
            next(parts)
        assert time.monotonic() - start > 0.85


def test_pictures_are_encoded_once_for_all_and_only_while_somebody_watches(monkeypatch):
    encoded = []
    live = small_pictures.live
    monkeypatch.setattr("edge.preview.pictures.live", lambda *a: encoded.append(1) or live(*a))
    with Camera() as camera:
        until(lambda: camera.stats.frames > 5)
        assert not encoded
        with stream(camera.port, "/video") as one, stream(camera.port, "/video") as other:
            parts = [pictures(answer) for answer in (one, other)]
            seen = [{head["X-Frame"]: jpeg for head, jpeg in itertools.islice(part, 8)} for part in parts]
            common = set(seen[0]) & set(seen[1])
            assert len(common) >= 5
            assert all(seen[0][number] == seen[1][number] for number in common)
        until(lambda: camera.sink.viewers == 0)
        count = len(encoded)
        frames = camera.stats.frames
        until(lambda: camera.stats.frames > frames + 5)
        assert len(encoded) <= count + 1


def test_a_source_that_stands_still_shows_its_last_picture_to_a_new_viewer():
    with Camera() as camera:
        until(lambda: camera.stats.frames > 2)
        camera.paused.set()
        for _ in range(2):
            with stream(camera.port, "/video") as answer:
                assert decoded(next(pictures(answer))[1]) is not None


def test_events_are_the_state_then_results_and_the_status_each_second():
    with Camera() as camera, stream(camera.port, "/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        told = list(itertools.islice(events(answer), 25))
        assert [kind for kind, _ in told[:2]] == ["state", "status"]
        state = told[0][1]
        assert (state["model"], state["backend"], state["task"]) == ("ssdlite", "litert", "detect")
        assert (state["sources"], state["labels"]) == (["cells"], ["Platelets", "RBC", "WBC"])
        results = [data for kind, data in told if kind == "result"]
        assert [row["label"] for row in results[0]["results"]] == ["Platelets", "RBC", "WBC"]
        assert results[0]["age_clock"] == "arrival"
        last = [data for kind, data in told if kind == "status"][-1]
        assert last["rates"]["frames"] > 5
        assert {"dropped", "skipped", "lost", "infer_median", "temperature", "throttled"} <= set(last)
        assert last["sources"][0]["name"] == "cells"
        assert last["sources"][0]["idle"] < 2


def test_results_that_hold_arrays_are_sent_without_them():
    from edge.preview.parts import result_json
    from edge.results import Mask
    from tests.loops import frame

    mask = Mask(np.zeros((48, 64), np.uint8), ("sky",))
    for result in (Result("segment", mask=mask), Result("raw", tensors={"x": np.zeros(1000, np.float32)})):
        found = result_json(Event(frame(), result))
        assert len(json.dumps(found)) < 1000
    assert result_json(Event(frame(), Result("segment", mask=mask)))["line"] == "sky 100%"
    assert result_json(Event(frame(), Result(fault="no numbers")))["line"] == "no numbers"


def test_each_source_has_streams_of_its_own():
    shades = [itertools.repeat(np.full((48, 64, 3), value, np.uint8)) for value in (0, 250)]
    with Camera(sources=("dark", "light"), pictures=shades, find=lambda picture: Result("detect")) as camera:
        for name, expected in (("dark", 0), ("light", 250)):
            with stream(camera.port, f"/video?source={name}") as answer:
                assert abs(decoded(next(pictures(answer))[1]).mean() - expected) < 3
        assert ask(camera.port, "/video?source=none")[0] == 400
        assert ask(camera.port, "/snapshot.jpg?source=../x")[0] == 400


def test_a_snapshot_is_the_whole_annotated_frame_to_keep():
    with Camera(pictures=[wide()], sources=("rtsp://cam/räum 1",)) as camera:
        until(lambda: camera.stats.frames > 2)
        status, headers, body = ask(camera.port, "/snapshot.jpg")
        assert status == 200
        assert decoded(body).shape == (720, 1280, 3)
        assert headers["Content-Disposition"].startswith('attachment; filename="rtsp-cam-r-um-1-2')


def test_a_stream_answers_head_without_taking_a_place():
    with Camera(viewers=1) as camera:
        for _ in range(3):
            assert ask(camera.port, "/video", "HEAD")[0] == 200
        until(lambda: camera.sink.viewers == 0)


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("edge.preview.app.BODY_SECONDS", 0.2)
    with Camera() as camera:
        assert ask(camera.port, "/api/settings", "POST", b"{", {**JSON, "Content-Length": "2"})[0] == 408


def test_there_are_no_more_viewers_than_allowed_and_a_place_becomes_free():
    with Camera(viewers=2) as camera:
        with stream(camera.port, "/video"), stream(camera.port, "/video") as second:
            next(pictures(second))
            until(lambda: camera.sink.viewers == 2)
            status, headers, body = ask(camera.port, "/video")
            assert (status, headers["Retry-After"]) == (503, "10")
            assert b"2 browsers watch already" in body
            assert ask(camera.port, "/api/state")[0] == 200
        until(lambda: camera.sink.viewers == 0)
        with stream(camera.port, "/video") as answer:
            assert answer.status == 200


def hanging(port, path="/video"):
    """Return a connection that asks for a stream and reads nothing."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(("127.0.0.1", port))
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return one


def test_a_browser_that_hangs_delays_nobody_and_is_disconnected(monkeypatch):
    monkeypatch.setattr(streams, "LONGEST_SEND", 0.5)
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)  # large as a JPEG
    with Camera(pictures=[itertools.repeat(noise)], rate=50) as camera, hanging(camera.port):
        until(lambda: camera.sink.viewers == 1)
        with stream(camera.port, "/video") as answer:
            parts = pictures(answer)
            ages = [float(next(parts)[0]["X-Age-Ms"]) for _ in range(15)]
            assert np.median(ages) < 500
            until(lambda: camera.sink.viewers == 1)
            next(parts)


def test_a_browser_that_vanishes_gives_its_place_back():
    with Camera() as camera:
        one = hanging(camera.port)
        until(lambda: camera.sink.viewers == 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()  # resets the connection
        until(lambda: camera.sink.viewers == 0)


def test_a_connection_that_never_asks_is_ended(monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)
    with Camera() as camera, socket.create_connection(("127.0.0.1", camera.port), timeout=10) as idle:
        assert ended(idle)


HALF = b"GET /style.css HTTP/1.1\r\nHost: localhost\r\nX-Half: "
HALF_BODY = (
    b"POST /style.css HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)


@pytest.mark.parametrize("half", [HALF, HALF_BODY], ids=["head", "body"])
@pytest.mark.parametrize("before", [0, 1, 2], ids=lambda count: f"after {count} answers")
def test_half_a_request_is_ended_whatever_was_asked_before(monkeypatch, half, before):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.3)
    with Camera() as camera, socket.create_connection(("127.0.0.1", camera.port), timeout=10) as slow:
        for _ in range(before):
            whole_answer(slow)
        slow.sendall(half)
        start = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while slow.recv(65536):  # the body's 405 comes first
                pass
        assert time.monotonic() - start < 3, "not the keep-alive time, and not for ever"


def test_a_head_that_comes_byte_by_byte_is_ended(monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.3)
    with Camera() as camera, socket.create_connection(("127.0.0.1", camera.port), timeout=10) as slow:
        whole_answer(slow)
        slow.settimeout(0.02)
        end = time.monotonic() + 5
        signs = itertools.chain(HALF, itertools.repeat(ord("x")))
        while not ended_after(slow, next(signs)):
            assert time.monotonic() < end


def ended_after(connection, sign):
    """Send a byte, and return whether the other side has ended the connection. Its timeout says it has not."""
    try:
        connection.sendall(bytes([sign]))
        return ended(connection)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_an_answer_that_takes_longer_than_a_request_may_is_not_cut(monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)
    with Camera(rate=20) as camera, stream(camera.port, "/video") as answer:
        heads = [head for head, _ in itertools.islice(pictures(answer), 16)]
        assert int(heads[-1]["X-Frame"]) - int(heads[0]["X-Frame"]) > 10  # more than half a second


def whole_answer(connection):
    """Ask for the style sheet on an open connection and read the whole answer."""
    connection.sendall(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 200
    answer.read()


def test_many_connections_that_ask_for_nothing_keep_nobody_out(monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    with Camera() as camera, stream(camera.port, "/video") as watching:
        slow = [socket.create_connection(("127.0.0.1", camera.port), timeout=10) for _ in range(2)]
        whole_answer(slow[0])  # so that the other one has waited longer
        slow[0].sendall(HALF)
        until(lambda: len(camera.sink._server._uvicorn.server_state.connections) == 3)
        assert ask(camera.port, "/api/state")[0] == 200
        assert ended(slow[1])
        next(pictures(watching))
        for one in slow:
            one.close()


def test_there_are_no_more_connections_than_allowed(monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    with Camera() as camera, contextlib.ExitStack() as streams_open:
        for _ in range(3):
            next(pictures(streams_open.enter_context(stream(camera.port, "/video"))))
        with socket.create_connection(("127.0.0.1", camera.port), timeout=10) as late:
            assert ended(late)
        assert camera.sink.viewers == 3


def ended(connection):
    """Return whether the other side closed or reset a connection."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def counted():
    return threading.active_count(), len(os.listdir("/proc/self/fd"))


def test_it_ends_at_once_and_leaves_no_thread_and_no_descriptor():
    run_and_close([])  # what the first run imports stays open
    before = counted()
    for paths in ([], ["/video", "/events", "/video"]):
        run_and_close(paths)
        until(lambda: counted() == before)


def run_and_close(paths):
    handler = signal.getsignal(signal.SIGINT)
    with Camera() as camera:
        assert signal.getsignal(signal.SIGINT) is handler
        port = camera.port
        held = [hanging(port, path) for path in paths]
        until(lambda: camera.stats.frames > 3)
        until(lambda: camera.sink.viewers == paths.count("/video"))
        start = time.monotonic()
        camera.sink.close()
        assert time.monotonic() - start < 2
        camera.sink.close()
    for one in held:
        one.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert camera.lines == [f"preview: http://127.0.0.1:{port}/"]


def test_it_can_be_started_again_on_its_port():
    with Camera() as camera, stream(camera.port, "/video") as answer:
        next(pictures(answer))
        port = camera.port
    with Camera(f"127.0.0.1:{port}") as camera:
        assert ask(port, "/api/state")[0] == 200


def test_an_error_is_one_line_and_ends_nothing(monkeypatch):
    def fail(*_):
        raise RuntimeError("two\nlines")

    with Camera() as camera:
        monkeypatch.setattr("edge.preview.status.facts", fail)
        assert ask(camera.port, "/api/state")[0] == 500
        until(lambda: len(camera.lines) == 2)  # it is reported after the answer
        assert camera.lines[1:] == ["preview: '/api/state' failed: RuntimeError: two lines"]
        monkeypatch.setattr("edge.preview.pictures.live", fail)
        with stream(camera.port, "/video"):
            until(lambda: len(camera.lines) == 3)
        assert camera.lines[2] == "preview: a result of cells cannot be shown: RuntimeError: two lines"


def test_the_loop_s_thread_is_not_held_up():
    with Camera(rate=1) as camera, stream(camera.port, "/video"), stream(camera.port, "/events"):
        one = camera.event(picture(0, (1280, 720)), 0, "cells")
        start = time.perf_counter()
        for _ in range(1000):
            camera.sink.emit(one)
        assert (time.perf_counter() - start) / 1000 < 1e-3
