"""An RTSP server for tests, run by the system's Python: GStreamer's gst-rtsp-server is a Debian package, not a wheel.

    /usr/bin/python3 rtsp_server.py PORT h264|jpeg FPS [USER:PASSWORD]

It prints its port, then serves /live: grey pictures whose first rows hold the time at which each was drawn.
``tests.sources.rtsp.drawn_time`` reads it. Each of BITS bits is a cell of CELL x CELL pixels, bright for 1, the lowest
bit first, COLUMNS cells in a row.
"""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

WIDTH, HEIGHT = 640, 480
BITS, CELL, COLUMNS = 48, 24, 24
KEY_FRAME_SECONDS = 0.5

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=4000 key-int-max={keys}"
    " ! rtph264pay config-interval=1 name=pay0 pt=96",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def picture():
    """Return a grey picture with the present time in milliseconds since 1970 drawn into it."""
    now = time.time_ns() // 1_000_000
    pixels = bytearray(b"\x30" * (WIDTH * HEIGHT))
    for bit in range(BITS):
        if now >> bit & 1:
            row, column = divmod(bit, COLUMNS)
            for line in range(row * CELL, (row + 1) * CELL):
                start = line * WIDTH + column * CELL
                pixels[start : start + CELL] = b"\xd0" * CELL
    return bytes(pixels)


class Factory(GstRtspServer.RTSPMediaFactory):
    """One picture for every tick, shared by all viewers."""

    def __init__(self, codec, fps):
        super().__init__()
        caps = f"video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},framerate={fps}/1"
        encoder = ENCODERS[codec].format(keys=max(1, round(fps * KEY_FRAME_SECONDS)))
        self.set_launch(
            f"( appsrc name=source is-live=true format=time do-timestamp=true caps={caps}"
            f" ! videoconvert ! video/x-raw,format=I420 ! {encoder} )"
        )
        self.set_shared(True)
        self._fps = fps

    def do_configure(self, media):
        source, ended = media.get_element().get_child_by_name("source"), []

        def tick():
            buffer = Gst.Buffer.new_wrapped(picture())
            buffer.duration = Gst.SECOND // self._fps
            source.emit("push-buffer", buffer)  # it is refused until the pipeline has started
            return not ended

        media.connect("unprepared", ended.append)
        GLib.timeout_add(1000 // self._fps, tick)


def protect(server, factory, login):
    """Let only this user watch."""
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    user, _, password = login.partition(":")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    role = Gst.Structure.new_from_string("viewer,media.factory.access=true,media.factory.construct=true")
    factory.add_role_from_structure(role)


def main():
    port, codec, fps, *login = sys.argv[1:]
    Gst.init(None)
    server, factory = GstRtspServer.RTSPServer(), Factory(codec, int(fps))
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/live", factory)
    if login:
        protect(server, factory, login[0])
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
