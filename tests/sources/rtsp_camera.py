"""A raw RTSP server on this machine whose every answer a test decides."""

import socket
import threading


class RtspCamera:
    """Answers each request of each connection by ``answer(method, path, head)``, which returns the lines of a head.

    Attributes:
        heads: the heads of all requests, in their order.
    """

    def __init__(self, answer):
        self.heads, self._answer, self._open = [], answer, []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def address(self, host="127.0.0.1", login="", path="/live"):
        return f"rtsp://{login}{host}:{self.port}{path}"

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._talk, args=(connection,)))
            self._threads[-1].start()

    def _talk(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                while head := self._head(lines):
                    self.heads.append(head)
                    method, address, _ = head[0].split(" ")
                    number = next(line for line in head if line.lower().startswith("cseq:"))
                    answer = self._answer(method, "/" + address.split("/", 3)[3], head)
                    connection.sendall(("\r\n".join([answer[0], number, *answer[1:]]) + "\r\n\r\n").encode())
        except (OSError, ValueError):
            pass

    def _head(self, lines):
        head = []
        while line := lines.readline().decode().strip():
            head.append(line)
        return head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(10)
