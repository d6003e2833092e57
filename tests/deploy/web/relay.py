"""A relay in front of a server that counts what passes, so that it sees the page, its workers and its cache alike."""

import contextlib
import socket
import threading


class Relay:
    """Passes connections on to a port of this machine.

    Attributes:
        port: where it listens.
        sent: bytes that the server has sent.
    """

    def __init__(self, target):
        self.target, self.sent = target, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self._pump, args=(visitor, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, visitor, True), daemon=True).start()

    def _pump(self, source, sink, counted):
        with contextlib.suppress(OSError), source, sink:
            while block := source.recv(1 << 16):
                if counted:
                    with self.lock:
                        self.sent += len(block)
                sink.sendall(block)
            sink.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
