"""A real RTSP server in a process of its own, whose pictures tell when they were drawn."""

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_server.py")
BITS, CELL, COLUMNS = 48, 24, 24

_NEEDS = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [n for n in ("x264enc", "rtph264pay", "jpegenc", "rtpjpegpay", "appsrc") if not Gst.ElementFactory.find(n)]
raise SystemExit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
"""


@cache
def missing() -> str:
    """Return why the server cannot run here, or an empty text."""
    if not Path(PYTHON).exists():
        return f"{PYTHON} is not there"
    done = subprocess.run([PYTHON, "-W", "ignore", "-c", _NEEDS], capture_output=True, text=True, timeout=60)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def needs_server(test):
    """Mark a test as starting the server."""
    reason = f"needs gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's plugins from Debian: {missing()}"
    return pytest.mark.skipif(bool(missing()), reason=reason)(test)


class Server:
    """The server. ``kill`` ends it at once, as a power cut does."""

    def __init__(self, port: int = 0, codec: str = "h264", fps: int = 30, login: str = ""):
        """login: ``USER:PASSWORD`` of the only user that may watch."""
        command = [PYTHON, "-W", "ignore", str(SCRIPT), str(port), codec, str(fps), *([login] if login else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(f"the RTSP server does not start: {self._process.communicate()[1]}")
        self.port = int(line)
        self.address = f"rtsp://127.0.0.1:{self.port}/live"

    def kill(self):
        self._process.kill()
        self._process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def drawn_time(image: np.ndarray) -> float:
    """Return when a picture (height, width, 3) was drawn, in seconds since 1970."""
    rows = -(-BITS // COLUMNS)
    centres = image[CELL // 2 : rows * CELL : CELL, CELL // 2 : COLUMNS * CELL : CELL, 1].ravel()[:BITS]
    return sum(1 << bit for bit, value in enumerate(centres.tolist()) if value > 128) / 1e3
