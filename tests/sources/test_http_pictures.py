"""Pictures over HTTP from servers that behave well, badly, and not at all."""

import datetime
import itertools
import ssl
import struct
import threading
import time
import zlib
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from edge.errors import InputError
from edge.sources.options import SourceOptions
from edge.sources.stream import open_stream
from edge.sources.supervised import RetryPolicy
from tests.sources.http_camera import SNAPSHOT, STREAM, HttpCamera, jpeg, part

QUICK = RetryPolicy(0.02, 0.05, longest_unanswered=0.05, stall=0.5, opening=3.0)
JPEG = jpeg()
PICTURE = cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_COLOR)
HEAD = STREAM.split(b"\r\n\r\n")[0]


@contextmanager
def watching(answer, path="", **options):
    """Yield the server, the source and the lines that it reports."""
    with HttpCamera(answer) as server:
        lines = []
        with open_stream(server.address + path, SourceOptions(**options), retry=QUICK) as source:
            source._report = lines.append
            yield server, source, lines


def stream(*parts, head=STREAM):
    """Return an answer that sends these bytes, and goes on with whole pictures."""

    def answer(send, request, number):
        send(head)
        for data in parts:
            send(data)
        while True:
            send(part(JPEG))
            time.sleep(0.005)

    return answer


def chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def chunks(send, request, number):
    send(HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        for data in (part(JPEG)[:100], part(JPEG)[100:]):
            send(chunked(data))
        time.sleep(0.005)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(stream(), id="a stream as it should be"),
        pytest.param(chunks, id="chunked, with a picture in two chunks"),
        pytest.param(stream(part(JPEG, 10), part(JPEG, 10**9), part(JPEG, -1)), id="lengths that lie"),
        pytest.param(stream(part(JPEG, boundary="frame"), JPEG, JPEG), id="a boundary without dashes, and none"),
        pytest.param(stream(head=STREAM.replace(b"; boundary=frame", b"")), id="no boundary stated"),
        pytest.param(stream(head=STREAM.replace(b"HTTP/1.1", b"HTTP/1.0")), id="HTTP/1.0"),
        pytest.param(stream(b"\r\n" * 1000), id="a long gap"),
    ],
)
def test_every_picture_of_a_stream_is_whole(answer):
    with watching(answer) as (_, source, lines):
        frames = list(itertools.islice(source, 5))
    assert all(np.array_equal(frame.pixels, PICTURE) for frame in frames)
    assert {frame.age_clock for frame in frames} == {"arrival"}
    assert (lines, source.lost_frames) == ([], 0)


