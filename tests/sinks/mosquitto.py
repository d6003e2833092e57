"""A real MQTT broker on a free port of 127.0.0.1, and a client that reads what it has."""

import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

PROGRAMS = [
    shutil.which(name, path=f"/usr/sbin:/usr/bin:{Path.home()}/bin") for name in ("mosquitto", "mosquitto_passwd")
]

needs_mosquitto = pytest.mark.skipif(None in PROGRAMS, reason="needs the broker mosquitto")


class Mosquitto:
    """The broker. It can be killed and started again, on the same port and without what it kept."""

    def __init__(self, folder: Path, users: dict[str, str] | None = None, certificate=None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "user root"]
        lines.append(f"allow_anonymous {'false' if users else 'true'}")
        for number, (user, password) in enumerate((users or {}).items()):
            file = folder / "passwords"
            options = ["-b"] if number else ["-c", "-b"]
            subprocess.run([PROGRAMS[1], *options, file, user, password], check=True, capture_output=True)
        if users:
            lines.append(f"password_file {folder / 'passwords'}")
        if certificate is not None:
            lines += [f"certfile {certificate.certificate}", f"keyfile {certificate.key}"]
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen | None = None

    def start(self) -> "Mosquitto":
        self._process = subprocess.Popen(
            [PROGRAMS[0], "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert self._process.poll() is None, "mosquitto ended"
                assert time.monotonic() < until, "mosquitto does not listen"
                time.sleep(0.02)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Mosquitto":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Reader:
    """Reads all messages of a broker, and keeps them in order."""

    def __init__(self, port: int, user: str = "", password: str = "", ca=None) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, str, bool]] = []
        self._changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, password)
        if ca is not None:
            self._client.tls_set(str(ca))
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, client, data, message) -> None:
        with self._changed:
            self.messages.append((message.topic, message.payload.decode(), message.retain))
            self._changed.notify_all()

    def wait(self, topic: str, payload: str | None = None, count: int = 1) -> list[str]:
        """Wait until a topic had this message so often, and return the topic's messages."""

        def found():
            return [text for name, text, _ in self.messages if name == topic and payload in (None, text)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, 20), (topic, payload, self.messages)
            return found()

    def tell(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
