"""``RtspDevice`` reads RTSP through PyAV, with little delay and with the sender's clock.

Its ages count from the sender's time where RTCP sender reports state it (``sender``), which most cameras send every few
seconds; from the time stamps before the first report, and where the sender's clock is wrong (``pts``); and from the
decoding of a picture without a time stamp (``decode``). See ``edge.sources.age``.
"""

import struct
import time
from collections import deque
from collections.abc import Iterator

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from edge.errors import FileError
from edge.reports import Report, to_stderr
from edge.sources.age import StampAge, by_sender
from edge.sources.base import Device
from edge.sources.stream_options import TRANSPORTS, RtspOptions

READ_SECONDS = 15.0
"""After so long a read ends with an error. The supervision has given the device up long before."""

_FFMPEG = {
    "fflags": "discardcorrupt",
    "flags": "low_delay",
    "fpsprobesize": "0",  # without it, opening takes as long as the pictures that FFmpeg counts to find their rate
    "analyzeduration": "2000000",
    "max_delay": "200000",  # microseconds that a missing UDP packet is waited for
    "allowed_media_types": "video",
}
"""Options of FFmpeg's RTSP demuxer for a short delay. The pictures of the analysis are kept, because the first key
frame is among them: the next may be seconds away."""

_PRODUCER_TIME = struct.Struct("=q")
"""The first field of FFmpeg's AVProducerReferenceTime: microseconds since 1970."""

_FULL_RANGE = 2
_BT601 = (2, 5, 6)
"""FFmpeg's AVCOL_RANGE_JPEG, and its AVCOL_SPC_UNSPECIFIED, BT470BG and SMPTE170M."""

_KEPT = 64
"""How many of the latest packets' times wait for their pictures. Decoders hold back 16 pictures at most."""


class RtspDevice(Device):
    """An open RTSP stream.

    A picture that cannot be decoded is counted in ``damaged`` and left out.
    """

    def __init__(self, address: str, name: str, options: RtspOptions, report: Report = to_stderr) -> None:
        """Open a stream.

        Args:
            address: the address with its user and password.
            name: the name in messages, without them.
            options: the transport and the time limit.
            report: takes the line on a clock of the sender that is wrong.

        Raises:
            FileError: no video stream can be had at this address.
        """
        self._name, self._report = name, report
        given = {**_FFMPEG, "rtsp_transport": TRANSPORTS[options.transport]}
        try:
            self._container = av.open(address, options=given, timeout=(options.timeout, READ_SECONDS))
        except (av.FFmpegError, OSError) as error:  # its text has the address with the password
            raise FileError(f"stream {name} cannot be opened: {_reason(error)}") from None
        if not self._container.streams.video:
            self._container.close()
            raise FileError(f"stream {name} has no video; give the address of another one of this camera")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "SLICE"  # a thread for each frame would hold back as many frames
        self._stream.codec_context.flags |= Flags.low_delay
        self._sent: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        self._stamp_age = StampAge()
        self._clock_is_wrong = self._interrupted = False
        self._frames = self._decoded()

    def read(self) -> NDArray[np.uint8]:
        """Return the next picture. See ``Device``."""
        try:
            frame = next(self._frames, None)
        except (av.FFmpegError, OSError) as error:
            raise FileError(f"stream {self._name} stopped giving frames: {_reason(error)}") from None
        if frame is None:
            raise FileError(f"stream {self._name} has ended")
        self._note_age(frame)
        self.format = "I420" if _is_i420(frame) else "BGR"
        return np.asarray(frame.to_ndarray() if self.format == "I420" else frame.to_ndarray(format="bgr24"), np.uint8)

    def close(self) -> None:
        """Close the connection. See ``Device``."""
        self._container.close()

    def interrupt(self) -> None:
        """See ``Device``. A read that waits for the network ends after READ_SECONDS."""
        self._interrupted = True

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._container.demux(self._stream):
            if self._interrupted:
                return
            if packet.pts is not None and packet.has_sidedata("prft"):
                sent = _PRODUCER_TIME.unpack_from(bytes(packet.get_sidedata("prft")))[0] / 1e6
                self._sent.append((packet.pts, sent))
            try:
                frames = self._stream.codec_context.decode(packet)
            except av.FFmpegError:  # the picture is damaged, and the next may be whole
                self.damaged += 1
                continue
            yield from frames

    def _note_age(self, frame: VideoFrame) -> None:
        """Set the age of a picture by the best clock that there is."""
        self.age_clock, self.age = "decode", 0.0
        if frame.pts is None or frame.time_base is None:
            return
        self.age_clock, self.age = "pts", self._stamp_age(float(frame.pts * frame.time_base), time.monotonic())
        sent = next((time_sent for pts, time_sent in self._sent if pts == frame.pts), None)
        if sent is None:
            return
        now = time.time()
        age = by_sender(sent, now)
        if age is not None:
            self.age_clock, self.age = "sender", age
        elif not self._clock_is_wrong:
            self._clock_is_wrong = True
            self._report(
                f"source {self._name}: its clock differs by {now - sent:+.1f} s from the clock here, so that ages "
                "count from time stamps; let NTP set both clocks"
            )


def _reason(error: Exception) -> str:
    """Return why FFmpeg failed, in its words, without the address."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    return "no answer in time" if isinstance(error, av.error.ExitError) else str(reason)


def _is_i420(frame: VideoFrame) -> bool:
    """Return whether the planes can be handed on as they are: BT.601 in video range, of even sides."""
    if frame.format.name != "yuv420p" or frame.width % 2 or frame.height % 2:
        return False
    return int(frame.color_range) != _FULL_RANGE and int(frame.colorspace) in _BT601