@pytest.mark.parametrize(
    ("damaged", "count"),
    [
        pytest.param(part(JPEG[: len(JPEG) // 2]), 1, id="cut in the scan"),
        pytest.param(part(JPEG[: len(JPEG) // 2]) * 3, 3, id="three in a row"),
        pytest.param(part(JPEG[:2] + b"\xff\xda\x00\x02" + bytes(50) + b"\xff\xd9"), 1, id="no picture inside"),
    ],
)
def test_a_damaged_picture_is_left_out_and_counted(damaged, count):
    with watching(stream(part(JPEG), damaged)) as (_, source, lines):
        frames = list(itertools.islice(source, 5))
    assert all(np.array_equal(frame.pixels, PICTURE) for frame in frames)
    assert (lines, source.lost_frames) == ([], count)


def test_a_server_that_ends_the_stream_after_each_picture_is_asked_again():
    with watching(lambda send, request, number: send(STREAM + part(JPEG))) as (server, source, lines):
        frames = list(itertools.islice(source, 5))
    assert len(frames) == 5
    assert len(server.requests) >= 5
    assert (lines, source.errors) == ([], 0)


def test_the_rate_is_the_most_that_a_stream_gives():
    with watching(stream(), rate=20.0) as (_, source, _):
        frames = list(itertools.islice(source, 6))
    assert (frames[-1].monotonic_ns - frames[0].monotonic_ns) / 1e9 >= 0.2


def test_snapshots_are_asked_for_at_the_rate():
    with watching(lambda send, request, number: send(SNAPSHOT + JPEG), rate=20.0) as (server, source, lines):
        frames = list(itertools.islice(source, 5))
    seconds = (frames[-1].monotonic_ns - frames[0].monotonic_ns) / 1e9
    assert 0.15 <= seconds <= 2.0
    assert 5 <= len(server.requests) <= 7
    assert lines == []
    np.testing.assert_array_equal(frames[0].pixels, PICTURE)


def test_a_cut_snapshot_is_left_out_and_counted():
    def answer(send, request, number):
        send(SNAPSHOT + (JPEG if number % 2 else JPEG[:-20]))

    with watching(answer, rate=50.0) as (_, source, lines):
        frames = list(itertools.islice(source, 3))
    assert all(np.array_equal(frame.pixels, PICTURE) for frame in frames)
    assert source.lost_frames == 2
    assert lines == []


def test_a_png_is_a_snapshot_too():
    png = cv2.imencode(".png", PICTURE)[1].tobytes()
    head = SNAPSHOT.replace(b"jpeg", b"png")
    with watching(lambda send, request, number: send(head + png)) as (_, source, _):
        np.testing.assert_array_equal(next(iter(source)).pixels, PICTURE)


def trickle(data, closing, send):
    """Send a byte every 0.02 s, which is no silence that a time limit of the socket would notice."""
    for byte in data:
        send(bytes([byte]))
        if closing.wait(0.02):
            return


@pytest.mark.parametrize(
    ("head", "rest", "line"),
    [
        (b"", STREAM + bytes(10_000), "no answer within 0.5 s"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Filler: 1\r\n" * 1000, "no answer within 0.5 s"),
        (SNAPSHOT, bytes(10_000), "sends a picture too slowly"),
        (STREAM, bytes(10_000), "no frame for 0.5 s"),
    ],
)
def test_a_server_that_trickles_hangs_nothing(head, rest, line):
    """Slow loris: each byte comes in time, and the whole never does."""

    def answer(send, request, number):
        send(head)
        trickle(rest, server.closing, send)

    with watching(answer, options={"timeout": "0.5"}) as (server, source, lines):
        source._report = lambda text: (lines.append(text), source.close())
        began = time.monotonic()
        assert list(source) == []
    assert time.monotonic() - began < 3
    assert line in lines[0] or "no frame for 0.5 s" in lines[0]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "it has nothing at this path"),
        (b"HTTP/1.1 500 Oops\r\n\r\n", "the server answers 500"),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n", "it refuses the user and password"),
        (b"HTTP/1.1 302 Moved\r\nLocation: /elsewhere\r\n\r\n", "it is moved more than 5 times"),
        (b"HTTP/1.1 302 Moved\r\nLocation: ftp://other/\r\n\r\n", "it is moved to an address that is no http://"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", "must give pictures or video, got text/html"),
        (b"SSH-2.0-OpenSSH\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000, "the answer is no HTTP"),
        (b"", "cannot be opened"),
        (STREAM + bytes(70_000), "must have one every 64 KiB, found none"),
        (STREAM, "has ended"),
    ],
)
def test_what_is_no_stream_is_one_line_without_the_password(answer, line):
    with HttpCamera(lambda send, request, number: send(answer)) as server:
        address = server.address.replace("//", "//me:s3cret@")
        source, lines = open_stream(address, retry=QUICK), []
        source._report = lambda text: (lines.append(text), source.close())
        assert list(source) == []
    assert line in lines[0]
    assert "s3cret" not in lines[0]
    assert "\n" not in lines[0]


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_the_password_is_sent_when_it_is_asked_for(scheme):
    challenge = {"Basic": 'Basic realm="cam"', "Digest": 'Digest realm="cam", nonce="abc", qop="auth"'}[scheme]

    def answer(send, request, number):
        if f"Authorization: {scheme} " in request:
            stream()(send, request, number)
        send(f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\n\r\n".encode())

    with HttpCamera(answer) as server, open_stream(server.address.replace("//", "//me:pw@"), retry=QUICK) as source:
        assert next(iter(source)).size == (64, 48)
    assert "Authorization" not in server.requests[0]


def test_another_server_does_not_get_the_password():
    with HttpCamera(stream()) as other:

        def answer(send, request, number):
            if "Authorization" not in request:
                send(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n")
            send(f"HTTP/1.1 302 Moved\r\nLocation: {other.address}\r\n\r\n".encode())

        with HttpCamera(answer) as first, open_stream(first.address.replace("//", "//me:pw@"), retry=QUICK) as source:
            assert next(iter(source)).size == (64, 48)
    assert not any("Authorization" in request for request in other.requests)


@pytest.fixture
def tls(tmp_path):
    """A server's certificate that nobody signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path / "camera.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_certificate_that_nobody_trusts_is_refused(tls):
    with HttpCamera(stream(), tls=tls) as server, open_stream(server.address, retry=QUICK) as source:
        lines = []
        source._report = lambda text: (lines.append(text), source.close())
        assert list(source) == []
    assert "its certificate is not trusted" in lines[0]
    assert "verify=false" in lines[0]
    assert server.requests == []


def test_verification_can_be_left_out_and_that_is_said(tls, capsys):
    options = SourceOptions(options={"verify": "false"})
    with HttpCamera(stream(), tls=tls) as server, open_stream(server.address, options, QUICK) as source:
        frames = list(itertools.islice(source, 3))
    assert np.array_equal(frames[2].pixels, PICTURE)
    assert "the server's certificate is not checked" in capsys.readouterr().err


def test_a_video_behind_http_goes_to_ffmpeg(tmp_path):
    from edge.scenes import write_clip

    write_clip(tmp_path / "clip.avi", frames=8, size=(64, 48))
    clip = (tmp_path / "clip.avi").read_bytes()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: video/x-msvideo\r\nContent-Length: {len(clip)}\r\n\r\n".encode()
    with watching(lambda send, request, number: send(head + clip), path="/clip.avi") as (_, source, _):
        frame = next(iter(source))
    assert (frame.size, frame.age_clock) == ((64, 48), "decode")


def test_results_resume_within_3_s_after_the_server_is_back():
    lines, down = [], threading.Event()
    server = HttpCamera(stream())

    def report(line):
        lines.append(line)
        down.set()

    with open_stream(server.address) as source:
        source._report = report
        frames = iter(source)
        next(frames)
        server.stop()
        restarted = {}

        def restart():
            assert down.wait(10)
            time.sleep(1.0)  # so that it has tried, and waits
            restarted.update(server=HttpCamera(stream(), server.port), at=time.monotonic())

        thread = threading.Thread(target=restart)
        thread.start()
        next(frame for frame in frames if restarted)
        resumed = time.monotonic()
        thread.join()
    restarted["server"].stop()
    assert resumed - restarted["at"] <= 3.0
    assert source.reopened == 1
    assert len(lines) <= 3


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"options": {"verify": "perhaps"}}, "verify must be true or false, got 'perhaps'"),
        ({"options": {"transport": "udp"}}, "unknown option of an HTTP stream's 'transport'"),
        ({"size": (64, 48)}, "must have no option 'size'"),
    ],
)
def test_what_a_stream_cannot_be_asked_for_is_one_line(options, line):
    with pytest.raises(InputError, match=line):
        open_stream("http://camera/video", SourceOptions(**options))


def test_a_small_file_that_states_a_huge_picture_is_left_out_and_not_decoded(monkeypatch):
    """A picture of 30000 x 30000 takes 2.7 GB, and its PNG 109 KB: only the head is made here."""
    head = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    huge = b"\x89PNG\r\n\x1a\n" + png_part(b"IHDR", head) + png_part(b"IDAT", zlib.compress(b"")) + png_part(b"IEND")
    sent, decode = itertools.chain([huge], itertools.repeat(JPEG)), cv2.imdecode
    handed = []
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: (handed.append(data.tobytes()), decode(data, flags))[1])
    with watching(lambda send, request, number: send(SNAPSHOT + next(sent)), rate=50.0) as (_, source, _):
        frame = next(iter(source))
    assert (frame.bgr == PICTURE).all()
    assert source.lost_frames == 1
    assert set(handed) == {JPEG}


def png_part(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
