"""A real HTTP server on this machine that sends Motion JPEG."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

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
