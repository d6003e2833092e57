"""A real HTTP server on this machine that sends Motion JPEG, dies, and comes back."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest

from edge.sources.stream import open_stream, without_secret
from edge.sources.supervised import Patience
from tests.loops import picture


def _handler(alive: threading.Event):
    ok, jpeg = cv2.imencode(".jpg", picture(1, (64, 48)))
    assert ok
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg.tobytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                while alive.is_set():
                    self.wfile.write(part)
                    threading.Event().wait(0.005)
            except OSError:
                return

        def log_message(self, *_):
            pass

    return Handler


class Server:
    """Motion JPEG on 127.0.0.1; ``stop`` ends every connection and frees the port."""

    def __init__(self, port: int = 0):
        self._alive = threading.Event()
        self._alive.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._alive))
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self):
        self._alive.clear()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_frames_come_and_come_back_after_the_server_died(capsys):
    server = Server()
    lines = []
    source = open_stream(f"http://me:secret@127.0.0.1:{server.port}/video", Patience(2.0, 0.05, 0.2))
    source._report = lines.append
    frames = iter(source)
    try:
        first = next(frames)
        assert first.image.shape == (48, 64, 3)
        assert first.source == f"http://127.0.0.1:{server.port}/video"
        server.stop()
        server = None
        restart = threading.Timer(0.3, lambda: restarted.append(Server(int(first.source[17:].partition("/")[0]))))
        restarted = []
        restart.start()
        later = next(f for f in frames if restarted and any("back after" in line for line in lines))
        restart.join()
        server = restarted[0]
    finally:
        source.close()
        frames.close()
        if server:
            server.stop()
    assert later.index > first.index
    assert any("opening it again" in line for line in lines)
    assert not any("secret" in line for line in lines)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:pa@ss@10.0.0.2:554/live?x=1", "rtsp://10.0.0.2:554/live?x=1"),
        ("http://host/video", "http://host/video"),
    ],
)
def test_a_password_is_never_shown(address, shown):
    assert without_secret(address) == shown
    assert open_stream(address).name == shown
