"""A raw HTTP server on this machine whose every byte a test decides."""

import socket
import ssl
import threading

import cv2

from tests.loops import picture


def jpeg(band: int = 1, size=(64, 48)) -> bytes:
    return cv2.imencode(".jpg", picture(band, size))[1].tobytes()


def part(data: bytes, length: int | None = None, boundary: str = "--frame") -> bytes:
    """Return a part of a multipart stream. length: what its header states. None states the true one."""
    stated = len(data) if length is None else length
    return f"{boundary}\r\nContent-Type: image/jpeg\r\nContent-Length: {stated}\r\n\r\n".encode() + data + b"\r\n"


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
SNAPSHOT = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"


class HttpCamera:
    """Answers each connection by ``answer(send, request, number)``, then closes it.

    ``send`` takes bytes, and raises OSError when the client has gone. ``closing`` is set when the server ends.
    """

    def __init__(self, answer, port: int = 0, tls: ssl.SSLContext | None = None):
        self.requests, self.closing = [], threading.Event()
        self._answer, self._open, self._tls = answer, set(), tls
        self._server = socket.create_server(("127.0.0.1", port))
        self.port = self._server.getsockname()[1]
        self.address = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/video"
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.add(connection)
            thread = threading.Thread(target=self._talk, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection):
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request and (data := connection.recv(4096)):
                request += data
            self.requests.append(request.decode())
            self._answer(connection.sendall, self.requests[-1], len(self.requests))
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.closing.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(10)
